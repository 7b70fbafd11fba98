export { createKeyFile, readKeyFile } from './key-files.js';
