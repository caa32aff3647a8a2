// The grammar for colours against the language: its words, and every example.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { before, test } from 'node:test';
import type { IGrammar, IToken } from 'vscode-textmate';
import { examples, here, root } from './repository';

const load = createRequire(import.meta.url);
const textmate = load('vscode-textmate') as typeof import('vscode-textmate');
const oniguruma = load('vscode-oniguruma') as typeof import('vscode-oniguruma');

let grammar: IGrammar;

before(async () => {
  const wasm = readFileSync(path.join(path.dirname(load.resolve('vscode-oniguruma')), 'onig.wasm'));
  await oniguruma.loadWASM(Uint8Array.from(wasm).buffer);
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (sources) => new oniguruma.OnigScanner(sources),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => {
      const file = path.join(here, 'syntaxes/flow.tmLanguage.json');
      return textmate.parseRawGrammar(readFileSync(file, 'utf8'), file);
    },
  });
  const loaded = await registry.loadGrammar('source.flow');
  assert.ok(loaded !== null);
  grammar = loaded;
});

function lines(text: string): { line: string; tokens: IToken[] }[] {
  let state = textmate.INITIAL;
  return text.split('\n').map((line) => {
    const done = grammar.tokenizeLine(line, state);
    state = done.ruleStack;
    return { line, tokens: done.tokens };
  });
}

function scopesAt(tokens: IToken[], column: number): string {
  return tokens.find((token) => token.startIndex <= column && column < token.endIndex)?.scopes.join(' ') ?? '';
}

test('each word that the compiler reserves has the colour of a word', () => {
  const source = readFileSync(path.join(root, 'compiler/syntax/src/token.rs'), 'utf8');
  const words = [...source.matchAll(/pub const [A-Z_]+_WORDS: &\[&str\] =\s*&\[([^\]]*)\]/gu)].flatMap((list) =>
    [...(list[1] ?? '').matchAll(/"(\w+)"/gu)].map((word) => word[1] ?? ''),
  );
  assert.ok(words.length >= 20, `only ${words.length} words`);
  for (const word of words) {
    const [first] = lines(`${word} x`);
    assert.match(scopesAt(first?.tokens ?? [], 0), /keyword|constant\.language/u, word);
  }
});

test('declarations, stages and comments of every example are seen as such', () => {
  const all = examples();
  assert.ok(all.length >= 40, `only ${all.length} examples`);
  for (const file of all) {
    lines(readFileSync(file, 'utf8')).forEach(({ line, tokens }, number) => {
      const place = `${path.relative(root, file)}:${number + 1}: ${line}`;
      if (/^(import|job|param|const|type|fn|source|table|stream|sink|test)\b/u.test(line)) {
        assert.match(scopesAt(tokens, 0), /keyword\.declaration/u, place);
      }
      const stage = /^\s*\|> (\w)/u.exec(line);
      if (stage !== null) assert.match(scopesAt(tokens, stage[0].length - 1), /entity\.name\.function\.stage/u, place);
      if (/^\s*\/\//u.test(line)) assert.match(scopesAt(tokens, line.indexOf('//')), /comment/u, place);
    });
  }
});

test('a string that is never closed ends with its line', () => {
  const [, second] = lines('const a = "open {x\nconst b = 1');
  assert.match(scopesAt(second?.tokens ?? [], 0), /keyword\.declaration/u);
});
