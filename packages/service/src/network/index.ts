export { type AdminServer, type AdminServerOptions, startAdminServer } from './admin-server.js';
export { ListenError, type ListenErrorCode } from './errors.js';
export { HOST_NAME_REFUSED, isPrivateHostName } from './host-check.js';
export { inheritedSockets } from './inherited-sockets.js';
export { explainListenError, type ListenOptions, listen } from './listen.js';
