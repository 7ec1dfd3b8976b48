import { setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import { batch } from './batch.js';
import { completionWatch } from './completion-watch.js';

export { erase } from './erase.js';
export { eraseNotification } from './notification.js';
export { batch, completionWatch };

// Where workers are versioned, an erase stays with the build that began it: the default of the workers. What lives on and on
// moves to the current build, at its next task. The server refuses a behaviour from a worker without versions.
const autoUpgrade = () =>
  workflowInfo().currentDeploymentVersion?.deploymentName ? ({ versioningBehavior: 'AUTO_UPGRADE' } as const) : {};
setWorkflowOptions(autoUpgrade, batch);
setWorkflowOptions(autoUpgrade, completionWatch);
