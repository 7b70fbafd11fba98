// The elevation of a location, from a service with Open Topo Data's API (`?locations=<lat>,<lng>`). Off by default.
// A frame never waits for it: an unknown elevation is requested, and the next frames near that location show it.

export interface ElevationOptions {
  /** e.g. `https://api.opentopodata.org/v1/eudem25m` */
  url: string;
  /** Called for the first of consecutive failures. */
  onTrouble?: (error: unknown) => void;
  /** Called for the first success after failures. */
  onRecovered?: () => void;
  fetch?: typeof fetch;
}

const TIMEOUT_MS = 3_000;
/** About 100 m: over this distance elevations differ by less than a service's error. */
const PLACES_PER_DEGREE = 1_000;
const MAX_PLACES = 20_000;
/** Requests at the same time. Another location is requested at its next frame. */
const MAX_REQUESTS = 4;

export class Elevation {
  readonly #options: ElevationOptions;
  readonly #known = new Map<string, number | undefined>();
  readonly #requested = new Set<string>();
  #isInTrouble = false;

  constructor(options: ElevationOptions) {
    this.#options = options;
  }

  /** Whole metres; undefined while unknown. Never throws, never waits. */
  at(latitude: number, longitude: number): number | undefined {
    const place = placeOf(latitude, longitude);
    const metres = this.#known.get(place);
    if (!this.#known.has(place) && !this.#requested.has(place) && this.#requested.size < MAX_REQUESTS)
      void this.#request(place);
    return metres;
  }

  async #request(place: string): Promise<void> {
    const { url, fetch: request = fetch, onTrouble, onRecovered } = this.#options;
    this.#requested.add(place);
    try {
      const separator = url.includes('?') ? '&' : '?';
      const response = await request(`${url}${separator}locations=${place}`, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!response.ok) throw new Error(`the elevation service answered with status ${response.status}, expected 200`);
      this.#remember(place, metresOf(await response.json()));
      if (this.#isInTrouble) onRecovered?.();
      this.#isInTrouble = false;
    } catch (error) {
      if (!this.#isInTrouble) onTrouble?.(error);
      this.#isInTrouble = true;
    } finally {
      this.#requested.delete(place);
    }
  }

  /** Evicts the oldest place when there are too many. A place without an elevation (the sea) is remembered too. */
  #remember(place: string, metres: number | undefined): void {
    if (this.#known.size >= MAX_PLACES) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(place, metres);
  }
}

function placeOf(latitude: number, longitude: number): string {
  const rounded = (degrees: number) => Math.round(degrees * PLACES_PER_DEGREE) / PLACES_PER_DEGREE;
  return `${rounded(latitude)},${rounded(longitude)}`;
}

/** Reads `{"results":[{"elevation":519.3}]}`; throws on anything else. */
function metresOf(answer: unknown): number | undefined {
  const elevation = (answer as { results?: { elevation?: number | null }[] }).results?.[0]?.elevation;
  if (elevation === null) return undefined;
  if (typeof elevation !== 'number' || !Number.isFinite(elevation))
    throw new Error('the answer of the elevation service has no number in results[0].elevation');
  return Math.round(elevation);
}
