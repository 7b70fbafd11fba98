// A value that must not reach a log, an error or a printed configuration: every conversion to text gives ***. Reading
// it takes a method name that is easy to search for.
import { inspect } from 'node:util';

export class Secret {
  // A real private field: JSON, a spread and a debugger's property list can't read it.
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
