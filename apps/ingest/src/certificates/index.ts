export { caExpiries, daysLeft } from './certificate-expiry.js';
export { type CertificateWatches, watchCertificates } from './certificate-watches.js';
export { fetchMissingTeslaCas, loadCertificates, loadVehicleCas } from './certificates.js';
