/** One submit of an erase: its row in the ledger. */
export interface SubmissionKey {
  eraseId: string;
  number: number;
}
