// What a migration writes and reports, in the order in which it is printed.

export interface OutputFile {
  name: string;
  text: string;
}

export interface Report {
  carried: string[];
  /** Carried over, with another effect. */
  different: string[];
  /** Could not be carried over. */
  lost: string[];
  /** What the operator still has to do. */
  steps: string[];
}
