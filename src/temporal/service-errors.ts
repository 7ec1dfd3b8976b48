import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { proxyHint } from '../config/proxy-variables.js';
import { ConfigurationError, EraseError, UnavailableError } from '../errors.js';

/** gRPC status codes, by the gRPC specification. */
export const GRPC = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Format of a status in the messages of the SDK's native part, which a worker uses. */
const NATIVE_STATUS = /Status \{ code: (\w+), message: "((?:[^"\\]|\\.)*)"/;

function nativeStatus({ message }: Error): { code: number; message: string } | null {
  const [, name = '', said = ''] = NATIVE_STATUS.exec(message) ?? [];
  const code = GRPC[`${name.charAt(0).toLowerCase()}${name.slice(1)}` as keyof typeof GRPC];
  return code === undefined ? null : { code, message: said };
}

/** The gRPC status code of a Temporal client error, also of a wrapped one. */
export function grpcCode(error: unknown): number | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return at.code;
    const native = nativeStatus(at);
    if (native !== null) return native.code;
  }
  return undefined;
}

/** The server's message in a Temporal client error. */
export function grpcMessage(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at) && at.details) return at.details;
    const native = nativeStatus(at);
    if (native !== null) return native.message;
  }
  return error instanceof Error ? error.message : String(error);
}

const OF_THE_SERVER: readonly number[] = [GRPC.deadlineExceeded, GRPC.unavailable];
const OF_THE_RIGHTS: readonly number[] = [GRPC.permissionDenied, GRPC.unauthenticated];

/** The server's message for a missing namespace, with its name. */
const NO_NAMESPACE = /namespace\s+"?([^\s"]*?)"?\s*(?:(?:is|was)\s+)?not found/i;

/**
 * Converts a Temporal client error into ours: unreachable, not allowed, no such namespace. Other errors are returned unchanged.
 */
export function temporalError(error: unknown, address: string): unknown {
  if (error instanceof EraseError) return error;
  const namespace = missingNamespace(error);
  if (namespace !== null) return noNamespace(namespace, address, error);
  const code = grpcCode(error);
  if (code === undefined) return error;
  const said = grpcMessage(error);
  if (OF_THE_RIGHTS.includes(code)) {
    return new ConfigurationError([`Temporal at ${address} refuses this caller: ${said}`], {
      advice: 'Check TEMPORAL_API_KEY, the client certificate and the rights in the namespace.',
      cause: error,
    });
  }
  if (OF_THE_SERVER.includes(code)) return unreachable(address, error);
  if (code === GRPC.unimplemented) {
    return new ConfigurationError([`What answers at ${address} does not know this call (${said}).`], {
      advice:
        'It is no Temporal server, or one that is too old (`smart-erase doctor` looks): ' +
        'set TEMPORAL_ADDRESS to the gRPC port of one (7233 by default, not its UI).',
      cause: error,
    });
  }
  if (code === GRPC.resourceExhausted) {
    return new UnavailableError(`Temporal at ${address} takes no more for now: ${said}`, {
      advice: 'Repeat it in a moment. Where that goes on, raise the limits of the namespace, or call less often.',
      cause: error,
    });
  }
  if (error instanceof ServiceError || code === GRPC.unknown || code === GRPC.internal) {
    return new UnavailableError(`Temporal at ${address}: ${said}`, { cause: error });
  }
  return error;
}

/** Name of the missing namespace, '' where the server omits it; null: another error. */
function missingNamespace(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof NamespaceNotFoundError) return at.namespace;
  }
  if (grpcCode(error) !== GRPC.notFound) return null;
  return NO_NAMESPACE.exec(grpcMessage(error))?.[1] ?? null;
}

/** True when the server reports a missing namespace. */
export function isMissingNamespace(error: unknown): boolean {
  return missingNamespace(error) !== null;
}

function noNamespace(namespace: string, address: string, cause: unknown): ConfigurationError {
  const name = namespace === '' ? 'namespace of the name that was asked for' : `namespace "${namespace}"`;
  return new ConfigurationError([`Temporal at ${address} has no ${name}.`], {
    advice:
      `Create it: \`temporal operator namespace create --namespace ${namespace || 'NAME'} --address ${address}\` ` +
      '(in Temporal Cloud by its console), or set TEMPORAL_NAMESPACE to one that exists.',
    cause,
  });
}

const TLS_ON =
  ' TLS is on: a server without it never answers, nor one that does not take our certificate, or whose CA we do not know.';
const TLS_OFF = ' TLS is off: a server that asks for it never answers.';

/** Why a server is unreachable, with advice. */
export interface Trouble {
  /** One sentence. */
  found: string;
  advice: string;
}

/** @param why the diagnosis; or whether TLS was used, as the wrong choice looks like a server that does not answer */
export function unreachable(address: string, cause: unknown, why?: Trouble | boolean): UnavailableError {
  const trouble = typeof why === 'object' ? why : null;
  const hint = why === undefined || trouble !== null ? '' : why ? TLS_ON : TLS_OFF;
  const start = `Start it (\`smart-erase dev\` has one), or set TEMPORAL_ADDRESS to where it listens.${hint}`;
  return new UnavailableError(
    `Temporal cannot be reached at ${address}.${trouble === null ? '' : ` ${trouble.found}`}`,
    { advice: `${trouble?.advice ?? start}${proxyHint()}`, cause },
  );
}
