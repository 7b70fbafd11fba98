// Numbers of the group P-256, whose order is `GROUP_ORDER`.

export const GROUP_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** Between 0 and the order, exclusive. */
export function modulo(value: bigint): bigint {
  const remainder = value % GROUP_ORDER;
  return remainder < 0n ? remainder + GROUP_ORDER : remainder;
}

/** 32 bytes, big-endian. */
export function scalarBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}
