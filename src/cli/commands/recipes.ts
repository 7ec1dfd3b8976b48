import { Command } from 'commander';
import { outputOf } from '../command-context.js';

export function recipesCommand(): Command {
  return new Command('recipes')
    .description('list what can be erased')
    .argument('[name]', 'one recipe, with its options')
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase recipes\n  smart-erase recipes subtitles\n  smart-erase recipes -o json',
    )
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const { RECIPES, RECIPE_NAMES, isRecipeName } = await import('../../contract/recipes.js');
      const output = outputOf(command);
      if (name === undefined) {
        const rows = RECIPE_NAMES.map((each) => ({ name: each, ...RECIPES[each] }));
        output.rows(rows, [
          { heading: 'NAME', of: (row) => row.name },
          { heading: 'WHAT IT DOES', of: (row) => row.does },
          { heading: 'MAKES', of: (row) => row.makes.join(', ') },
        ]);
        return;
      }
      if (!isRecipeName(name)) {
        const { UsageError } = await import('../exit.js');
        const { nearestWord } = await import('../../contract/nearest-word.js');
        const meant = nearestWord(name, RECIPE_NAMES);
        throw new UsageError(
          `There is no recipe "${name}".`,
          meant === null ? 'See `smart-erase recipes`.' : `Did you mean ${meant}?`,
        );
      }
      const recipe = { name, ...RECIPES[name] };
      output.one(recipe, [
        { heading: 'Name', of: (row) => row.name },
        { heading: 'Title', of: (row) => row.title },
        { heading: 'Does', of: (row) => row.does },
        { heading: 'Makes', of: (row) => row.makes.join(', ') },
        { heading: 'Billed as', of: (row) => row.priceItems.join(', ') || 'depends on the parameters' },
        { heading: 'Options', of: (row) => optionLines(row.options) },
      ]);
    });
}

function optionLines(options: Readonly<Record<string, string>>): string {
  const lines = Object.entries(options).map(([option, meaning]) => `${option}: ${meaning}`);
  return lines.length === 0 ? 'none' : lines.join('\n');
}
