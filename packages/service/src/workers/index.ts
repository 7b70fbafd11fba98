export { reportedReadiness, sendToPrimary } from './primary-channel.js';
export { answerMetrics, WorkerMetrics } from './worker-metrics.js';
export { WorkerStartError } from './worker-start-error.js';
