export { type ApplyOutcome, type FileWatcher, type FileWatchOptions, watchFiles } from './file-watcher.js';
