import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface GrpcGate {
  /** `127.0.0.1:port`, to be used instead of the server's own. */
  address: string;
  close(): Promise<void>;
}

/** `PERMISSION_DENIED`, as an authorizer of a Temporal server answers. */
const DENIED = { 'grpc-status': '7', 'grpc-message': 'Request unauthorized.' };

/** Lets everything through to a real server, but calls of certain names: those are answered as by one that does not allow them. */
export async function startGrpcGate(upstream: string, denied: readonly string[]): Promise<GrpcGate> {
  const sessions = new Set<ClientHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    const out = connect(`http://${upstream}`);
    sessions.add(out);
    out.on('error', () => session.destroy());
    session.on('close', () => out.destroy());
    session.on('stream', (stream, headers) => {
      const call = String(headers[':path']).split('/').at(-1) ?? '';
      if (denied.includes(call))
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...DENIED }, { endStream: true });
      else forward(stream, headers, out);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function forward(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, out: ClientHttp2Session): void {
  const call = out.request(headers);
  stream.on('error', () => call.close(constants.NGHTTP2_CANCEL));
  call.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
  call.on('response', (answer, flags) => {
    const { ':status': status, ...rest } = answer;
    // An answer without a body has its trailers in here.
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond({ ':status': status, ...rest }, { endStream, waitForTrailers: !endStream });
  });
  call.on('trailers', (trailers) => {
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  });
  call.pipe(stream);
  stream.pipe(call);
}
