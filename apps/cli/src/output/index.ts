export { columns } from './columns.js';
export { showLiveFrames } from './live-frames.js';
export { recordJsonLine, recordLine } from './record-line.js';
export { streamingUrl, welcome } from './welcome.js';
