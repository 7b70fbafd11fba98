export { TeslaAccountError } from './account-error.js';
export { type AccountProblem, accountProblems } from './problems.js';
