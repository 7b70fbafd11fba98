export { missingIssuer } from './certificate-chain.js';
export { type Lifetime, renewalDays } from './certificate-life.js';
export { isPattern as isCertificatePattern, matchingFiles as matchingCertificateFiles } from './certificate-pattern.js';
export { type ChainTrust, chainTrust } from './chain-trust.js';
export { ServerCertificateError, type ServerCertificateProblem } from './errors.js';
export { isIssuedBy, isSelfSigned, pemCertificates } from './issuers.js';
export {
  loadServerCertificate,
  type ServerCertificate,
  type ServerCertificateFiles,
  serverCertificateFiles,
} from './server-certificate.js';
export { type ReloadableServerCertificate, reloadableServerCertificate } from './server-certificate-reload.js';
