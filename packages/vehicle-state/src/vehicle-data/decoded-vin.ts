// What follows from a VIN about the vehicle, for a vehicle without a seed. Positions 4 and 5 of Tesla's VINs are the model and
// the body, whose even letters are cars with the steering wheel on the right.
const CAR_TYPES: Readonly<Record<string, string>> = {
  S: 'models',
  3: 'model3',
  X: 'modelx',
  Y: 'modely',
  C: 'cybertruck',
};
const RIGHT_HAND_BODIES = 'BDFH';

export interface DecodedVin {
  /** REST's code. */
  carType: string | undefined;
  isRightHandDrive: boolean;
}

export function decodedVin(vin: string): DecodedVin {
  if (vin.length !== 17) return { carType: undefined, isRightHandDrive: false };
  return { carType: CAR_TYPES[vin[3]!], isRightHandDrive: RIGHT_HAND_BODIES.includes(vin[4]!) };
}
