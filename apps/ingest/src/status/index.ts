export { gatherStatusFacts } from './status-facts.js';
export { statusRoute } from './status-route.js';
