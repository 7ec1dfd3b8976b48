import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CsvRecordParser } from '../../src/backlog/csv-record.js';

const recordsOf = (text: string, delimiter: string) => {
  const parser = new CsvRecordParser(delimiter);
  const records = text
    .split('\n')
    .slice(0, -1)
    .map((line) => parser.push(line))
    .filter((record) => record !== null);
  expect(parser.isOpen).toBe(false);
  return records;
};

it('reads whatever a program writes, with no problem', () => {
  const unit = fc.constantFrom('a', '1', '"', ',', ';', '\t', '\n', ' ', 'é', '第', '\ufeff', '\\');
  const cell = fc.string({ unit, maxLength: 6 });
  const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(table, fc.constantFrom(',', ';', '\t'), (rows, delimiter) => {
      const records = recordsOf(stringify(rows, { delimiter }), delimiter);
      expect(records.map(({ cells, problem }) => [cells, problem])).toEqual(rows.map((cells) => [cells, null]));
    }),
    { numRuns: 500 },
  );
});

it('tells of a cell in quotes whether it holds what separates cells, and whether it goes over lines', () => {
  const [record] = recordsOf('1,"a,b","c\nd",e"f\n', ',');
  expect(record).toEqual({
    cells: ['1', 'a,b', 'c\nd', 'e"f'],
    problem: null,
    quotedDelimiter: true,
    multiline: ['c\nd'],
  });
});
