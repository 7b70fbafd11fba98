export { type AuthoritiesResult, certificateAuthorities, isTrustedBy } from './certificate-authorities.js';
export { knownRoots } from './known-roots.js';
export { type ServerPlace, servedChain } from './served-chain.js';
