export { ApiError, apiErrors, asApiError, errorBody } from './api-error.js';
export { addRoutes, type RoutesOptions } from './routes.js';
