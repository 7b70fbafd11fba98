// Which vehicles may connect: all whose certificate is good, or those on a list.

/** `*` admits every VIN; compared without regard to case, since people type them. */
export function createAdmission(allowedVins: readonly string[]): (vin: string) => boolean {
  if (allowedVins.includes('*')) return () => true;
  const admitted = new Set(allowedVins.map((vin) => vin.toUpperCase()));
  return (vin) => admitted.has(vin.toUpperCase());
}
