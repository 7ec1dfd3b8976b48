import type { KeyPair } from '../config/vendor-credentials.js';

export type Credentials = KeyPair;

export interface FoundCredentials {
  credentials: Credentials;
  /** Expiry, in milliseconds since 1970. */
  until: number;
  /** When to refresh them. Default: some time before the expiry. */
  refreshAt?: number;
}

/** A source of credentials. */
export interface CredentialSource {
  /** Name, as the subject of a sentence. */
  readonly name: string;
  /** Null: it has none. Rejects with the rest of the sentence when it is unavailable. */
  ask(): Promise<FoundCredentials | null>;
}
