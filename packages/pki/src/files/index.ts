export { DevelopmentPkiError } from './errors.js';
export {
  type CertificateFiles,
  ensurePrivateDirectory,
  readIfPresent,
  restrictKey,
  writeCertificate,
  writeKeyOnce,
} from './pki-files.js';
