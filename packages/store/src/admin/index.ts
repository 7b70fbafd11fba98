export { AdmissionStore, type Verdict } from './admission-store.js';
export { ACCESS_TOKEN_SECONDS, type ClientGrant, ClientStore, type ClientUse } from './client-store.js';
export { type ForgetResult, ForgottenVehicles, forgetVehicle, rewriteAppendOnlyFiles } from './forget-vehicle.js';
export { type LogGrowth, logGrowth } from './log-growth.js';
export { type LogOverview, readLogOverview, type VehicleSeen } from './log-overview.js';
export type { SubscriptionSeen } from './subscriptions-overview.js';
export { type TokenGrant, TokenStore } from './token-store.js';
