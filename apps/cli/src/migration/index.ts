export { type Migration, migrateGoConfig } from './go-migration.js';
