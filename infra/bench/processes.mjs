// The processes of a bench, and their CPU and memory use.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Starts a script and resolves when it reports that it is ready. */
export async function startNode(script, env = {}, nodeArguments = []) {
  const child = spawn(process.execPath, [...nodeArguments, path.join(root, script)], {
    env: { ...process.env, LOG_LEVEL: 'error', LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ready = await new Promise((resolve, reject) => {
    child.on('message', (message) => message.type === 'ready' && resolve(message));
    child.once('exit', (code) => reject(new Error(`${script} exited with code ${code} before it was ready`)));
  });
  return { child, pid: child.pid, ports: ready.ports, stop: () => stop(child) };
}

/** CPU that a process has used, user and system, in microseconds, as the system counts it. */
export function cpuMicros(pid) {
  // fields 14 and 15, counted after the name, which may contain spaces
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * (1e6 / 100);
}

/** `cpuMicros` of a process and its descendants. */
export function treeCpuMicros(pid) {
  return childrenOf(pid).reduce((sum, child) => sum + treeCpuMicros(child), cpuMicros(pid));
}

export function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

/** `residentBytes` of a process and its descendants. */
export function treeResidentBytes(pid) {
  return childrenOf(pid).reduce((sum, child) => sum + treeResidentBytes(child), residentBytes(pid));
}

function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}
