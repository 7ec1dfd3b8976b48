export { batch } from './batch.js';
export { completionWatch } from './completion-watch.js';
export { erase } from './erase.js';
export { eraseNotification } from './notification.js';
