export { TeslaMateClient, type TeslaMateClientOptions, type TeslaMateMessage } from './teslamate-client.js';
export type { TeslaMateEvent } from './teslamate-events.js';
export { type ParsedFrame, parseTeslaMateFrame, type TeslaMateFrame, teslaMateColumns } from './teslamate-frame.js';
