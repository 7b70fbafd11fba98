export {
  type DevelopmentPki,
  type DevelopmentPkiRequest,
  ensureDevelopmentPki,
  ensureVehicleCertificate,
} from './development-pki.js';
