// Identifies vehicles by their client certificates; issues, loads and checks our own certificates.
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
  newPrivateKey,
} from './certificate/index.js';
export {
  type DevelopmentPki,
  type DevelopmentPkiRequest,
  ensureDevelopmentPki,
  ensureVehicleCertificate,
} from './development/index.js';
export {
  type CertificateFiles,
  DevelopmentPkiError,
  ensurePrivateDirectory,
  readIfPresent,
  restrictKey,
  writeKeyOnce,
} from './files/index.js';
export {
  casNotNamed,
  HandshakeError,
  type HandshakeProblem,
  type HandshakeRequest,
  readHandshake,
  type ServerHandshake,
} from './handshake/index.js';
export {
  type ClientType,
  type Identity,
  type IdentityRefusal,
  type IdentityRefusalReason,
  identityFromCertificate,
} from './identity/index.js';
export {
  type ChainTrust,
  chainTrust,
  isCertificatePattern,
  type Lifetime,
  loadServerCertificate,
  matchingCertificateFiles,
  missingIssuer,
  type ReloadableServerCertificate,
  reloadableServerCertificate,
  renewalDays,
  type ServerCertificate,
  ServerCertificateError,
  type ServerCertificateFiles,
  type ServerCertificateProblem,
  serverCertificateFiles,
} from './server/index.js';
