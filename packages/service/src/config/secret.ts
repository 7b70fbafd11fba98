// A value that must not end up in a log, an error or a printed configuration. It prints as *** whichever way it is
// turned into text; reading it takes a word that is easy to search for.
import { inspect } from 'node:util';

export class Secret {
  // A real private field: it can't be reached by JSON, by a spread or by a debugger's property list.
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}
