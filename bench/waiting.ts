import type { Scenario } from './scenario.js';
export const WAITING: readonly Scenario[] = [];
