import { subAppProblem } from '../config/allowed-sub-apps.js';
import { eraseWorkflowId, recipeHash } from '../contract/identity.js';
import type { EraseRequest, RecipeRequest } from '../contract/request.js';
import { MAX_BATCH_ID, parseEraseRequest, sizeProblem } from '../contract/request-schema.js';
import type { RowProblem, StagedRequest } from '../ledger/batches/batch-staging.js';
import { UNFIT_MEANING } from '../tencent-vod/fitness.js';
import { SourceError, type SourceRow } from './source.js';

/** The settings common to all items; a row's own value takes precedence. */
export type SharedRequest = Partial<Omit<EraseRequest, 'fileId' | 'key' | 'batchId'>>;

/** Settings of this installation that apply to every request. */
export interface Installation {
  /** Prefix of the workflow ids; default none. */
  prefix?: string;
  /** Allowed sub-applications (VOD_ALLOWED_SUB_APP_IDS); default any. */
  allowedSubAppIds?: readonly number[] | undefined;
}

/** Placeholder for the id of a batch that has none yet. */
const LONGEST_ID = 'x'.repeat(MAX_BATCH_ID);

const SHARED_SUB_APP = 'It is what --sub-app-id or VOD_SUB_APP_ID gives every row that names none.';

/** Number of cached hashes: backlogs use few recipes, but each row may have areas of its own. */
const REMEMBERED = 1_000;

/** Makes validated requests from rows. */
export class RequestMaker {
  readonly #hashes = new Map<string, string>();

  constructor(
    private readonly shared: SharedRequest,
    private readonly installation: Installation = {},
    private readonly batchId = LONGEST_ID,
  ) {}

  /**
   * Reports all problems of a row in one or more sentences.
   * @throws SourceError for a problem of the shared settings
   */
  make(row: SourceRow): { request: StagedRequest } | { problem: RowProblem } {
    if ('problem' in row) return { problem: row };
    if ('unfit' in row) {
      const { fileId, unfit } = row;
      return { problem: { row: null, fileId, problem: `file ${fileId} ${UNFIT_MEANING[unfit]}.` } };
    }
    const { fields } = row;
    const { recipe } = this.shared;
    // The shared recipe's options apply only to a row with the same recipe name.
    const given = fields.recipe as RecipeRequest | undefined;
    const own = isNameOnly(given) && given.name === recipe?.name ? recipe : given;
    const asked = { ...this.shared, ...fields, ...(own === undefined ? {} : { recipe: own }) };
    const refuse = (problem: string) => ({ problem: { row: row.row, fileId: textOf(fields.fileId), problem } });
    if (fields.batchId !== undefined) return refuse('batchId is given by the batch; leave it out.');
    const parsed = parseEraseRequest(asked);
    if (!parsed.ok) return refuse(parsed.problems.map(({ message }) => message).join(' '));
    const { request } = parsed;
    const tooLarge = sizeProblem({ ...request, batchId: this.batchId });
    if (tooLarge !== null) return refuse(`${tooLarge} The id of the batch, ${this.batchId.length} characters, counts.`);
    const { prefix, allowedSubAppIds } = this.installation;
    const forbidden = subAppProblem(request.subAppId, allowedSubAppIds);
    if (forbidden !== null && fields.subAppId === undefined)
      throw new SourceError('input', `${forbidden} ${SHARED_SUB_APP}`);
    if (forbidden !== null) return refuse(forbidden);
    const hash = this.#hashOf(request.recipe);
    return { request: { row: row.row, request, recipeHash: hash, workflowId: eraseWorkflowId(request, prefix) } };
  }

  #hashOf(recipe: RecipeRequest): string {
    const text = JSON.stringify(recipe);
    const known = this.#hashes.get(text);
    if (known !== undefined) return known;
    const hash = recipeHash(recipe);
    if (this.#hashes.size < REMEMBERED) this.#hashes.set(text, hash);
    return hash;
  }
}

function isNameOnly(recipe: RecipeRequest | undefined): recipe is RecipeRequest {
  return typeof recipe === 'object' && recipe !== null && Object.keys(recipe).join() === 'name';
}

function textOf(fileId: unknown): string | null {
  return fileId === undefined || fileId === null ? null : String(fileId);
}
