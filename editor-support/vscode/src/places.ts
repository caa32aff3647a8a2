// Places in a text: flow counts bytes of UTF-8, editors count lines and UTF-16 units.

export interface Place {
  readonly line: number;
  readonly character: number;
}

/** The place of a byte; one inside of a character is that character's. */
export function placeOf(text: string, byte: number): Place {
  const before = Buffer.from(text, 'utf8').subarray(0, Math.max(0, byte));
  // A character that is cut is left out.
  const head = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(before).replace(/\uFFFD+$/u, '');
  const lines = head.split('\n');
  return { line: lines.length - 1, character: lines[lines.length - 1]?.length ?? 0 };
}
