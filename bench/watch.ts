import type { Scenario } from './scenario.js';
export const WATCH: readonly Scenario[] = [];
