import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** What stands between the workers and a server, so that a test decides when a byte arrives. */
export interface TcpProxy {
  readonly port: number;
  /** Nothing moves in either direction, on old connections and new ones, until {@link thaw}. Bytes are kept. */
  freeze(): void;
  thaw(): void;
  /** Every open connection goes silent for good, as when a host vanished; new ones work. */
  silence(): void;
  /** What is sent to the server from a chunk on in which `text` stands does not arrive until {@link letGo}. */
  hold(text: string): void;
  letGo(): void;
  /** Resets every open connection. */
  cut(): void;
  /** While true, new connections are reset too: the port is closed. */
  refuse(refusing: boolean): void;
  close(): Promise<void>;
}

interface Pair {
  near: Socket;
  far: Socket;
  silent: boolean;
  /** What is held back; null: nothing. */
  held: Buffer[] | null;
}

/**
 * @param wayMs how long bytes are on their way to the server, also while it is frozen; the way back takes no time, as far as a machine
 *   can do that
 */
export async function startTcpProxy(targetPort: number, { wayMs = 0 } = {}): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let frozen = false;
  let refusing = false;
  let heldText: string | null = null;

  const apply = (pair: Pair) => {
    for (const socket of [pair.near, pair.far]) {
      if (frozen || pair.silent) socket.pause();
      else socket.resume();
    }
  };
  const server: Server = createServer({ allowHalfOpen: false }, (near) => {
    near.on('error', () => undefined);
    if (refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection({ host: '127.0.0.1', port: targetPort });
    const pair: Pair = { near, far, silent: false, held: null };
    pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    far.on('error', end).on('close', end);
    near.on('close', end);
    // Not pipe(): its own flow control would resume what was frozen.
    // Timers of one length end in the order in which they began.
    near.on('data', (bytes: Buffer) => {
      if (heldText !== null && bytes.includes(heldText)) pair.held ??= [];
      if (pair.held !== null) pair.held.push(bytes);
      else if (wayMs === 0) far.write(bytes);
      else setTimeout(() => void far.write(bytes), wayMs);
    });
    far.on('data', (bytes) => void near.write(bytes));
    near.setNoDelay(true);
    far.setNoDelay(true);
    apply(pair);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const applyAll = () => {
    for (const pair of pairs) apply(pair);
  };
  const cut = () => {
    for (const { near, far } of [...pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    freeze() {
      frozen = true;
      applyAll();
    },
    thaw() {
      frozen = false;
      applyAll();
    },
    silence() {
      for (const pair of pairs) pair.silent = true;
      applyAll();
    },
    hold(text) {
      heldText = text;
    },
    letGo() {
      heldText = null;
      for (const pair of pairs) {
        for (const bytes of pair.held ?? []) pair.far.write(bytes);
        pair.held = null;
      }
    },
    cut,
    refuse(value) {
      refusing = value;
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
