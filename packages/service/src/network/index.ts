export { type AdminServer, type AdminServerOptions, startAdminServer } from './admin-server.js';
export { ListenError, type ListenErrorCode } from './errors.js';
export { isOwnName, NOT_OUR_NAME } from './host-check.js';
export { explainListenError, type ListenFacts } from './listen.js';
