// What stands behind `flow` for each thing that the extension starts.

/** What people start, and may give more arguments. */
export type Started = 'run' | 'check' | 'test';

export type Extra = Readonly<Record<Started, readonly string[]>>;

/** In a terminal: for people, and for the problem matcher. */
export function inTerminal(command: Started, file: string, extra: Extra): string[] {
  const format = command === 'check' ? ['--format', 'concise'] : [];
  return [command, ...format, ...extra[command], file];
}

/** The tests of a script, with results to read. */
export function testing(file: string, extra: Extra, only?: string): string[] {
  const filter = only === undefined ? [] : ['--filter', only];
  return ['test', '--format', 'json', ...filter, ...extra.test, file];
}

/** The plan of a script, to draw it. */
export function planning(file: string): string[] {
  return ['plan', '--json', '--color', 'never', file];
}
