export { caExpiries, daysLeft } from './certificate-expiry.js';
export { type CertificateWatches, watchCertificates } from './certificate-watches.js';
export {
  fetchMissingTeslaCas,
  keepFetchingTeslaCas,
  loadOrAwaitCertificates,
  loadVehicleCas,
  untilCertificatesLoad,
} from './certificates.js';
