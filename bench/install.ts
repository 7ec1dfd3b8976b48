/** For `npm run typecheck`, which reads the types of the peers' packages. */
import { installPackages } from './packages.js';

installPackages();
