export { type AuthorityRequest, createAuthority } from './authority.js';
export {
  type CertificateAndKey,
  type CertificateRequest,
  type CertificateSubject,
  extendedKeyUsages,
  issueCertificate,
  newPrivateKey,
} from './certificate.js';
export { type CertificateFields, readCertificateFields } from './certificate-fields.js';
export { CertificateRequestError } from './errors.js';
export { hostsOf, parseHost } from './host.js';
