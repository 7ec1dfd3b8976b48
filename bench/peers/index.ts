import type { Scenario } from '../scenario.js';
export const PEERS: readonly Scenario[] = [];
