// Signals by category, one a line: name, type, first firmware (`-`: from the start), fields of vehicle_data that show the
// same value. Units are in packages/protocol. Part 1: driving, charging, location, climate.
export const travelSignals: Readonly<Record<string, string>> = {
  driving: `
    DriveRail boolean -
    VehicleSpeed real - drive_state.speed
    Gear enum - drive_state.shift_state
    PedalPosition real -
    BrakePedal boolean -
    LateralAcceleration real -
    LongitudinalAcceleration real -
    CruiseSetSpeed real -
    LifetimeEnergyUsedDrive real -
    BrakePedalPos real -
    RouteTrafficMinutesDelay real 2024.44.25 drive_state.active_route_traffic_minutes_delay
  `,
  charging: `
    ChargeState string -
    BmsFullchargecomplete boolean -
    PackVoltage real -
    PackCurrent real -
    Soc real - charge_state.usable_battery_level
    DCDCEnable boolean -
    NumBrickVoltageMax integer -
    BrickVoltageMax real -
    NumBrickVoltageMin integer -
    BrickVoltageMin real -
    NumModuleTempMax integer -
    ModuleTempMax real -
    NumModuleTempMin integer -
    ModuleTempMin real -
    RatedRange real - charge_state.battery_range
    DCChargingEnergyIn real - charge_state.charge_energy_added
    DCChargingPower real - charge_state.charger_power
    ACChargingEnergyIn real -
    ACChargingPower real - charge_state.charger_power
    ChargeLimitSoc integer - charge_state.charge_limit_soc
    FastChargerPresent boolean - charge_state.fast_charger_present
    EstBatteryRange real - charge_state.est_battery_range
    IdealBatteryRange real -
    BatteryLevel real - charge_state.battery_level
    TimeToFullCharge real - charge_state.minutes_to_full_charge charge_state.time_to_full_charge
    ScheduledChargingStartTime time - charge_state.scheduled_charging_start_time
    ScheduledChargingPending boolean - charge_state.scheduled_charging_pending
    PreconditioningEnabled boolean - charge_state.preconditioning_enabled
    ScheduledChargingMode enum - charge_state.scheduled_charging_mode
    ChargeAmps real - charge_state.charger_actual_current
    ChargeEnableRequest boolean - charge_state.charge_enable_request
    ChargerPhases integer - charge_state.charger_phases
    ChargePortColdWeatherMode boolean - charge_state.charge_port_cold_weather_mode
    ChargeCurrentRequest integer - charge_state.charge_current_request
    ChargeCurrentRequestMax integer - charge_state.charge_current_request_max
    BatteryHeaterOn boolean - climate_state.battery_heater_on
    NotEnoughPowerToHeat boolean - charge_state.not_enough_power_to_heat
    SuperchargerSessionTripPlanner boolean - charge_state.supercharger_session_trip_planner
    LifetimeEnergyUsed real -
    ChargePort enum - vehicle_config.charge_port_type
    ChargePortLatch enum - charge_state.charge_port_latch
    EnergyRemaining real -
    BMSState enum -
    DetailedChargeState enum 2024.38
    ChargePortDoorOpen boolean 2024.44.25 charge_state.charge_port_door_open
    ChargerVoltage real 2024.44.32 charge_state.charger_voltage
    ChargingCableType enum 2024.44.25 charge_state.conn_charge_cable
    EstimatedHoursToChargeTermination real 2024.44.25
    ExpectedEnergyPercentAtTripArrival integer 2024.44.25 drive_state.active_route_energy_at_arrival
    FastChargerType enum 2024.44.25 charge_state.fast_charger_type
    PowershareHoursLeft integer 2024.44.25
    PowershareInstantaneousPowerKW real 2024.44.25
    PowershareStatus enum 2024.44.25
    PowershareStopReason enum 2024.44.25
    PowershareType enum 2024.44.25
    ChargeRateMilePerHour real 2025.2.6 charge_state.charge_rate
  `,
  location: `
    Location location - drive_state.latitude drive_state.longitude
    GpsState boolean -
    GpsHeading real - drive_state.heading
    RouteLastUpdated time 2024.26
    RouteLine string 2024.26
    MilesToArrival real 2024.26 drive_state.active_route_miles_to_arrival
    MinutesToArrival real 2024.26 drive_state.active_route_minutes_to_arrival
    OriginLocation location 2024.26
    DestinationLocation location 2024.26 drive_state.active_route_latitude drive_state.active_route_longitude
    DestinationName string 2024.26 drive_state.active_route_destination
    LocatedAtHome boolean 2024.44.32
    LocatedAtWork boolean 2024.44.32
    LocatedAtFavorite boolean 2024.44.32
  `,
  climate: `
    InsideTemp real - climate_state.inside_temp
    OutsideTemp real - climate_state.outside_temp
    SeatHeaterLeft integer - climate_state.seat_heater_left
    SeatHeaterRight integer - climate_state.seat_heater_right
    SeatHeaterRearLeft integer - climate_state.seat_heater_rear_left
    SeatHeaterRearRight integer - climate_state.seat_heater_rear_right
    SeatHeaterRearCenter integer - climate_state.seat_heater_rear_center
    AutoSeatClimateLeft boolean - climate_state.auto_seat_climate_left
    AutoSeatClimateRight boolean - climate_state.auto_seat_climate_right
    CabinOverheatProtectionMode enum 2024.44.25 climate_state.cabin_overheat_protection
    CabinOverheatProtectionTemperatureLimit enum 2024.44.25 climate_state.cop_activation_temperature
    ClimateKeeperMode enum 2024.44.25 climate_state.climate_keeper_mode
    DefrostForPreconditioning boolean 2024.44.25
    DefrostMode enum 2024.44.25 climate_state.defrost_mode
    HvacACEnabled boolean 2024.44.25
    HvacAutoMode enum 2024.44.25 climate_state.hvac_auto_request
    HvacFanSpeed integer 2024.44.25
    HvacFanStatus integer 2024.44.25 climate_state.fan_status
    HvacLeftTemperatureRequest real 2024.44.25 climate_state.driver_temp_setting climate_state.passenger_temp_setting
    HvacPower enum 2024.44.25 climate_state.is_climate_on
    HvacRightTemperatureRequest real 2024.44.25 climate_state.driver_temp_setting climate_state.passenger_temp_setting
    HvacSteeringWheelHeatAuto boolean 2024.44.25 climate_state.auto_steering_wheel_heat
    HvacSteeringWheelHeatLevel integer 2024.44.25 climate_state.steering_wheel_heat_level
    RearDisplayHvacEnabled boolean 2024.44.25
    WiperHeatEnabled boolean 2024.44.25 climate_state.wiper_blade_heater
    ClimateSeatCoolingFrontLeft integer 2024.44.32 climate_state.seat_fan_front_left
    ClimateSeatCoolingFrontRight integer 2024.44.32 climate_state.seat_fan_front_right
    SeatVentEnabled boolean 2025.2.6
    RearDefrostEnabled boolean 2025.2.6 climate_state.is_rear_defroster_on
  `,
};
