import { economy } from './economy.js';
import { homeAssistant } from './home-assistant.js';
import type { Profile } from './profile.js';
import { teslamate } from './teslamate.js';

export type ProfileName = 'teslamate' | 'economy' | 'home-assistant';

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  teslamate,
  economy,
  'home-assistant': homeAssistant,
};
