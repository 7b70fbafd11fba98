export { Confirmations } from './confirmations.js';
export { HeldSlot, ResumePositions } from './resume-positions.js';
