/**
 * Files of `npm run test:rest`: runs of whole programs, and what repeats in length what an everyday test shows in short. `npm test` has
 * all others, `npm run test:all` both. Paths from the root.
 */
export const REST: readonly string[] = [
  'test/cli/demo.test.ts',
  'test/dev/dev-stack.test.ts',
  'test/docs/commands.test.ts',
];
