export { type IssuedTokens, SignIn, type SignInOptions, type TokenAnswer } from './sign-in.js';
