export { erase } from './erase.js';
export { eraseNotification } from './notification.js';
