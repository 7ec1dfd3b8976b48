export { completionWatch } from './completion-watch.js';
export { batch } from './batch.js';
export { erase } from './erase.js';
export { eraseNotification } from './notification.js';
