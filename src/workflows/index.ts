export { erase } from './erase.js';
