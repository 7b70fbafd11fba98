export { type Checkpoint, CheckpointStore } from './checkpoint-store.js';
export { type SlotReply, type SlotRequest, SlotStore, type SlotTimes, type SlotUpdate } from './slot-store.js';
