export { type Board, createBoard, withBoldUrls } from './board.js';
export { columns } from './columns.js';
export { showLiveFrames } from './live-frames.js';
export { fitted, RECORD_HEADING, recordJsonLine, recordLine } from './record-line.js';
export { adminUrl, streamingUrl, welcome } from './welcome.js';
