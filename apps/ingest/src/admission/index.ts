export { parseVinFile } from './admission.js';
export { AdmissionWatch } from './admission-watch.js';
