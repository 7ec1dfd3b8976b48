import { recipeHash } from '../../../contract/identity.js';
import type { NormalizedEraseRequest } from '../../../contract/request.js';
import type { PaymentIdentity } from '../../../ledger/submissions/submission.js';

/** What a request pays for: one file, one recipe, once, or once more for the token of `payAgain`. */
export function paymentIdentityOf({ subAppId, fileId, recipe, payAgain }: NormalizedEraseRequest): PaymentIdentity {
  return { subAppId, fileId, recipeHash: recipeHash(recipe), payToken: payAgain?.token ?? '' };
}
