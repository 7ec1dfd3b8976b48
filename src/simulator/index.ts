export type { AdminTask, MediaSpec } from './admin.js';
export { Admin, AdminError } from './admin.js';
export type { Call, CallDetail } from './call-log.js';
export type { Fault, FaultKind, FaultSpec } from './faults.js';
export { FAULT_KINDS } from './faults.js';
export type { Range, SimulatorCredential, SimulatorOptions } from './options.js';
export { DEFAULT_CREDENTIAL, DEFAULT_SUB_APP_ID } from './options.js';
export type { Simulator } from './start.js';
export { startSimulator } from './start.js';
