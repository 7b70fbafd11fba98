export { type PayloadFacts, PayloadInspector, vinField } from './payload-inspector.js';
