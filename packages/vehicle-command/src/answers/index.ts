export { type Answer, type AnswerReading, readAnswer, type SentCommand } from './answer.js';
export { type Fault, type FaultRemedy, faultOf } from './faults.js';
export { type Verdict, verdictOfInfotainment, verdictOfSecurity } from './verdict.js';
