export { Confirmations } from './confirmations.js';
export { HeldSlot, SlotBook } from './resume-positions.js';
