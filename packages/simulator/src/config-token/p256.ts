// Arithmetic on P-256 (FIPS 186-5), as much as the check of a signature needs. Written apart from the code that signs, so
// that a mistake there is found here. Not for secrets: its time depends on its values.

/** A point on the curve; undefined is the point at infinity. */
export type Point = { readonly x: bigint; readonly y: bigint } | undefined;

const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** The number of points. */
export const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export const GENERATOR: NonNullable<Point> = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};

/** From 04 || x || y; undefined when the bytes are not a point of the curve. */
export function readPoint(bytes: Uint8Array): Point {
  if (bytes.length !== 65 || bytes[0] !== 4) return undefined;
  const [x, y] = [integerOf(bytes.subarray(1, 33)), integerOf(bytes.subarray(33))];
  const isOnCurve = x < PRIME && y < PRIME && modulo(y * y - (x * x * x - 3n * x + B)) === 0n;
  return isOnCurve ? { x, y } : undefined;
}

export function pointBytes({ x, y }: NonNullable<Point>): Buffer {
  const hex = (number: bigint) => number.toString(16).padStart(64, '0');
  return Buffer.from(`04${hex(x)}${hex(y)}`, 'hex');
}

/** Big-endian. */
export function integerOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

export function multiply(scalar: bigint, point: Point): Point {
  let result: Point;
  let power = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = add(result, power);
    power = add(power, power);
  }
  return result;
}

export function add(a: Point, b: Point): Point {
  if (a === undefined) return b;
  if (b === undefined) return a;
  if (a.x === b.x && modulo(a.y + b.y) === 0n) return undefined;
  const slope =
    a.x === b.x ? modulo((3n * a.x * a.x - 3n) * inverse(2n * a.y)) : modulo((b.y - a.y) * inverse(modulo(b.x - a.x)));
  const x = modulo(slope * slope - a.x - b.x);
  return { x, y: modulo(slope * (a.x - x) - a.y) };
}

/** By the extended Euclidean algorithm. */
function inverse(number: bigint): bigint {
  let [low, high] = [modulo(number), PRIME];
  let [factor, lastFactor] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high % low, low];
    [factor, lastFactor] = [lastFactor - quotient * factor, factor];
  }
  return modulo(factor);
}

function modulo(number: bigint): bigint {
  const rest = number % PRIME;
  return rest < 0n ? rest + PRIME : rest;
}
