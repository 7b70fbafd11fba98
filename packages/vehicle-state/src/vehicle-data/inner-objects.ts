// The objects inside vehicle_state of the vehicle_data document.
import type { Row } from './field.js';
import { softwareUpdate } from './software-update.js';
import { flag, number, only, text, word } from './sources.js';

const mediaInfo: readonly Row[] = [
  ['audio_volume', 'float', number('MediaAudioVolume'), { otherwise: 0 }],
  ['audio_volume_increment', 'float', number('MediaAudioVolumeIncrement'), { otherwise: 0.333333 }],
  ['audio_volume_max', 'float', number('MediaAudioVolumeMax'), { otherwise: 10.333333 }],
  [
    'media_playback_status',
    'text',
    word('MediaPlaybackStatus', 'MediaStatus', only('Playing', 'Paused', 'Stopped')),
    { otherwise: 'Stopped' },
  ],
  ['now_playing_album', 'text', text('MediaNowPlayingAlbum'), { otherwise: '' }],
  ['now_playing_artist', 'text', text('MediaNowPlayingArtist'), { otherwise: '' }],
  ['now_playing_duration', 'integer', number('MediaNowPlayingDuration'), { otherwise: 0 }],
  ['now_playing_elapsed', 'integer', number('MediaNowPlayingElapsed'), { otherwise: 0 }],
  ['now_playing_source', 'text', text('MediaPlaybackSource'), { otherwise: '' }],
  ['now_playing_station', 'text', text('MediaNowPlayingStation'), { otherwise: '' }],
  ['now_playing_title', 'text', text('MediaNowPlayingTitle'), { otherwise: '' }],
];

const mediaState: readonly Row[] = [
  ['remote_control_enabled', 'boolean', undefined, { seed: 'last', otherwise: true }],
];

const speedLimitMode: readonly Row[] = [
  ['active', 'boolean', flag('SpeedLimitMode'), { otherwise: false }],
  ['current_limit_mph', 'float', number('CurrentLimitMph'), { otherwise: 85 }],
  ['max_limit_mph', 'integer', undefined, { seed: 'last', otherwise: 120 }],
  ['min_limit_mph', 'float', undefined, { seed: 'last', otherwise: 50 }],
  ['pin_code_set', 'boolean', undefined, { seed: 'last', otherwise: false }],
];

/** By name in vehicle_state. */
export const innerObjects: Readonly<Record<string, readonly Row[]>> = {
  media_info: mediaInfo,
  media_state: mediaState,
  software_update: softwareUpdate,
  speed_limit_mode: speedLimitMode,
};
