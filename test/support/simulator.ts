import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import vodService from 'tencentcloud-sdk-nodejs/tencentcloud/services/vod/index.js';
import type {
  AdminTask,
  Call,
  CallDetail,
  Fault,
  FaultSpec,
  MediaSpec,
  SimulatorOptions,
} from '../../src/simulator/index.js';

export const SUB_APP_ID = 1500000001;
/** In the simulator's library from the start. */
export const SAMPLE_FILE_ID = '5285485487985271487';
export const SECRET_ID = 'AKIDsimulator';
export const SECRET_KEY = 'simulator';

export type VodClient = InstanceType<typeof vodService.vod.v20180717.Client>;

export interface VodClientOptions {
  secretId?: string;
  secretKey?: string;
  token?: string;
  reqMethod?: 'POST' | 'GET';
  timeoutSeconds?: number;
}

/** The vendor's own client, pointed at a simulator. */
export function vodClient(url: string, options: VodClientOptions = {}): VodClient {
  return new vodService.vod.v20180717.Client({
    credential: {
      secretId: options.secretId ?? SECRET_ID,
      secretKey: options.secretKey ?? SECRET_KEY,
      token: options.token,
    },
    region: '',
    profile: {
      httpProfile: {
        endpoint: new URL(url).host,
        protocol: 'http://',
        reqMethod: options.reqMethod ?? 'POST',
        reqTimeout: options.timeoutSeconds ?? 20,
      },
    },
  });
}

/** `MPSProcessMediaParams` of an erase, as the API document shows it; no scenario is the basic logo removal. */
export function eraseParams(scenario?: string): string {
  const extended = scenario && JSON.stringify({ delogo: { CustomerAppId: scenario, cluster_id: 'gpu_zhiyan' } });
  return JSON.stringify({ AiAnalysisTask: { Definition: 25, ExtendedParameter: extended } });
}

/** Submits an erase of the sample file, or another, and gives its TaskId. */
export async function submitErase(client: VodClient, fileId = SAMPLE_FILE_ID, params = eraseParams()): Promise<string> {
  const { TaskId } = await client.ProcessMediaByMPS({
    FileId: fileId,
    SubAppId: SUB_APP_ID,
    MPSProcessMediaParams: params,
  });
  if (!TaskId) throw new Error('The simulator gave no TaskId.');
  return TaskId;
}

/** The admin API of a simulator in another process. Everything it refuses is thrown with its sentence. */
export class SimulatorAdmin {
  constructor(readonly url: string) {}

  async calls(): Promise<Call[]> {
    return ndjson(await this.#request('GET', 'calls'));
  }

  async callDetails(): Promise<CallDetail[]> {
    return ndjson(await this.#request('GET', 'calls?detail=1'));
  }

  async tasks(): Promise<AdminTask[]> {
    return (JSON.parse(await this.#request('GET', 'tasks')) as { tasks: AdminTask[] }).tasks;
  }

  async addMedia(medias: readonly MediaSpec[]): Promise<void> {
    await this.#request('POST', 'media', { medias });
  }

  async removeMedia(fileId: string, subAppId = SUB_APP_ID): Promise<void> {
    await this.#request('DELETE', `media/${fileId}?subAppId=${subAppId}`);
  }

  async addFault(fault: FaultSpec): Promise<Fault> {
    return (JSON.parse(await this.#request('POST', 'faults', fault)) as { fault: Fault }).fault;
  }

  async faults(): Promise<Fault[]> {
    return (JSON.parse(await this.#request('GET', 'faults')) as { faults: Fault[] }).faults;
  }

  async clearFaults(): Promise<void> {
    await this.#request('DELETE', 'faults');
  }

  /** Tasks of the file that a fault keeps, or hides, go on. */
  async release(fileId: string, subAppId = SUB_APP_ID): Promise<void> {
    await this.#request('POST', 'release', { fileId, subAppId });
  }

  async age(ms: number): Promise<void> {
    await this.#request('POST', 'age', { ms });
  }

  async #request(method: string, path: string, body?: unknown): Promise<string> {
    const response = await fetch(`${this.url}/_admin/${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return text;
  }
}

const ndjson = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);

/** `count` files of the same measures, with FileIds that count up from `first`. */
export function manyMedia(count: number, first = 5285000000000000000n): MediaSpec[] {
  return Array.from({ length: count }, (_, at) => ({
    fileId: String(first + BigInt(at)),
    name: `file ${at}`,
    duration: 10,
    width: 1280,
    height: 720,
  }));
}

export interface SimulatorProcess {
  url: string;
  port: number;
  pid: number;
  admin: SimulatorAdmin;
  /** SIGKILL by default: a simulator that is killed, not one that is asked to leave. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

const PROGRAM = `
  import { startSimulator } from ${JSON.stringify(new URL('../../dist/simulator/index.js', import.meta.url).href)};
  const simulator = await startSimulator(JSON.parse(process.argv[1]));
  // Nothing is awaited between the start and the faults: no request comes before them.
  const failed = simulator.admin.tasks().filter((task) => task.failure !== null);
  for (const fault of JSON.parse(process.argv[2])) {
    const used = failed.filter((task) => fault.kind === 'task-failure' && task.fileId === fault.fileId).length;
    const times = (fault.times ?? 1) - used;
    if (times > 0) simulator.admin.addFault({ ...fault, times });
  }
  console.log(JSON.stringify({ url: simulator.url, port: simulator.port }));
  const stop = () => simulator.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.stdin.once('end', stop).resume();
`;

/** A simulator in a process of its own, of the built program. It ends with its parent in every case. */
export async function startSimulatorProcess(
  options: SimulatorOptions = {},
  faults: readonly FaultSpec[] = [],
): Promise<SimulatorProcess> {
  const given = [JSON.stringify(options), JSON.stringify(faults)];
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, ...given], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const first = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => undefined),
  ]);
  if (!first) throw new Error(`The simulator did not start: ${complaints.trim()}`);
  const { url, port } = JSON.parse(String(first[0])) as { url: string; port: number };
  return { url, port, pid: child.pid as number, admin: new SimulatorAdmin(url), kill: (signal) => end(child, signal) };
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

/** The code that the vendor refused with; throws when it did not refuse. */
export async function refusalCode(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
  throw new Error('The call was not refused.');
}
