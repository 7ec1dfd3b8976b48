/** Error code for a sub-application outside VOD_ALLOWED_SUB_APP_IDS. */
export const SUB_APP_NOT_ALLOWED = 'SubAppNotAllowed';

/**
 * Why a sub-application is not allowed, in a sentence; null when it is. Checked before the first call of every command and
 * activity with an external sub-application.
 * @param allowed VOD_ALLOWED_SUB_APP_IDS; undefined: any
 */
export function subAppProblem(subAppId: number, allowed: readonly number[] | undefined): string | null {
  if (allowed === undefined || allowed.includes(subAppId)) return null;
  return `sub-application ${subAppId} is not among those that may be used here (VOD_ALLOWED_SUB_APP_IDS: ${allowed.join(', ')}).`;
}
