export { scopesVerdict } from './account.js';
export { registrationVerdict, type ServedKey, servedKeyVerdict } from './application.js';
export {
  type CheckName,
  type Colour,
  checks,
  type Finding,
  green,
  notChecked,
  type Verdict,
  worstColour,
} from './finding.js';
export { clockVerdict, diskVerdict, versionsVerdict } from './machine.js';
export {
  nameVerdict,
  servicePortVerdict,
  telemetryNameVerdict,
  vehiclePortVerdict,
} from './network.js';
export { type DoctorProblem, doctorProblems, problem } from './problems.js';
export { recordsVerdict } from './records.js';
export { evictionVerdict, growthVerdict, memoryVerdict, persistenceVerdict, writesVerdict } from './redis.js';
export { chainVerdict, configuredCaVerdict, expiryVerdict, vehicleCasVerdict } from './server-certificate.js';
export { errorVerdict, teslaVerdict } from './tesla-problem.js';
export { pollVerdict, streamVerdict } from './teslamate.js';
export { configurationVerdict, firmwareVerdict, pairingVerdict, reportsVerdict, toggleVerdict } from './vehicle.js';
