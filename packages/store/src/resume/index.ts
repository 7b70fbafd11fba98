export { type Checkpoint, CheckpointStore } from './checkpoint-store.js';
export { type SlotAnswer, SlotStore, type SlotTimes, type SlotUpdate, type SlotWish } from './slot-store.js';
