export { type GrpcServer, startGrpcServer } from './grpc-server.js';
