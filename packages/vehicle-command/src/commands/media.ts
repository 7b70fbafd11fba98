// Commands for the media player.
import { optional, refuse, required } from './parameters.js';
import { field } from './proto3.js';
import { infotainment } from './row.js';

// Tesla documents 0 to 11, and vehicles report audio_volume_max 10.33. tesla-http-proxy rejects more than 10.
const MAX_VOLUME = 11;

export const media = [
  infotainment('adjust_volume', {
    summary: 'Set the volume.',
    repeat: 'same',
    parameters: { volume: required('number', `0 to ${MAX_VOLUME}`) },
    message: ({ volume }) =>
      volume < 0 || volume > MAX_VOLUME
        ? refuse('plain', `invalid volume (should be in [0, ${MAX_VOLUME}])`, 500)
        : { mediaUpdateVolume: { volumeAbsoluteFloat: volume } },
  }),
  infotainment('media_volume_up', {
    summary: 'Increase the volume by one step.',
    repeat: 'toggle',
    message: () => ({ mediaUpdateVolume: { volumeDelta: 1 } }),
  }),
  infotainment('media_volume_down', {
    summary: 'Decrease the volume by one step.',
    repeat: 'toggle',
    message: () => ({ mediaUpdateVolume: { volumeDelta: -1 } }),
  }),
  infotainment('media_next_track', {
    summary: 'Play the next track.',
    repeat: 'toggle',
    message: () => ({ mediaNextTrack: {} }),
  }),
  infotainment('media_prev_track', {
    summary: 'Play the previous track.',
    repeat: 'toggle',
    message: () => ({ mediaPreviousTrack: {} }),
  }),
  infotainment('media_next_fav', {
    summary: 'Play the next favorite.',
    repeat: 'toggle',
    message: () => ({ mediaNextFavorite: {} }),
  }),
  infotainment('media_prev_fav', {
    summary: 'Play the previous favorite.',
    repeat: 'toggle',
    message: () => ({ mediaPreviousFavorite: {} }),
  }),
  infotainment('media_toggle_playback', {
    summary: 'Pause or resume playback.',
    repeat: 'toggle',
    message: () => ({ mediaPlayAction: {} }),
  }),
  infotainment('remote_boombox', {
    summary: 'Play a sound through the external speaker.',
    repeat: 'harmless',
    isBeyondProxy: true,
    parameters: { sound: optional('id', 'Number of the sound: 0 random, 2000 locate ping.') },
    message: ({ sound }) => ({ boomboxAction: { sound: field(sound) } }),
  }),
];
