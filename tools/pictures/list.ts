/** A picture of the documents: its file in docs/pictures, and the pages that show it. */
export interface Picture {
  file: string;
  shownIn: readonly string[];
}

/** Every picture there is; `npm run pictures` makes all of them, and a test compares this list with the documents. */
export const PICTURES = [
  { file: 'batch-terminal.svg', shownIn: ['README.md', 'docs/batch.md'] },
  { file: 'batch-in-temporal.png', shownIn: ['README.md', 'docs/batch.md'] },
  { file: 'erase-in-temporal.png', shownIn: ['README.md'] },
  { file: 'held-in-temporal.png', shownIn: ['docs/operate.md'] },
  { file: 'side-by-side.png', shownIn: ['docs/batch.md'] },
] as const satisfies readonly Picture[];

export type PictureFile = (typeof PICTURES)[number]['file'];

/** Larger than this, in bytes, a picture makes a page slow. */
export const MAX_PICTURE_BYTES = 250_000;

/** The page whose outputs are real, and the names of its blocks in their order; see `blocks.ts`. */
export const GUIDE = 'docs/batch.md';
export const GUIDE_BLOCKS = ['plan', 'start', 'status', 'go', 'watch', 'trial', 'results', 'redrive'] as const;
export type GuideBlock = (typeof GUIDE_BLOCKS)[number];
