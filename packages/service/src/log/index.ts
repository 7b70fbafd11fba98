export { createLogger, type Logger, type LoggerOptions } from './log.js';
export { droppedLogLines, flushLog, writeToLog } from './log-output.js';
export { printable, printableLines } from './printable.js';
