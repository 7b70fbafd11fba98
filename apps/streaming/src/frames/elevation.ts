// The height of a place, from a service that speaks Open Topo Data's API (`?locations=<lat>,<lng>`). Off by default.
// A frame never waits for it: what is known is filled in, what isn't is asked for, and the next frames near there have it.

export interface ElevationOptions {
  /** e.g. `https://api.opentopodata.org/v1/eudem25m` */
  url: string;
  /** Told of the first failure of a row, and of the end of the row. */
  onTrouble?: (error: unknown) => void;
  onRecovered?: () => void;
  fetch?: typeof fetch;
}

const TIME_LIMIT_MS = 3_000;
/** About 100 m: heights of neighbouring places differ by less than a service's error. */
const PLACES_A_DEGREE = 1_000;
const KEPT_PLACES = 20_000;
/** Places that are being asked for; one more is asked for when its next frame comes. */
const ASKED_AT_A_TIME = 4;

export class Elevation {
  readonly #options: ElevationOptions;
  readonly #known = new Map<string, number | undefined>();
  readonly #asked = new Set<string>();
  #isInTrouble = false;

  constructor(options: ElevationOptions) {
    this.#options = options;
  }

  /** Whole metres, or undefined while they aren't known. Never throws, never waits. */
  at(latitude: number, longitude: number): number | undefined {
    const place = placeOf(latitude, longitude);
    const metres = this.#known.get(place);
    if (!this.#known.has(place) && !this.#asked.has(place) && this.#asked.size < ASKED_AT_A_TIME) void this.#ask(place);
    return metres;
  }

  async #ask(place: string): Promise<void> {
    const { url, fetch: request = fetch, onTrouble, onRecovered } = this.#options;
    this.#asked.add(place);
    try {
      const separator = url.includes('?') ? '&' : '?';
      const response = await request(`${url}${separator}locations=${place}`, {
        signal: AbortSignal.timeout(TIME_LIMIT_MS),
      });
      if (!response.ok) throw new Error(`the elevation service answers ${response.status}`);
      this.#remember(place, metresOf(await response.json()));
      if (this.#isInTrouble) onRecovered?.();
      this.#isInTrouble = false;
    } catch (error) {
      if (!this.#isInTrouble) onTrouble?.(error);
      this.#isInTrouble = true;
    } finally {
      this.#asked.delete(place);
    }
  }

  /** The oldest place goes when there are too many. A place without a height (the sea) is remembered too. */
  #remember(place: string, metres: number | undefined): void {
    if (this.#known.size >= KEPT_PLACES) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(place, metres);
  }
}

function placeOf(latitude: number, longitude: number): string {
  const rounded = (degrees: number) => Math.round(degrees * PLACES_A_DEGREE) / PLACES_A_DEGREE;
  return `${rounded(latitude)},${rounded(longitude)}`;
}

/** `{"results":[{"elevation":519.3}]}`; throws when it is something else. */
function metresOf(answer: unknown): number | undefined {
  const elevation = (answer as { results?: { elevation?: number | null }[] }).results?.[0]?.elevation;
  if (elevation === null) return undefined;
  if (typeof elevation !== 'number' || !Number.isFinite(elevation))
    throw new Error('the elevation service answers without a height');
  return Math.round(elevation);
}
