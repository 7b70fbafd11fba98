export { loadEncryptionKey, loadOrCreateEncryptionKey } from './encryption-key.js';
export { seal, unseal } from './sealed.js';
