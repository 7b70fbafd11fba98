// Parses the value of a `data:update` as TeslaMate's client does (docs/protocol/teslamate.md#frame): a column that can't be
// parsed is nil. A wrong time crashes the client; a frame in gear without a position crashes the vehicle's process.

export const teslaMateColumns = [
  'speed',
  'odometer',
  'soc',
  'elevation',
  'est_heading',
  'est_lat',
  'est_lng',
  'power',
  'shift_state',
  'range',
  'est_range',
  'heading',
] as const;

export interface TeslaMateFrame {
  timeMs: number;
  speed: number | null;
  odometer: number | null;
  soc: number | null;
  elevation: number | null;
  estHeading: number | null;
  estLat: number | null;
  estLng: number | null;
  power: number | null;
  shiftState: string | null;
  range: number | null;
  estRange: number | null;
  heading: number | null;
}

export type ParsedFrame = { readonly frame: TeslaMateFrame } | { readonly crash: string };

/** Short values are padded with nil, extra ones ignored. */
export function parseTeslaMateFrame(value: string, columns: readonly string[] = teslaMateColumns): ParsedFrame {
  const [timeText = '', ...texts] = value.split(',');
  const timeMs = integer(timeText);
  if (timeMs === null) return { crash: `time is not an integer: ${JSON.stringify(timeText)}` };
  const textOf = (column: string) => texts[columns.indexOf(column)] ?? '';

  const frame: TeslaMateFrame = {
    timeMs,
    speed: integer(textOf('speed')),
    odometer: float(textOf('odometer')),
    soc: integer(textOf('soc')),
    elevation: integer(textOf('elevation')),
    estHeading: integer(textOf('est_heading')),
    estLat: float(textOf('est_lat')),
    estLng: float(textOf('est_lng')),
    power: integer(textOf('power')),
    shiftState: textOf('shift_state') || null,
    range: integer(textOf('range')),
    estRange: integer(textOf('est_range')),
    heading: integer(textOf('heading')),
  };
  const isPosition = frame.shiftState !== null && 'DNR'.includes(frame.shiftState);
  if (isPosition && (frame.estLat === null || frame.estLng === null)) {
    return { crash: `a position in ${frame.shiftState} without latitude or longitude: ${value}` };
  }
  return { frame };
}

/** Elixir's Integer.parse without a remainder: `30.7` and `1e3` are nil. */
function integer(text: string): number | null {
  return /^[+-]?\d+$/.test(text) ? Number(text) : null;
}

/** Elixir's Float.parse without a remainder: `48` and `1.0e3` are valid, `.5` is nil. */
function float(text: string): number | null {
  return /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : null;
}
