/** One request received by the API. */
export interface Call {
  /** Time of arrival at the API, in real milliseconds since the epoch, as used by the rate windows. */
  at: number;
  action: string;
  /** The FileId of the request, or of the task in it. */
  fileId: string | null;
  /** The TaskId of the request, or the one assigned: a submit with a TaskId was accepted, whatever its outcome. */
  taskId: string | null;
  /** `ok`, an error code, `dropped` for a closed connection, or `http-<status>`. */
  outcome: string;
}

export interface CallDetail extends Call {
  requestId: string;
  secretId: string | null;
  subAppId: number | null;
}
