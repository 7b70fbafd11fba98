// Signals by category, one a line: name, type, first firmware (`-`: from the start), fields of vehicle_data that show the
// same value. Units are in packages/protocol. Part 2: the rest.
export const vehicleSignals: Readonly<Record<string, string>> = {
  'vehicle state': `
    Odometer real - vehicle_state.odometer
    DoorState enum - vehicle_state.df vehicle_state.dr vehicle_state.pf vehicle_state.pr vehicle_state.ft vehicle_state.rt
    FdWindow enum - vehicle_state.fd_window
    FpWindow enum - vehicle_state.fp_window
    RdWindow enum - vehicle_state.rd_window
    RpWindow enum - vehicle_state.rp_window
    SentryMode enum - vehicle_state.sentry_mode
    SpeedLimitMode boolean - vehicle_state.speed_limit_mode.active
    CurrentLimitMph real - vehicle_state.speed_limit_mode.current_limit_mph
    DriverSeatOccupied boolean -
    SemitruckPassengerSeatFoldPosition enum -
    SemitruckTractorParkBrakeStatus enum -
    SemitruckTrailerParkBrakeStatus enum -
    GuestModeEnabled boolean -
    PairedPhoneKeyAndKeyFobQty integer -
    ServiceMode boolean - vehicle_state.service_mode
    GuestModeMobileAccessState enum -
    CenterDisplay enum 2024.44.25 vehicle_state.center_display_state
    HomelinkDeviceCount integer 2024.44.25 vehicle_state.homelink_device_count
    HomelinkNearby boolean 2024.44.25 vehicle_state.homelink_nearby
    SoftwareUpdateDownloadPercentComplete integer 2024.44.25 vehicle_state.software_update.download_perc
    SoftwareUpdateExpectedDurationMinutes integer 2024.44.25 vehicle_state.software_update.expected_duration_sec
    SoftwareUpdateInstallationPercentComplete integer 2024.44.25 vehicle_state.software_update.install_perc
    SoftwareUpdateScheduledStartTime time 2024.44.25 vehicle_state.software_update.scheduled_time_ms
    SoftwareUpdateVersion string 2024.44.25 vehicle_state.software_update.version
    TonneauOpenPercent real 2024.44.25
    TonneauPosition enum 2024.44.25
    TonneauTentMode enum 2024.44.25
    ValetModeEnabled boolean 2024.44.25 vehicle_state.valet_mode
    LightsHazardsActive boolean 2025.2.6
    LightsTurnSignal enum 2025.2.6
    LightsHighBeams boolean 2025.2.6
  `,
  'vehicle configuration': `
    VehicleName string - vehicle_state.vehicle_name
    Version string - vehicle_state.car_version
    CarType enum - vehicle_config.car_type
    Trim string - vehicle_config.trim_badging
    ExteriorColor string - vehicle_config.exterior_color
    RoofColor string - vehicle_config.roof_color
    EfficiencyPackage string 2024.44.25 vehicle_config.efficiency_package
    EuropeVehicle boolean 2024.44.25 vehicle_config.eu_vehicle
    OffroadLightbarPresent boolean 2024.44.25
    RearSeatHeaters string 2024.44.25 vehicle_config.rear_seat_heaters
    RemoteStartEnabled boolean 2024.44.25 vehicle_state.remote_start_enabled
    RightHandDrive boolean 2024.44.25 vehicle_config.rhd
    WheelType string 2024.44.25 vehicle_config.wheel_type
    SunroofInstalled enum 2025.2.6 vehicle_config.sun_roof_installed
  `,
  safety: `
    Locked boolean - vehicle_state.locked
    DriverSeatBelt boolean -
    PassengerSeatBelt enum -
    PinToDriveEnabled boolean -
    CruiseFollowDistance enum -
    AutomaticBlindSpotCamera boolean -
    BlindSpotCollisionWarningChime boolean -
    SpeedLimitWarning enum -
    ForwardCollisionWarning enum -
    LaneDepartureAvoidance enum -
    EmergencyLaneDepartureAvoidance boolean -
    AutomaticEmergencyBrakingOff boolean -
    MilesSinceReset real 2025.44.25.5
    SelfDrivingMilesSinceReset real 2025.44.25.5
  `,
  service: `
    IsolationResistance real -
    TpmsPressureFl real - vehicle_state.tpms_pressure_fl
    TpmsPressureFr real - vehicle_state.tpms_pressure_fr
    TpmsPressureRl real - vehicle_state.tpms_pressure_rl
    TpmsPressureRr real - vehicle_state.tpms_pressure_rr
    SemitruckTpmsPressureRe1L0 real -
    SemitruckTpmsPressureRe1L1 real -
    SemitruckTpmsPressureRe1R0 real -
    SemitruckTpmsPressureRe1R1 real -
    SemitruckTpmsPressureRe2L0 real -
    SemitruckTpmsPressureRe2L1 real -
    SemitruckTpmsPressureRe2R0 real -
    SemitruckTpmsPressureRe2R1 real -
    TpmsLastSeenPressureTimeFl time - vehicle_state.tpms_last_seen_pressure_time_fl
    TpmsLastSeenPressureTimeFr time - vehicle_state.tpms_last_seen_pressure_time_fr
    TpmsLastSeenPressureTimeRl time - vehicle_state.tpms_last_seen_pressure_time_rl
    TpmsLastSeenPressureTimeRr time - vehicle_state.tpms_last_seen_pressure_time_rr
    TpmsHardWarnings enum 2024.44.25 vehicle_state.tpms_hard_warning_fl vehicle_state.tpms_hard_warning_fr vehicle_state.tpms_hard_warning_rl vehicle_state.tpms_hard_warning_rr
    TpmsSoftWarnings enum 2024.44.25 vehicle_state.tpms_soft_warning_fl vehicle_state.tpms_soft_warning_fr vehicle_state.tpms_soft_warning_rl vehicle_state.tpms_soft_warning_rr
  `,
  powertrain: `
    DiStateR enum -
    DiHeatsinkTR real -
    DiAxleSpeedR real -
    DiTorquemotor real -
    DiStatorTempR real -
    DiVBatR real -
    DiMotorCurrentR real -
    Hvil enum -
    DiStateF enum -
    DiStateREL enum -
    DiStateRER enum -
    DiHeatsinkTF real -
    DiHeatsinkTREL real -
    DiHeatsinkTRER real -
    DiAxleSpeedF real -
    DiAxleSpeedREL real -
    DiAxleSpeedRER real -
    DiSlaveTorqueCmd real -
    DiTorqueActualR real -
    DiTorqueActualF real -
    DiTorqueActualREL real -
    DiTorqueActualRER real -
    DiStatorTempF real -
    DiStatorTempREL real -
    DiStatorTempRER real -
    DiVBatF real -
    DiVBatREL real -
    DiVBatRER real -
    DiMotorCurrentF real -
    DiMotorCurrentREL real -
    DiMotorCurrentRER real -
    DiInverterTR real -
    DiInverterTF real -
    DiInverterTREL real -
    DiInverterTRER real -
  `,
  media: `
    MediaPlaybackStatus enum 2025.2.6 media_info.media_playback_status
    MediaPlaybackSource string 2025.2.6 media_info.now_playing_source
    MediaAudioVolume real 2025.2.6 media_info.audio_volume
    MediaNowPlayingDuration integer 2025.2.6 media_info.now_playing_duration
    MediaNowPlayingElapsed integer 2025.2.6 media_info.now_playing_elapsed
    MediaNowPlayingArtist string 2025.2.6 media_info.now_playing_artist
    MediaNowPlayingTitle string 2025.2.6 media_info.now_playing_title
    MediaNowPlayingAlbum string 2025.2.6 media_info.now_playing_album
    MediaNowPlayingStation string 2025.2.6 media_info.now_playing_station
    MediaAudioVolumeIncrement real 2025.2.6 media_info.audio_volume_increment
    MediaAudioVolumeMax real 2025.2.6 media_info.audio_volume_max
  `,
  'user preference': `
    SettingDistanceUnit enum 2024.44.32 gui_settings.gui_distance_units
    SettingTemperatureUnit enum 2024.44.32 gui_settings.gui_temperature_units
    Setting24HourTime boolean 2024.44.32 gui_settings.gui_24_hour_time
    SettingTirePressureUnit enum 2024.44.32 gui_settings.gui_tirepressure_units
    SettingChargeUnit enum 2024.44.32 gui_settings.gui_charge_rate_units
  `,
  other: `
    ScheduledDepartureTime unknown -
    LifetimeEnergyGainedRegen real -
    GpsAccuracyMeters real 2026.32
    LifetimeEnergyChargedKwh real 2026.32
    BrickSocMinPercent real 2026.32
    NominalFullPackEnergyKwh real 2026.32
    GradeEstimatePercent real 2026.32
    MaxSpeedToReachDestinationMph real 2026.32
    SoftwareUpdateAvailable unknown 2026.32
    SoftwareUpdateInProgress unknown 2026.32
    RemoteStartActive unknown 2026.32
    SemiCruiseSpeedLimitMph real 2026.32
  `,
};
