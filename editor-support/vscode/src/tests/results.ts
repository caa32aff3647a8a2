// What `flow test --format json` says, read with care: it is another program's output.

export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export interface Failure {
  readonly message: string;
  /** Where it is shown, in bytes. */
  readonly span: Span | undefined;
  readonly expected: string | undefined;
  readonly actual: string | undefined;
}

export interface Result {
  readonly name: string;
  readonly passed: boolean;
  readonly milliseconds: number;
  readonly failures: readonly Failure[];
}

/** The version of the output that is understood. */
const VERSION = 1;

export function results(json: string): Result[] {
  const all: unknown = JSON.parse(json);
  if (!Array.isArray(all)) throw new Error('`flow test` gave no list of results');
  return all.map((one) => result(record(one, 'a result')));
}

function result(one: Fields): Result {
  if (one['format_version'] !== VERSION) {
    throw new Error(`\`flow test\` writes version ${String(one['format_version'])} of its results; this extension reads ${VERSION}`);
  }
  const passed = one['passed'] === true;
  const diagnostics = Array.isArray(one['diagnostics']) ? one['diagnostics'] : [];
  const failures = diagnostics.map((found) => failure(record(found, 'a diagnostic')));
  if (!passed && failures.length === 0) {
    failures.push({ message: text(one['said']) || 'the test failed', span: undefined, expected: undefined, actual: undefined });
  }
  return { name: text(one['name']), passed, milliseconds: number(one['seconds']) * 1000, failures };
}

function failure(found: Fields): Failure {
  const notes = (Array.isArray(found['notes']) ? found['notes'] : []).map(text);
  // A diff of rows: `- ` did not come, `+ ` came instead.
  const rows = (sign: string) => notes.filter((note) => note.startsWith(sign)).map((note) => note.slice(2));
  const [expected, actual] = [rows('- '), rows('+ ')];
  const isDiff = expected.length + actual.length > 0;
  const help = text(found['help']);
  const lines = [text(found['message']), ...notes, ...(help === '' ? [] : [`help: ${help}`])];
  return {
    message: lines.join('\n'),
    span: span(found['span']),
    expected: isDiff ? expected.join('\n') : undefined,
    actual: isDiff ? actual.join('\n') : undefined,
  };
}

function span(value: unknown): Span | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Fields;
  return { file: text(fields['file']), start: number(fields['start']), end: number(fields['end']) };
}

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null) throw new Error(`${what} of \`flow test\` is no object`);
  return value as Fields;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
