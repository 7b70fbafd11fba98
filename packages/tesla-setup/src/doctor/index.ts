export type { DoctorOptions, Place } from './options.js';
export { type DoctorReport, runDoctor } from './run-doctor.js';
