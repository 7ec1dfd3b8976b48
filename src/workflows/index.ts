import { setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import { batch } from './batch.js';
import { completionWatch } from './completion-watch.js';

export { erase } from './erase.js';
export { eraseNotification } from './notification.js';
export { batch, completionWatch };

// With worker versioning, an erase stays with the build that began it: the workers' default. Long-running workflows move to the
// current build at their next task. The server refuses a behaviour from a worker without versions.
const autoUpgrade = () =>
  workflowInfo().currentDeploymentVersion?.deploymentName ? ({ versioningBehavior: 'AUTO_UPGRADE' } as const) : {};
setWorkflowOptions(autoUpgrade, batch);
setWorkflowOptions(autoUpgrade, completionWatch);
