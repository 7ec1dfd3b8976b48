/**
 * A stand-in for `smart-erase dev`: starts the stack on free ports with the simulator and the worker replaced, prints one
 * line, and ends as the command does. Its one argument is JSON: {"dataDir"?, "stubbornWorker"?}.
 */
import { startDevStack } from '../../src/local/stack/dev-stack.js';
import { watchLauncher } from '../../src/local/stack/launcher.js';

const { dataDir, stubbornWorker } = JSON.parse(process.argv[2] ?? '{}') as {
  dataDir?: string;
  stubbornWorker?: boolean;
};
const idle = (ready: object, ignoresSigterm = false): [string, ...string[]] => [
  process.execPath,
  '-e',
  `${ignoresSigterm ? "process.on('SIGTERM', () => {});" : ''} setInterval(() => {}, 1e6); console.log('${JSON.stringify(ready)}')`,
];

try {
  const stack = await startDevStack({
    temporalPort: 0,
    uiPort: 0,
    simulatorPort: 0,
    databasePort: 0,
    dataDir,
    simulator: () => ({ program: idle({ ready: true, url: 'http://127.0.0.1:9' }), args: [] }),
    worker: () => ({ program: idle({ ready: true }, stubbornWorker), args: [] }),
  });
  const end = () => void stack.stop().then(() => process.exit(0));
  process.on('SIGTERM', end);
  watchLauncher(end);
  const { temporal, ui, simulator, database, pids } = stack;
  console.log(JSON.stringify({ ready: true, pid: process.pid, temporal, ui, simulator, database, pids }));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(4);
}
