export { createHttpApi } from './http-api.js';
