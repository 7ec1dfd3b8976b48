/** One call in the simulator's log: `GET /_admin/calls`. */
export interface LoggedCall {
  /** Milliseconds since the epoch. */
  at: number;
  action: string;
  fileId: string | null;
  taskId: string | null;
  /** `ok`, an error code, or `dropped`. */
  outcome: string;
}

/** Adds clips to the simulator's library; like the vendor, it refuses unknown FileIds. */
export async function addClips(simulatorUrl: string, fileIds: readonly string[]): Promise<void> {
  const medias = fileIds.map((fileId, index) => ({
    fileId,
    name: `demo clip ${index + 1}`,
    duration: 30,
    width: 1_280,
    height: 720,
    tags: ['demo'],
  }));
  const answer = await fetch(`${simulatorUrl}/_admin/media`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ medias }),
  });
  if (!answer.ok) throw new Error(`The simulator took no media: ${answer.status} ${await answer.text()}`);
}

/** Every submit that reached the simulator, oldest first. */
export async function loggedSubmits(simulatorUrl: string): Promise<LoggedCall[]> {
  const answer = await fetch(`${simulatorUrl}/_admin/calls`);
  if (!answer.ok) throw new Error(`The simulator shows no calls: ${answer.status} ${await answer.text()}`);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as LoggedCall).filter(({ action }) => action === 'ProcessMediaByMPS');
}
