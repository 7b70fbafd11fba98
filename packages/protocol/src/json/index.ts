export { fromProtojson, ProtojsonError } from './protojson-reader.js';
export { toProtojson } from './protojson-writer.js';
