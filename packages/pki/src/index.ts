// The door of @fleetbridge/pki: who a client certificate proves its holder to be, and the certificates that we make,
// check and watch ourselves.

export { type AuthorityRequest, createAuthority } from './authority.js';
export { type CaBundle, type ExpiredCa, readCaBundle } from './bundle.js';
export {
  type CertificateAndKey,
  type CertificateRequest,
  type CertificateSubject,
  extendedKeyUsages,
  issueCertificate,
} from './certificate.js';
export {
  type CertificateFiles,
  type DevelopmentPki,
  type DevelopmentPkiRequest,
  ensureDevelopmentPki,
  ensureVehicleCertificate,
} from './development-pki.js';
export {
  CaBundleError,
  type CaBundleProblem,
  CertificateRequestError,
  DevelopmentPkiError,
  ServerCertificateError,
  type ServerCertificateProblem,
  TeslaCaError,
  type TeslaCaProblem,
} from './errors.js';
export {
  type Identity,
  type IdentityRefusal,
  type IdentityRefusalReason,
  identityFromCertificate,
} from './identity.js';
export type { ClientType } from './identity-tables.js';
export {
  loadServerCertificate,
  type ServerCertificate,
  type ServerCertificateFiles,
  serverCertificateFiles,
} from './server-certificate.js';
export { type ServerCertificateWatch, watchServerCertificate } from './server-certificate-watch.js';
export {
  type FetchedTeslaCa,
  fetchTeslaCas,
  plainFingerprint,
  selectTeslaCas,
  type TeslaCaBundle,
  type TeslaCaFetch,
  type TeslaCaName,
  type TeslaCaSelection,
  teslaCaByHand,
  teslaCaSources,
  type UnknownCa,
} from './tesla-ca.js';
