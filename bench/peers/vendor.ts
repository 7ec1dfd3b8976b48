/** The two vendor calls that every peer makes, by the vendor's own SDK; loaded in the peers' processes. */
import vodService from 'tencentcloud-sdk-nodejs/tencentcloud/services/vod/index.js';

/** Environment variables of a peer's process. */
export interface PeerSettings {
  endpoint: string;
  secretId: string;
  secretKey: string;
  subAppId: number;
  requestTimeoutSeconds: number;
  pollMs: number;
}

export function peerSettings(env: NodeJS.ProcessEnv): PeerSettings {
  return JSON.parse(env.PEER_SETTINGS ?? '') as PeerSettings;
}

export interface TaskState {
  done: boolean;
  /** Set when it succeeded. */
  resultFileId: string | undefined;
}

export interface Vendor {
  submit(fileId: string): Promise<string>;
  look(taskId: string): Promise<TaskState>;
}

export function createVendor(settings: PeerSettings): Vendor {
  const client = new vodService.vod.v20180717.Client({
    credential: { secretId: settings.secretId, secretKey: settings.secretKey },
    region: '',
    profile: {
      httpProfile: {
        endpoint: new URL(settings.endpoint).host,
        protocol: 'http://',
        reqTimeout: settings.requestTimeoutSeconds,
      },
    },
  });
  const delogo = { delogo: { CustomerAppId: 'subtitle_erase_fast', cluster_id: 'gpu_zhiyan' } };
  const params = JSON.stringify({ AiAnalysisTask: { Definition: 25, ExtendedParameter: JSON.stringify(delogo) } });
  const { subAppId } = settings;
  return {
    async submit(fileId) {
      const { TaskId } = await client.ProcessMediaByMPS({
        FileId: fileId,
        SubAppId: subAppId,
        MPSProcessMediaParams: params,
      });
      if (!TaskId) throw new Error('The answer has no TaskId.');
      return TaskId;
    },
    async look(taskId) {
      const answer = await client.DescribeTaskDetail({ TaskId: taskId, SubAppId: subAppId });
      const task = answer.ProcessMediaByMPSTask;
      const files = task?.SubTaskSet?.flatMap((each) => each.Output?.OutputFiles ?? []) ?? [];
      return {
        done: answer.Status === 'FINISH',
        resultFileId: files.find(({ FileType }) => FileType?.endsWith('.Video'))?.FileId,
      };
    },
  };
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? '');
}

/** Refused for the rate: not executed, worth another try. */
export function isThrottled(error: unknown): boolean {
  return codeOf(error).startsWith('RequestLimitExceeded');
}

/** Sending it again would not help. */
export function isFatal(error: unknown): boolean {
  return /^(InvalidParameter|MissingParameter|UnauthorizedOperation|AuthFailure|ResourceNotFound)/.test(codeOf(error));
}
