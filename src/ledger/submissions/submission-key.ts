/** One submit of an erase: its place in the books. */
export interface SubmissionKey {
  eraseId: string;
  number: number;
}
