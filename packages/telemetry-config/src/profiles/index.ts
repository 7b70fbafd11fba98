export { type FieldPlan, type Profile, profileFields } from './profile.js';
export { type ProfileName, profiles } from './profiles.js';
