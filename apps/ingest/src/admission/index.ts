export { entriesWithoutVin, parseVinFile } from './admission.js';
export { AdmissionWatch, warnOfEntries } from './admission-watch.js';
