export {
  type AuthorizationRequest,
  authorizationUrl,
  commandScopes,
  ownerScopes,
  type RedirectResult,
  readRedirect,
} from './authorization-url.js';
export { readTokenClaims, type TokenClaims } from './token-claims.js';
export {
  type Application,
  exchangeCode,
  type OwnerTokens,
  partnerScopes,
  partnerToken,
  refreshTokens,
} from './tokens.js';
