export { type CaBundle, type ExpiredCa, readCaBundle } from './bundle.js';
export { CaBundleError, type CaBundleProblem, TeslaCaError, type TeslaCaProblem } from './errors.js';
export {
  type FetchedTeslaCa,
  fetchTeslaCas,
  plainFingerprint,
  selectTeslaCas,
  type TeslaCaBundle,
  type TeslaCaFetch,
  type TeslaCaName,
  type TeslaCaSelection,
  teslaCaManualSteps,
  teslaCaSources,
  type UnknownCa,
} from './tesla-ca.js';
