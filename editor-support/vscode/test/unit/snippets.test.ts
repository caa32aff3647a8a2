// Every snippet, as it stands when nothing is typed into it, is flow.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { flow, json } from './repository';

interface Snippet {
  readonly prefix: string;
  readonly body: string | readonly string[];
  readonly description: string;
}

/** The text of a snippet with its own words at each stop: `${1:text}`, `${1|one,two|}`, `$1`, `\}`. */
function expanded(body: string): string {
  let at = 0;
  const until = (end: string): string => {
    let out = '';
    while (at < body.length && !end.includes(body[at] ?? '')) {
      const stop = /^\$(?:\d+|\{\d+(?<mark>[:|}]))/u.exec(body.slice(at));
      if (body[at] === '\\') {
        out += body[at + 1] ?? '';
        at += 2;
      } else if (stop === null) {
        out += body[at] ?? '';
        at += 1;
      } else {
        at += stop[0].length;
        if (stop.groups?.['mark'] === ':') {
          out += until('}');
          at += 1;
        } else if (stop.groups?.['mark'] === '|') {
          out += until(',|');
          at = body.indexOf('}', at) + 1;
        }
      }
    }
    return out;
  };
  return until('');
}

const SNIPPETS = json<Record<string, Snippet>>('snippets/flow.json');

for (const [name, snippet] of Object.entries(SNIPPETS)) {
  test(`the snippet "${name}" is flow, in the one style`, () => {
    const text = expanded([snippet.body].flat().join('\n'));
    const script = text.startsWith('|>')
      ? `stream s = rows\n${text.replace(/^/gmu, '  ')}\n`
      : text.startsWith('match')
        ? `const c = ${text}\n`
        : `${text}\n`;
    const done = spawnSync(flow(), ['fmt', '--check', '-'], { input: script, encoding: 'utf8' });
    assert.equal(done.status, 0, `${script}\n${done.stderr}${done.stdout}`);
  });
}

test('no two snippets have one prefix', () => {
  const prefixes = Object.values(SNIPPETS).map((snippet) => snippet.prefix);
  assert.equal(new Set(prefixes).size, prefixes.length);
});
