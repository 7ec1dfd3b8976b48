import { type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { type DatabaseAddress, databaseAddress } from '../../config/database-address.js';
import { DestroyOnTimeoutClient } from './destroy-on-timeout-client.js';
import { isOfThisServer, offersNoTls, refusesParameters } from './error-causes.js';
import { LedgerError } from './ledger-error.js';

/** Milliseconds to wait for a connection before the ledger is reported as unavailable. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Milliseconds after which an unused connection is closed: submits come in waves, and opening one costs both ends more than a statement. */
const IDLE_TIMEOUT_MS = 60_000;
/** How much longer the client waits for a statement than the server: it detects a server that can no longer answer. */
const PATIENCE_MS = 2_000;

export interface ConnectionsOptions {
  maxConnections: number;
  statementMs: number;
  idleInTransactionMs: number;
}

/** The connections of one process to the ledger: several hosts, TLS where the server has it, poolers that refuse parameters. */
export class Connections implements PostgresPool {
  private readonly way: Way;
  private readonly pool: pg.Pool;
  private readonly severalHosts: boolean;

  /** @throws LedgerError when the address cannot be read */
  constructor(databaseUrl: string, options: ConnectionsOptions) {
    const address = addressOf(databaseUrl);
    const way = new Way(address, options);
    this.way = way;
    this.severalHosts = address.hosts.length > 1;
    const timeoutMs = address.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const poolOptions = {
      // Made for each connection, to use what is known by then.
      Client: class extends DestroyOnTimeoutClient {
        constructor() {
          super({ ...way.next(), connectionTimeoutMillis: timeoutMs });
        }
      },
      max: options.maxConnections,
      connectionTimeoutMillis: timeoutMs,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      allowExitOnIdle: true,
      ...(address.writable ? { onConnect: refuseReadOnly } : {}),
    };
    this.pool = new pg.Pool(poolOptions as pg.PoolConfig);
    // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
    this.pool.on('error', () => {});
  }

  async connect(): Promise<PostgresPoolClient> {
    for (let attempt = 1; ; attempt += 1) {
      const host = this.way.host;
      try {
        return this.returned((await this.pool.connect()) as unknown as pg.PoolClient & DestroyOnTimeoutClient);
      } catch (error) {
        if (!this.way.learn(error, host, attempt)) throw error;
      }
    }
  }

  async end(): Promise<void> {
    await this.pool.end();
  }

  /** The pool keeps a returned connection, unless its server is no longer the writable one. */
  private returned(client: pg.PoolClient & DestroyOnTimeoutClient): PostgresPoolClient {
    const release = client.release.bind(client);
    client.release = () => release(client.readsOnly && this.severalHosts);
    return client as unknown as PostgresPoolClient;
  }
}

/** @throws LedgerError when it cannot be read */
export function addressOf(databaseUrl: string): DatabaseAddress {
  const address = databaseAddress(databaseUrl);
  if ('problems' in address) throw new LedgerError('access', `DATABASE_URL ${address.problems.join('; it ')}.`);
  return address;
}

/** How the server is reached, as far as known: what one connection found out applies to the next. */
class Way {
  /** Of the hosts, the one that is used. */
  host = 0;
  /** Hosts that offer no TLS, where it is not asked for. */
  private readonly plain = new Set<number>();
  /** Some poolers refuse startup parameters that they do not know. */
  private withParameters = true;
  private secureContext: SecureContext | undefined;

  constructor(
    private readonly address: DatabaseAddress,
    private readonly options: ConnectionsOptions,
  ) {}

  next(): pg.ClientConfig {
    const { address, options } = this;
    const { host = 'localhost', port = 5_432 } = address.hosts[this.host] ?? {};
    const { tls } = address;
    const socket = host.startsWith('/');
    const ssl = socket || this.plain.has(this.host) ? false : this.tlsOptions();
    const parameters = {
      statement_timeout: options.statementMs,
      idle_in_transaction_session_timeout: options.idleInTransactionMs,
    };
    return {
      host,
      port,
      user: address.user,
      database: address.database,
      // Never undefined: the driver would search its own default locations.
      password: address.password ?? (async () => await fromPasswordFile(address, host, port)),
      ssl,
      sslnegotiation: tls.direct && ssl !== false ? 'direct' : 'postgres',
      ...(address.options === undefined ? {} : { options: address.options }),
      ...(this.withParameters ? parameters : {}),
      query_timeout: options.statementMs + PATIENCE_MS,
      keepAlive: true,
      application_name: address.applicationName ?? 'vod-smart-erase',
      enableChannelBinding: address.channelBinding,
    } as pg.ClientConfig;
  }

  /** Certificates are parsed once, not for each connection. */
  private tlsOptions(): false | ConnectionOptions {
    const { options } = this.address.tls;
    if (options === false) return false;
    this.secureContext ??= createSecureContext(options);
    return { ...options, secureContext: this.secureContext };
  }

  /** @returns whether the next connection may succeed where this one failed, on the host `tried` */
  learn(error: unknown, tried: number, attempt: number): boolean {
    const { hosts, tls } = this.address;
    if (attempt >= hosts.length * 3) return false;
    if (refusesParameters(error) && /timeout/.test((error as Error).message)) {
      this.withParameters = false;
      return true;
    }
    if (offersNoTls(error) && (tls.mode === 'prefer' || tls.mode === 'allow')) {
      this.plain.add(tried);
      return true;
    }
    if (hosts.length < 2 || !isOfThisServer(error)) return false;
    if (this.host === tried) this.host = (tried + 1) % hosts.length;
    return true;
  }
}

/** Of several servers, a read-only one is no use. */
async function refuseReadOnly(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only');
  if (rows[0]?.transaction_read_only !== 'on') return;
  throw Object.assign(new Error(`the server at ${client.host}:${client.port} can only be read`), { code: '25006' });
}

/** `~/.pgpass`, or PGPASSFILE, as psql reads it. */
async function fromPasswordFile({ user, database }: DatabaseAddress, host: string, port: number): Promise<string> {
  const { default: pgpass } = await import('pgpass');
  return await new Promise((resolve) => {
    pgpass({ host: host.startsWith('/') ? 'localhost' : host, port, user, database }, (password) =>
      resolve(password ?? ''),
    );
  });
}
