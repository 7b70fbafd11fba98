import { confirm, isCancel, multiselect, password, text } from '@clack/prompts';
import { type Dialogue, SetupCancelled } from '@fleetbridge/tesla-setup';

/** Asks on the terminal. Ctrl-C and Escape end the set-up. */
export function terminalDialogue(print: (line: string) => void): Dialogue {
  return {
    isInteractive: true,
    show(lines) {
      print('');
      for (const line of lines) print(line);
      print('');
    },
    async ask({ message, isSecret = false, initial, check, signal }) {
      const validate = (given: string | undefined) => check?.(given ?? '');
      const options = { message, validate, ...(signal === undefined ? {} : { signal }) };
      const answer = isSecret
        ? await password(options)
        : await text({ ...options, ...(initial === undefined ? {} : { initialValue: initial }) });
      if (signal?.aborted) return undefined;
      return given(answer) ?? '';
    },
    async choose({ message, choices }) {
      return given(await multiselect({ message, options: choices.map((choice) => ({ ...choice })), required: true }));
    },
    confirm: async (message) => given(await confirm({ message })),
  };
}

function given<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new SetupCancelled();
  return answer as Exclude<T, symbol>;
}
