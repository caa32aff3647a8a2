// What the tests read of the repository, and the `flow` they start.

import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';

export const here = path.resolve(import.meta.dirname, '../..');
export const root = path.resolve(here, '../..');

/** The command as `cargo xtask test` has built it; without one the tests fail, none is left out. */
export function flow(): string {
  const built = process.env['FLOW_BIN'];
  if (built === undefined) throw new Error('FLOW_BIN names no `flow`: run `cargo xtask test`, or set it');
  return built;
}

/** The scripts of `lang-examples`. A folder that is called `.flow` holds the state of an example that somebody ran. */
export function examples(): string[] {
  const folder = path.join(root, 'lang-examples');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.flow') && path.basename(file) !== '.flow')
    .map((file) => path.join(folder, file))
    .sort();
}

export function json<T>(file: string): T {
  return JSON.parse(readFileSync(path.join(here, file), 'utf8')) as T;
}
