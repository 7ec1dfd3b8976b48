import type { KeyPair } from '../config/vendor-credentials.js';

export type Credentials = KeyPair;

export interface FoundCredentials {
  credentials: Credentials;
  /** When they end, in milliseconds since 1970. */
  until: number;
  /** When to ask for new ones. Default: some time before the end. */
  refreshAt?: number;
}

/** Where credentials come from. */
export interface CredentialSource {
  /** As the subject of a sentence. */
  readonly name: string;
  /** Null: it has none. Rejects with the rest of the sentence when it could not be asked. */
  ask(): Promise<FoundCredentials | null>;
}
