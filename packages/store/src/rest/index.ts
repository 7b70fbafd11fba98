export { type AnsweredState, AnsweredStates, type PresentState } from './answered-states.js';
export { SeedStore } from './seed-store.js';
export { VehicleIdStore, type VehicleIds } from './vehicle-ids.js';
