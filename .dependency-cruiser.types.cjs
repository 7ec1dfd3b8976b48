/** Cycles, with types counted: what imports each other only by types is read together all the same. */
const { forbidden, options } = require('./.dependency-cruiser.cjs');

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: forbidden.filter(({ name }) => name === 'no-cycles'),
  options: { ...options, tsPreCompilationDeps: true },
};
