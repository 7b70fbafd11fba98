// Vehicle identification numbers. A VIN becomes part of Redis keys and file names, so its characters and length are
// bounded. It need not have the 17 characters of ISO 3779: simulated vehicles have shorter ones.

export const VIN_PATTERN = /^[A-Za-z0-9-]{1,64}$/;

export function isVin(text: string): boolean {
  return VIN_PATTERN.test(text);
}

/** Whether a real vehicle can have it: 17 characters (ISO 3779), without I, O and Q. In any case. */
export function isVehicleVin(text: string): boolean {
  return /^[A-HJ-NPR-Z0-9]{17}$/i.test(text);
}

/** In capitals, as certificates spell VINs. People may type them in any case. */
export function normalizeVin(vin: string): string {
  return vin.toUpperCase();
}
