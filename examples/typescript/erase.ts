/** Starts an erase, waits for it, prints its result as JSON: node dist/erase.js FILE_ID [KEY] */
import { EraseClient, EraseFailedError, type EraseRequest, type EraseResult } from 'vod-smart-erase-client';

/**
 * One erase for one key, however often it is asked for.
 * @throws EraseFailedError when the run ended without a result
 */
async function erase(client: EraseClient, request: EraseRequest & { key: string }): Promise<EraseResult> {
  const handle = await client.start(request);
  return handle.result();
}

const [fileId, key] = process.argv.slice(2);
if (fileId === undefined) throw new Error('Say which file: node dist/erase.js FILE_ID [KEY]');

// By TEMPORAL_ADDRESS and the other variables of its kind.
const client = await EraseClient.connect();
try {
  const { resultFileId, taskId } = await erase(client, {
    fileId,
    subAppId: Number(process.env.SUB_APP_ID ?? '1500000001'),
    recipe: { name: 'subtitles' },
    key: key ?? `typescript-${fileId}`,
    requestedBy: 'typescript-example',
  });
  console.log(JSON.stringify({ resultFileId, taskId }));
} catch (error) {
  if (!(error instanceof EraseFailedError)) throw error;
  const spent = error.moneySpent ? 'money was spent' : 'nothing was paid';
  console.error(`The erase failed (${error.class}, ${error.code}), ${spent}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
