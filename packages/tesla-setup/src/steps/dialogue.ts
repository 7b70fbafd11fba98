// How a step speaks with the owner. A script has no answers: it gets options, and otherwise the step names what is needed.

export interface Dialogue {
  /** False for a script: nothing can be asked. */
  readonly isInteractive: boolean;
  /** Instructions for the owner, a line each. */
  show(lines: readonly string[]): void;
  /** `check` returns what is wrong. Rejects with SetupCancelled; with an abort of `signal` it returns undefined. */
  ask(question: Question): Promise<string | undefined>;
  /** Rejects with SetupCancelled. */
  choose(question: { message: string; choices: readonly { value: string; label: string }[] }): Promise<string[]>;
  confirm(message: string): Promise<boolean>;
}

export interface Question {
  readonly message: string;
  readonly isSecret?: boolean;
  readonly initial?: string | undefined;
  readonly check?: (text: string) => string | undefined;
  readonly signal?: AbortSignal;
}

/** The owner has ended the dialogue. */
export class SetupCancelled extends Error {
  override readonly name = 'SetupCancelled';
}
