export { type PendingSignIn, type StoredTeslaAccount, TeslaAccountStore } from './account-store.js';
export { type ConfigurationPart, ConfigurationStore, type StoredConfiguration } from './configuration-store.js';
export { DoctorReportStore, type StoredDoctorReport, type StoredFinding } from './doctor-report-store.js';
