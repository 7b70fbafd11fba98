export { type Delivery, FleetApiError, type FleetApiFailure } from './fleet-api-error.js';
export { type Problem, problems, type Remedy } from './problems.js';
export { problemOfAnswer } from './recognize.js';
export {
  type ConfigurationState,
  problemOfClaims,
  problemOfReport,
  problemOfSkipped,
  problemOfState,
  problemOfStatus,
} from './vehicle-problems.js';
