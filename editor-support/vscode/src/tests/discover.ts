// The `test "…" { … }` blocks of a script. Read without the server, so that tests show before it has answered.

import type { Place } from '../places';

export interface Found {
  readonly name: string;
  /** Where the name stands, quotes included. */
  readonly start: Place;
  readonly end: Place;
}

// What may hide a `test "…" {`: comments and strings; and the block's own head. Strings end on their line.
const PIECES =
  /\/\/[^\n]*|\/\*|r"[^"\n]*"|\btest(?<gap>\s+)"(?<name>(?:[^"\\\n]|\\[^\n])*)"\s*\{|"(?:[^"\\\n]|\\[^\n])*"/gu;

export function discover(text: string): Found[] {
  const found: Found[] = [];
  PIECES.lastIndex = 0;
  for (let piece = PIECES.exec(text); piece !== null; piece = PIECES.exec(text)) {
    if (piece[0] === '/*') {
      PIECES.lastIndex = behindComment(text, piece.index);
      continue;
    }
    const { gap, name } = piece.groups ?? {};
    if (gap === undefined || name === undefined) continue;
    const start = piece.index + 'test'.length + gap.length;
    found.push({ name: unescaped(name), start: place(text, start), end: place(text, start + name.length + 2) });
  }
  return found;
}

/** Comments nest. */
function behindComment(text: string, from: number): number {
  const marks = /\/\*|\*\//gu;
  marks.lastIndex = from;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}

function unescaped(name: string): string {
  const simple: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0' };
  return name
    .replace(/\\u\{([0-9A-Fa-f]+)\}|\\(.)/gu, (_, hex: string | undefined, one: string | undefined) =>
      hex === undefined ? (simple[one ?? ''] ?? one ?? '') : String.fromCodePoint(Number.parseInt(hex, 16)),
    )
    .replace(/\{\{|\}\}/gu, (pair) => pair[0] ?? '');
}

function place(text: string, at: number): Place {
  const head = text.slice(0, at).split('\n');
  return { line: head.length - 1, character: head[head.length - 1]?.length ?? 0 };
}
