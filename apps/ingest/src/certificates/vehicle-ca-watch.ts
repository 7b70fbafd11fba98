// Tells the server when the CAs that sign vehicles have changed on disk. Reads the files every few seconds, as the watch
// of the server's own certificate does and for the same reasons.
import { loadVehicleCas, type VehicleCaFiles, type VehicleCas } from './certificates.js';

const INTERVAL_MS = 10_000;

export interface VehicleCaWatch {
  files: VehicleCaFiles;
  current: Pick<VehicleCas, 'pem'>;
  /** Other certificates than before, found so by two looks in a row. */
  onChange: (cas: VehicleCas) => void;
  /** Trouble that two looks in a row have found; once, however long it lasts. The CAs in use stay in use. */
  onError: (error: Error) => void;
  intervalMs?: number | undefined;
}

/** Starts watching; does not keep the process alive. */
export function watchVehicleCas(watch: VehicleCaWatch): { stop: () => void } {
  const { files, onChange, onError, intervalMs = INTERVAL_MS } = watch;
  let inUse = keyOf(watch.current);
  // A file that is being written can be read in half, and half a bundle can be a whole one of fewer certificates.
  let last = inUse;
  let told = '';
  let isStopped = false;
  let timer = setTimeout(look, intervalMs).unref();

  async function look(): Promise<void> {
    const found = await loadVehicleCas(files).catch((error: Error) => error);
    if (isStopped) return;
    const key = found instanceof Error ? found.message : keyOf(found);
    const isSettled = key === last;
    last = key;
    timer = setTimeout(look, intervalMs).unref();
    if (!isSettled) return;
    if (found instanceof Error) {
      if (told !== key) onError(found);
      told = key;
      return;
    }
    told = '';
    if (key === inUse) return;
    inUse = key;
    onChange(found);
  }

  return {
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

function keyOf({ pem }: Pick<VehicleCas, 'pem'>): string {
  return pem.join('');
}
