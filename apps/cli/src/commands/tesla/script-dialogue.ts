import type { Dialogue } from '@fleetbridge/tesla-setup';

/** Without answers. Instructions are printed, as lines or as JSON. */
export function scriptDialogue(print: (line: string) => void, isJson: boolean): Dialogue {
  return {
    isInteractive: false,
    show(lines) {
      if (isJson) print(JSON.stringify({ instructions: lines }));
      else for (const line of lines) print(`         ${line}`);
    },
    ask: () => Promise.resolve(undefined),
    choose: () => Promise.resolve([]),
    confirm: () => Promise.resolve(false),
  };
}
