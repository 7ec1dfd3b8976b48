import { execFile } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Paths of a certificate and its key, in PEM. */
export interface CertificateFiles {
  cert: string;
  key: string;
}

/** A CA of a test's own, made by openssl. */
export class TestAuthority {
  private constructor(
    private readonly folder: string,
    private readonly name: string,
  ) {}

  static async create(folder: string, name: string): Promise<TestAuthority> {
    await mkdir(folder, { recursive: true });
    const authority = new TestAuthority(folder, name);
    await authority.#openssl(...authority.#new(name));
    return authority;
  }

  get certificate(): string {
    return join(this.folder, `${this.name}.pem`);
  }

  /** A certificate of it, valid for two days; `more` goes to openssl as it is. */
  async sign(name: string, ...more: string[]): Promise<CertificateFiles> {
    const signer = ['-CA', `${this.name}.pem`, '-CAkey', `${this.name}.key`];
    const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
    await this.#openssl(...this.#new(name), ...signer, ...leaf, ...more);
    const key = join(this.folder, `${name}.key`);
    await chmod(key, 0o600);
    return { cert: join(this.folder, `${name}.pem`), key };
  }

  /** One that has ended by the time it is there. */
  async signEnded(name: string): Promise<CertificateFiles> {
    const { cert, key } = await this.sign(name);
    await this.#openssl('x509', '-x509toreq', '-in', cert, '-signkey', key, '-out', `${name}.csr`);
    const signer = ['-CA', `${this.name}.pem`, '-CAkey', `${this.name}.key`, '-CAcreateserial'];
    await this.#openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-days', '0', '-out', cert);
    return { cert, key };
  }

  #new(name: string): string[] {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    return ['req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`];
  }

  async #openssl(...args: string[]): Promise<void> {
    await promisify(execFile)('openssl', args, { cwd: this.folder });
  }
}
