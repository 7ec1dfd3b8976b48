import { join } from 'node:path';
import { findFreePort } from '../../src/local/free-port.js';

/** What each service listens on inside of its container. */
export const CONTAINER_PORTS: Record<string, readonly number[]> = {
  postgresql: [5432],
  temporal: [7233, 7243, 9090],
  'temporal-ui': [8080],
  simulator: [7280],
  worker: [9464],
  prometheus: [9090],
};

/** A port of this machine for every port of every container; `worker` may have several replicas: `worker-2`. */
export class PortMap {
  private readonly ports = new Map<string, number>();

  private constructor() {}

  static async choose(containers: readonly string[]): Promise<PortMap> {
    const map = new PortMap();
    for (const container of containers) {
      const service = container.replace(/-\d+$/, '');
      for (const port of CONTAINER_PORTS[service] ?? []) map.ports.set(`${container}:${port}`, await anyPort());
    }
    return map;
  }

  of(container: string, port: number): number {
    const found = this.ports.get(`${container}:${port}`);
    if (found === undefined) throw new Error(`${container} has no port ${port}.`);
    return found;
  }

  /**
   * A value of the compose file as it reads on this machine: other services by loopback and their ports here, own ports,
   * paths of the container where they are mounted.
   * @param isHost whether a bare name is that of a service
   */
  translate(value: string, container: string, mounts: ReadonlyMap<string, string>, isHost = false): string {
    let text = value;
    for (const [name, port] of this.ports) {
      const [owner = '', inside = ''] = name.split(':');
      text = text.replaceAll(new RegExp(`(?<![\\w.-])${owner}:${inside}\\b`, 'g'), `127.0.0.1:${port}`);
      if (owner !== container) continue;
      text = text.replaceAll(new RegExp(`\\b(0\\.0\\.0\\.0|127\\.0\\.0\\.1):${inside}\\b`, 'g'), `127.0.0.1:${port}`);
      if (text === inside) text = String(port);
    }
    const foreign = [...this.ports].find(([name]) => name.endsWith(`:${text}`) && !name.startsWith('worker'));
    if (foreign !== undefined) text = String(foreign[1]);
    if (text === '0.0.0.0' || (isHost && CONTAINER_PORTS[text] !== undefined)) text = '127.0.0.1';
    for (const [target, source] of mounts) {
      if (text === target || text.startsWith(`${target}/`)) return join(source, text.slice(target.length));
      text = text.replaceAll(`=${target}`, `=${source}`);
    }
    return text;
  }
}

/**
 * Temporal writes its ports down as smallint, so 32,767 is the last. Below the ports that the system hands out to clients a
 * port also stays ours while what listens on it is down.
 */
const FIRST_PORT = 11_000;
const LAST_PORT = 32_000;
const TRIES = 50;

export async function anyPort(): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    try {
      return await findFreePort({ port, purpose: 'a part of the stack' });
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}
