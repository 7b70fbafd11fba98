// Small text files in DATA_DIR that only their owner may read: tokens, passwords, addresses with passwords.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** The trimmed text, or undefined when the file is missing or empty. */
export function readPrivateFile(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the file (0600) atomically: a truncated password after a power cut would lock us out of our own Redis. */
export function writePrivateFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${text.trimEnd()}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}
