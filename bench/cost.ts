import type { Scenario } from './scenario.js';
export const COST: readonly Scenario[] = [];
