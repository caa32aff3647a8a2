// Starting `flow` and reading what it says.

import { spawn } from 'node:child_process';

export interface Said {
  /** The exit status; see `flow help`: 0 done, 1 the script is wrong, 2 usage, 3 failed while running. */
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** There is no such command. */
export class NotFound extends Error {
  constructor(readonly path: string) {
    super(`there is no command \`${path}\``);
  }
}

export interface Cancel {
  onCancellationRequested(listener: () => void): { dispose(): void };
}

export function start(path: string, args: readonly string[], folder: string, cancel?: Cancel): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const cancelled = cancel?.onCancellationRequested(() => child.kill());
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    child.on('error', (error: NodeJS.ErrnoException) => {
      cancelled?.dispose();
      reject(error.code === 'ENOENT' ? new NotFound(path) : error);
    });
    child.on('close', (status, signal) => {
      cancelled?.dispose();
      if (status === null) {
        reject(new Error(`\`${path} ${args[0] ?? ''}\` was ended by ${signal ?? 'a signal'}`));
      } else {
        resolve({ status, out: Buffer.concat(out).toString('utf8'), err: Buffer.concat(err).toString('utf8') });
      }
    });
  });
}
