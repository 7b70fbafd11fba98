export { localTime, openChildOutput } from './child-output.js';
export { appSpec, hasApps, redisSpec, simulatedVins, simulatorSpec, stopOrder } from './children.js';
export { ensurePortsFree, ensureWritable } from './preflight.js';
export { withNotices } from './start-notice.js';
export { ChildStartError } from './supervised-child.js';
export { Supervisor } from './supervisor.js';
