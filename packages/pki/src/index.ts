// The interface of @fleetbridge/pki: the identity that a client certificate proves, and the certificates that we issue,
// check and watch.
export {
  type CaBundle,
  CaBundleError,
  type CaBundleProblem,
  type ExpiredCa,
  type FetchedTeslaCa,
  fetchTeslaCas,
  plainFingerprint,
  readCaBundle,
  selectTeslaCas,
  type TeslaCaBundle,
  TeslaCaError,
  type TeslaCaFetch,
  type TeslaCaName,
  type TeslaCaProblem,
  type TeslaCaSelection,
  teslaCaManualSteps,
  teslaCaSources,
  type UnknownCa,
} from './ca/index.js';
export {
  type AuthorityRequest,
  type CertificateAndKey,
  type CertificateRequest,
  CertificateRequestError,
  type CertificateSubject,
  createAuthority,
  extendedKeyUsages,
  issueCertificate,
} from './certificate/index.js';
export {
  type DevelopmentPki,
  type DevelopmentPkiRequest,
  ensureDevelopmentPki,
  ensureVehicleCertificate,
} from './development/index.js';
export { type CertificateFiles, DevelopmentPkiError } from './files/index.js';
export {
  type ClientType,
  type Identity,
  type IdentityRefusal,
  type IdentityRefusalReason,
  identityFromCertificate,
} from './identity/index.js';
export {
  isCertificatePattern,
  loadServerCertificate,
  matchingCertificateFiles,
  type ServerCertificate,
  ServerCertificateError,
  type ServerCertificateFiles,
  type ServerCertificateProblem,
  type ServerCertificateWatch,
  serverCertificateFiles,
  watchServerCertificate,
} from './server/index.js';
