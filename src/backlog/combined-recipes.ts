import type { RecipeName } from '../contract/recipes.js';

/** Pairs of recipes with one combined recipe: one pass and one new file, at the price of both. */
export const COMBINED_RECIPES: readonly { of: readonly [RecipeName, RecipeName]; by: RecipeName }[] = [
  { of: ['subtitles', 'logo'], by: 'subtitles-and-logo' },
  { of: ['subtitles', 'logo-basic'], by: 'subtitles-and-logo' },
  { of: ['subtitles-area', 'logo'], by: 'subtitles-and-logo' },
  { of: ['subtitles-area', 'logo-basic'], by: 'subtitles-and-logo' },
  // One of the pair contains the other.
  { of: ['subtitles', 'subtitles-and-logo'], by: 'subtitles-and-logo' },
  { of: ['subtitles-area', 'subtitles-and-logo'], by: 'subtitles-and-logo' },
  { of: ['logo', 'subtitles-and-logo'], by: 'subtitles-and-logo' },
  { of: ['logo-basic', 'subtitles-and-logo'], by: 'subtitles-and-logo' },
  { of: ['subtitles', 'subtitles-translate'], by: 'subtitles-translate' },
  { of: ['subtitles-area', 'subtitles-translate'], by: 'subtitles-translate' },
  { of: ['faces-mosaic', 'faces-and-plates-mosaic'], by: 'faces-and-plates-mosaic' },
  { of: ['faces-blur', 'faces-and-plates-mosaic'], by: 'faces-and-plates-mosaic' },
];
