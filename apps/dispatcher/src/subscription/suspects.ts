// Distinguishes an endpoint that is away from one that fails for some vehicles only. A vehicle whose records fail is a suspect
// until one of them is answered. While it fails, answers to other vehicles show that the endpoint is there: then the
// failure is the record's. In an outage other vehicles fail too, and nothing is attributed to a record.
//
// The proof grows with the number of suspects, and starts again with each new one: an endpoint that is overloaded, or that
// fails at random, must not cost a record. Pure: no clock.

interface Suspect {
  /** Answers so far at its first failure, and when a failure was last counted as a rejection. */
  since: number;
  countedAt: number;
}

export interface Attribution {
  /** The endpoint answers other vehicles: no reason to suspend delivery. */
  isAlone: boolean;
  /** It has answered others since the last failure that counted: this one counts as a rejection. */
  isCounted: boolean;
}

export class Suspects {
  readonly #suspects = new Map<string, Suspect>();
  #answers = 0;
  /** Answers so far when the newest suspect failed for the first time. */
  #provenFrom = 0;

  has(vin: string): boolean {
    return this.#suspects.has(vin);
  }

  /** A record was delivered or rejected by the endpoint. */
  answered(vin: string): void {
    this.#answers++;
    this.#suspects.delete(vin);
  }

  /** A record failed as if the endpoint were away. */
  failed(vin: string): Attribution {
    const known = this.#suspects.get(vin);
    if (known === undefined) {
      this.#provenFrom = this.#answers;
      this.#suspects.set(vin, { since: this.#answers, countedAt: this.#answers });
      return { isAlone: false, isCounted: false };
    }
    const isAlone = this.#isProof(known.since);
    const isCounted = isAlone && this.#isProof(known.countedAt);
    if (isCounted) known.countedAt = this.#answers;
    return { isAlone, isCounted };
  }

  /** All answers since then are to other vehicles: an answer to a suspect ends the suspicion. */
  #isProof(since: number): boolean {
    return this.#answers - Math.max(since, this.#provenFrom) > this.#suspects.size;
  }
}
