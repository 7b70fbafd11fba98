export { type SignalFacts, type SignalType, signalCatalogue, signalFacts } from './catalogue.js';
export { atLeast, FIRST_FIRMWARE, type ShownBy, shownFirmware } from './firmware.js';
