import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { proxyHint } from '../config/proxy-variables.js';
import { ConfigurationError, EraseError, UnavailableError } from '../errors.js';

/** gRPC status codes, by their numbers in the gRPC specification. */
export const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The gRPC status code in an error of the Temporal client, also where the client wrapped it. */
export function grpcCode(error: unknown): number | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return at.code;
  }
  return undefined;
}

/** The server's own words in an error of the Temporal client. */
export function grpcMessage(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at) && at.details) return at.details;
  }
  return error instanceof Error ? error.message : String(error);
}

const OF_THE_SERVER: readonly number[] = [GRPC.deadlineExceeded, GRPC.resourceExhausted, GRPC.unavailable];
const OF_THE_RIGHTS: readonly number[] = [GRPC.permissionDenied, GRPC.unauthenticated];

/**
 * What an error of the Temporal client means to a caller: unreachable, not allowed, no such namespace. Everything else
 * comes back as it is.
 */
export function temporalError(error: unknown, address: string): unknown {
  if (error instanceof EraseError) return error;
  if (error instanceof NamespaceNotFoundError) {
    return new ConfigurationError([`Temporal at ${address} has no namespace "${error.namespace}".`], {
      advice: 'Set TEMPORAL_NAMESPACE to one that exists, or create it.',
      cause: error,
    });
  }
  const code = grpcCode(error);
  if (code === undefined) return error;
  if (OF_THE_RIGHTS.includes(code)) {
    return new ConfigurationError([`Temporal at ${address} refuses this caller: ${grpcMessage(error)}`], {
      advice: 'Check TEMPORAL_API_KEY, the client certificate and the rights in the namespace.',
      cause: error,
    });
  }
  if (OF_THE_SERVER.includes(code)) return unreachable(address, error);
  return error instanceof ServiceError
    ? new UnavailableError(`Temporal: ${grpcMessage(error)}`, { cause: error })
    : error;
}

const TLS_ON =
  ' TLS is on: a server without it never answers, nor one that does not take our certificate, or whose CA we do not know.';
const TLS_OFF = ' TLS is off: a server that asks for it never answers.';

/** Why a server cannot be reached, and what to do about it. */
export interface Trouble {
  /** One sentence. */
  found: string;
  advice: string;
}

/** @param why what was found out; or whether TLS was used, as the wrong choice looks like a server that does not answer */
export function unreachable(address: string, cause: unknown, why?: Trouble | boolean): UnavailableError {
  const trouble = typeof why === 'object' ? why : null;
  const hint = why === undefined || trouble !== null ? '' : why ? TLS_ON : TLS_OFF;
  const start = `Start it (\`smart-erase dev\` has one), or set TEMPORAL_ADDRESS to where it listens.${hint}`;
  return new UnavailableError(
    `Temporal cannot be reached at ${address}.${trouble === null ? '' : ` ${trouble.found}`}`,
    { advice: `${trouble?.advice ?? start}${proxyHint()}`, cause },
  );
}
