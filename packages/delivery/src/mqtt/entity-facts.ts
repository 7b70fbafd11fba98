// What Home Assistant shows of a signal besides its value: name, icon, and whether the entity is enabled at first.

export interface EntityFacts {
  name: string;
  /** For an entity without a device class. */
  icon: string;
  /** Technical: not for the vehicle's main card. */
  isDiagnostic: boolean;
  isEnabled: boolean;
}

export function entityFacts(signal: string): EntityFacts {
  return {
    name: names[signal] ?? ordinaryName(signal),
    icon: iconOf(signal),
    isDiagnostic: !everyday.has(signal),
    isEnabled: everyday.has(signal) || useful.has(signal),
  };
}

/** `ACChargingPower` → `AC charging power`. */
export function ordinaryName(name: string): string {
  const spaced = name
    .replaceAll('_', ' ')
    .replace(/([a-z\d])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3 $2$4')
    .replace(/([a-z])(\d)/g, '$1 $2');
  const words = spaced.split(' ').flatMap((word) => plainWords[word] ?? word);
  return words
    .join(' ')
    .split(' ')
    .map((word, index) =>
      isAcronym(word) ? word : index === 0 ? word[0]!.toUpperCase() + word.slice(1) : word.toLowerCase(),
    )
    .join(' ');
}

function isAcronym(word: string): boolean {
  return word.length > 1 && word === word.toUpperCase();
}

/** Words of signals' names in plain English. */
const plainWords: Record<string, string> = {
  Bms: 'BMS',
  Di: 'Drive inverter',
  Gps: 'GPS',
  Hvac: 'Climate',
  Hvil: 'High-voltage interlock',
  Kwh: 'energy',
  Mph: 'speed',
  Num: 'Number of',
  Qty: 'count',
  REL: 'rear left',
  RER: 'rear right',
  Soc: 'state of charge',
  Temp: 'temperature',
  Tpms: 'Tyre',
};

const tyres = { Fl: 'front left', Fr: 'front right', Rl: 'rear left', Rr: 'rear right' };
const motors = { R: 'rear', F: 'front', REL: 'rear left', RER: 'rear right' };
const semiTyres = [1, 2].flatMap((axle) =>
  ['L', 'R'].flatMap((side) =>
    [0, 1].map((tyre): [string, string] => [
      `SemitruckTpmsPressureRe${axle}${side}${tyre}`,
      `Tyre pressure ${axle === 1 ? 'middle' : 'rear'} axle ${side === 'L' ? 'left' : 'right'} ${tyre + 1}`,
    ]),
  ),
);
const motorNames = {
  DiState: 'Drive inverter state',
  DiHeatsinkT: 'Drive inverter heat sink temperature',
  DiAxleSpeed: 'Axle speed',
  DiTorqueActual: 'Motor torque',
  DiStatorTemp: 'Stator temperature',
  DiVBat: 'Drive inverter battery voltage',
  DiMotorCurrent: 'Motor current',
  DiInverterT: 'Drive inverter temperature',
};

const names: Record<string, string> = {
  ...Object.fromEntries(
    Object.entries(tyres).flatMap(([end, place]) => [
      [`TpmsPressure${end}`, `Tyre pressure ${place}`],
      [`TpmsLastSeenPressureTime${end}`, `Tyre pressure time ${place}`],
    ]),
  ),
  ...Object.fromEntries(semiTyres),
  ...Object.fromEntries(
    Object.entries(motorNames).flatMap(([signal, name]) =>
      Object.entries(motors).map(([end, place]) => [signal + end, `${name} ${place}`]),
    ),
  ),
  AutoSeatClimateLeft: 'Automatic seat climate left',
  AutoSeatClimateRight: 'Automatic seat climate right',
  AutomaticEmergencyBrakingOff: 'Automatic emergency braking off',
  BMSState: 'Battery management state',
  BatteryHeaterOn: 'Battery heater',
  BmsFullchargecomplete: 'Full charge complete',
  BrakePedalPos: 'Brake pedal position',
  BrickSocMinPercent: 'Lowest brick state of charge',
  BrickVoltageMax: 'Highest brick voltage',
  BrickVoltageMin: 'Lowest brick voltage',
  ChargeAmps: 'Charge current',
  ChargeLimitSoc: 'Charge limit',
  ChargePort: 'Charge port type',
  ChargePortDoorOpen: 'Charge port door',
  ChargeRateMilePerHour: 'Charge rate',
  CurrentLimitMph: 'Speed limit mode limit',
  DCDCEnable: 'DC-DC converter',
  DestinationName: 'Destination',
  DestinationLocation: 'Destination location',
  DiSlaveTorqueCmd: 'Requested torque of the secondary motor',
  DiTorquemotor: 'Requested motor torque',
  DriveRail: 'Drive electronics',
  DriverSeatOccupied: 'Driver seat',
  EstBatteryRange: 'Estimated range',
  EstimatedHoursToChargeTermination: 'Time to end of charge',
  EuropeVehicle: 'European vehicle',
  ExpectedEnergyPercentAtTripArrival: 'Battery at arrival',
  ExteriorColor: 'Exterior colour',
  FastChargerPresent: 'Fast charger',
  FdWindow: 'Window driver front',
  FpWindow: 'Window passenger front',
  Gear: 'Shift state',
  GpsAccuracyMeters: 'GPS accuracy',
  GpsState: 'GPS fix',
  GradeEstimatePercent: 'Road grade',
  HomelinkDeviceCount: 'HomeLink devices',
  HomelinkNearby: 'HomeLink nearby',
  HvacACEnabled: 'Air conditioning',
  HvacAutoMode: 'Climate automatic mode',
  HvacFanSpeed: 'Climate fan speed',
  HvacFanStatus: 'Climate fan step',
  HvacLeftTemperatureRequest: 'Set temperature left',
  HvacPower: 'Climate',
  HvacRightTemperatureRequest: 'Set temperature right',
  HvacSteeringWheelHeatAuto: 'Automatic steering wheel heater',
  HvacSteeringWheelHeatLevel: 'Steering wheel heater',
  IdealBatteryRange: 'Ideal range',
  InsideTemp: 'Inside temperature',
  LifetimeEnergyChargedKwh: 'Lifetime energy charged',
  LightsHazardsActive: 'Hazard lights',
  LightsHighBeams: 'High beams',
  LightsTurnSignal: 'Turn signal',
  LocatedAtFavorite: 'At a favourite place',
  LocatedAtHome: 'At home',
  LocatedAtWork: 'At work',
  MaxSpeedToReachDestinationMph: 'Highest speed to reach the destination',
  MediaNowPlayingAlbum: 'Media album',
  MediaNowPlayingArtist: 'Media artist',
  MediaNowPlayingDuration: 'Media duration',
  MediaNowPlayingElapsed: 'Media position',
  MediaNowPlayingStation: 'Media station',
  MediaNowPlayingTitle: 'Media title',
  MilesSinceReset: 'Distance since reset',
  MilesToArrival: 'Distance to arrival',
  MinutesToArrival: 'Time to arrival',
  ModuleTempMax: 'Highest battery temperature',
  ModuleTempMin: 'Lowest battery temperature',
  NominalFullPackEnergyKwh: 'Battery capacity',
  NumBrickVoltageMax: 'Brick with the highest voltage',
  NumBrickVoltageMin: 'Brick with the lowest voltage',
  NumModuleTempMax: 'Module with the highest temperature',
  NumModuleTempMin: 'Module with the lowest temperature',
  OriginLocation: 'Start of route',
  OutsideTemp: 'Outside temperature',
  PairedPhoneKeyAndKeyFobQty: 'Paired keys',
  PowershareHoursLeft: 'Powershare time left',
  PowershareInstantaneousPowerKW: 'Powershare power',
  RatedRange: 'Rated range',
  RdWindow: 'Window driver rear',
  RearDefrostEnabled: 'Rear defroster',
  RightHandDrive: 'Right-hand drive',
  RoofColor: 'Roof colour',
  RouteTrafficMinutesDelay: 'Traffic delay',
  RpWindow: 'Window passenger rear',
  SelfDrivingMilesSinceReset: 'Self-driving distance since reset',
  SemiCruiseSpeedLimitMph: 'Cruise speed limit',
  SentryMode: 'Sentry mode',
  Setting24HourTime: 'Setting 24-hour time',
  Soc: 'State of charge',
  SoftwareUpdateDownloadPercentComplete: 'Software update download',
  SoftwareUpdateExpectedDurationMinutes: 'Software update duration',
  SoftwareUpdateInstallationPercentComplete: 'Software update installation',
  SuperchargerSessionTripPlanner: 'Supercharger session of the trip planner',
  TimeToFullCharge: 'Time to full charge',
  TonneauOpenPercent: 'Tonneau opening',
  VehicleSpeed: 'Speed',
  Version: 'Software version',
  WiperHeatEnabled: 'Wiper heater',
};

const everyday = new Set(
  `ACChargingEnergyIn ACChargingPower BatteryLevel CabinOverheatProtectionMode ChargeAmps ChargeLimitSoc
  ChargePortDoorOpen ChargePortLatch ChargeRateMilePerHour ChargeState ChargerVoltage ClimateKeeperMode
  DCChargingEnergyIn DCChargingPower DefrostMode DestinationLocation DestinationName DetailedChargeState DoorState
  DriverSeatOccupied EnergyRemaining EstBatteryRange EstimatedHoursToChargeTermination
  ExpectedEnergyPercentAtTripArrival FdWindow FpWindow Gear HvacACEnabled HvacFanSpeed HvacLeftTemperatureRequest
  HvacPower HvacRightTemperatureRequest IdealBatteryRange InsideTemp LocatedAtFavorite LocatedAtHome LocatedAtWork
  Location Locked MediaNowPlayingArtist MediaNowPlayingTitle MediaPlaybackStatus MilesToArrival MinutesToArrival
  Odometer OutsideTemp PreconditioningEnabled RatedRange RdWindow RearDefrostEnabled RpWindow
  ScheduledChargingStartTime SeatHeaterLeft SeatHeaterRight SentryMode Soc TimeToFullCharge TonneauPosition
  TpmsPressureFl TpmsPressureFr TpmsPressureRl TpmsPressureRr VehicleSpeed`.split(/\s+/),
);

/** Technical, and enabled at first all the same. */
const useful = new Set(
  `BatteryHeaterOn ChargingCableType FastChargerPresent GpsHeading PackCurrent PackVoltage ScheduledChargingMode
  ScheduledChargingPending ServiceMode SoftwareUpdateAvailable SoftwareUpdateInstallationPercentComplete
  SoftwareUpdateVersion TpmsHardWarnings TpmsSoftWarnings ValetModeEnabled Version`.split(/\s+/),
);

/** The first that matches. */
const icons: [RegExp, string][] = [
  [/^Location$/, 'mdi:car'],
  [/Heading/, 'mdi:compass'],
  [/Location|^Gps|LocatedAt/, 'mdi:map-marker'],
  [/^Route|Destination|Arrival/, 'mdi:map-marker-path'],
  [/^Gear$/, 'mdi:car-shift-pattern'],
  [/SeatHeater|SeatClimate|ClimateSeat|SeatVent/, 'mdi:car-seat-heater'],
  [/SeatBelt/, 'mdi:seatbelt'],
  [/Seat/, 'mdi:car-seat'],
  [/SteeringWheel/, 'mdi:steering'],
  [/Defrost|Wiper/, 'mdi:car-defrost-rear'],
  [/Fan/, 'mdi:fan'],
  [/Hvac|Climate|Overheat|Precondition/, 'mdi:air-conditioner'],
  [/Window/, 'mdi:car-door'],
  [/Tonneau|Sunroof|Roof/, 'mdi:car-outline'],
  [/Sentry|Valet|PinToDrive|GuestMode|Key/, 'mdi:shield-car'],
  [/^Media/, 'mdi:music'],
  [/Lights|HighBeams/, 'mdi:car-light-high'],
  [/ChargePort|Cable/, 'mdi:ev-plug-type2'],
  [/Powershare/, 'mdi:home-battery'],
  [/Charg|Supercharger/, 'mdi:ev-station'],
  [/^(Soc|Battery|Bms|BMS|Brick|Num|Module|Pack)|Soc/, 'mdi:car-battery'],
  [/^Di|^Hvil|^DCDC|^Drive|Isolation/, 'mdi:engine'],
  [/Brake|Pedal/, 'mdi:car-brake-alert'],
  [/Tpms/, 'mdi:car-tire-alert'],
  [/Software|Version/, 'mdi:update'],
  [/Cruise|Speed|Limit/, 'mdi:speedometer'],
  [/Acceleration|Grade/, 'mdi:axis-arrow'],
  [/Collision|Lane|Emergency|BlindSpot/, 'mdi:car-emergency'],
  [/Homelink/, 'mdi:garage'],
  [/^Setting/, 'mdi:cog'],
  [/Time|Minutes|Hours/, 'mdi:clock-outline'],
];

function iconOf(signal: string): string {
  return icons.find(([pattern]) => pattern.test(signal))?.[1] ?? 'mdi:car-info';
}
