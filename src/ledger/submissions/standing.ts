import { VENDOR_MEMORY_HOURS } from '../../contract/vendor-limits.js';
/**
 * The ledger's state for a payment identity, as one lateral join: the SQL twin of `decide`. A request without a `payAgain` token
 * also takes up the submissions of further payments of the same file and recipe.
 *
 * @param item table alias with `sub_app_id`, `file_id` and `recipe_hash`
 * @param token SQL of the request's token, '' for none
 * @returns SQL for a from clause; its columns are in {@link KIND}, and `usd`, `task_id`, of the payments concerned
 */
export function standingOf(item: string, token: string): string {
  const own = `erase.pay_token = ${token}`;
  const last = (column: string) =>
    `(array_agg(submission.${column} order by submission.number desc) filter (where ${own}))[1]`;
  const succeeded = `submission.outcome = 'succeeded'`;
  const open = `submission.state = 'accepted' and submission.outcome is null`;
  return `lateral (
    select
      bool_or(${succeeded} and result_gone_at is null and rejected_at is null) as good,
      bool_or(${open} and place_at > clock_timestamp() - interval '${VENDOR_MEMORY_HOURS} hours') as readable,
      bool_or(${succeeded} and result_gone_at is null) as present,
      bool_or(${succeeded}) as succeeded,
      bool_or(${open}) as unread,
      bool_or(${own} and submission.outcome = 'expired') as expired,
      bool_or(${own} and submission.outcome = 'failed') as failed,
      ${last('state')} as last_state, ${last('outcome')} as last_outcome, ${last('place_at')} as last_place_at,
      max(cost_usd) as usd, max(submission.task_id) as task_id
    from erase join submission on submission.erase_id = erase.id
    where erase.sub_app_id = ${item}.sub_app_id and erase.file_id = ${item}.file_id and erase.recipe_hash = ${item}.recipe_hash
      and (${own} or ${token} = '' and (${open} or ${succeeded}))
  ) as standing`;
}

/**
 * What a further run would find, in the order of `decide`; null where nothing was paid, or only for tasks aborted before they
 * ran.
 * - `done`: there is a good result
 * - `running`: a task may still run at the vendor
 * - `rejected`: there is a result, and a reviewer rejected it
 * - `lost`: paid for, and the result was deleted, or was never read
 * - `failed`: paid for, and the task failed
 * - `inDoubt`: outcome unknown; whether it was paid for must be reconciled
 *
 * @param listedForSeconds how long after its submit a task is sure to be listed
 */
export function kindOf(listedForSeconds: string): string {
  return `case
    when standing.good then 'done'
    when standing.readable then 'running'
    when standing.present then 'rejected'
    when standing.succeeded or standing.unread or standing.expired then 'lost'
    when standing.last_state in ('sending', 'unknown') then
      case when standing.last_place_at > clock_timestamp() - make_interval(secs => ${listedForSeconds}) then 'inDoubt' else 'lost' end
    when standing.failed then 'failed'
  end`;
}
