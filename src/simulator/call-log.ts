/** One request at the API's api. */
export interface Call {
  /** When it reached the api, in real milliseconds since the epoch: the time that the rate windows use. */
  at: number;
  action: string;
  /** The FileId of the request, or of the task that it names. */
  fileId: string | null;
  /** The TaskId of the request, or the one that was given: a submit with a TaskId was accepted, whatever the outcome says. */
  taskId: string | null;
  /** `ok`, an error code, `dropped` for a connection that was closed, or `http-<status>`. */
  outcome: string;
}

export interface CallDetail extends Call {
  requestId: string;
  secretId: string | null;
  subAppId: number | null;
}
