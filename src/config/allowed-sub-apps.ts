/** Code of what is refused for a sub-application that is not among VOD_ALLOWED_SUB_APP_IDS. */
export const SUB_APP_NOT_ALLOWED = 'SubAppNotAllowed';

/**
 * Why nothing may be called for a sub-application, in a sentence; null when it may. Asked before the first call of every command
 * and activity that takes a sub-application from outside.
 * @param allowed VOD_ALLOWED_SUB_APP_IDS; undefined: any
 */
export function subAppProblem(subAppId: number, allowed: readonly number[] | undefined): string | null {
  if (allowed === undefined || allowed.includes(subAppId)) return null;
  return `sub-application ${subAppId} is not among those that may be used here (VOD_ALLOWED_SUB_APP_IDS: ${allowed.join(', ')}).`;
}
