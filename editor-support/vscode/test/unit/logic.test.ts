// What the extension works out by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTerminal, planning, testing } from '../../src/command-line';
import { placeOf } from '../../src/places';
import { classOf, declarationOf, dot, plan } from '../../src/plan/graph';
import { drawn, failed } from '../../src/plan/page';
import { discover } from '../../src/tests/discover';
import { results } from '../../src/tests/results';

const EXTRA = { run: ['-p', 'day=1h'], check: ['--deny', 'warnings'], test: ['--matrix'] };

test('arguments of the settings stand before the script', () => {
  assert.deepEqual(inTerminal('run', 'a b.flow', EXTRA), ['run', '-p', 'day=1h', 'a b.flow']);
  assert.deepEqual(inTerminal('check', 'a.flow', EXTRA), ['check', '--format', 'concise', '--deny', 'warnings', 'a.flow']);
  assert.deepEqual(testing('a.flow', EXTRA, 'one'), ['test', '--format', 'json', '--filter', 'one', '--matrix', 'a.flow']);
  assert.deepEqual(planning('a.flow'), ['plan', '--json', '--color', 'never', 'a.flow']);
});

test('bytes become lines and UTF-16 columns', () => {
  const text = 'aä𝄞b\nc';
  assert.deepEqual(placeOf(text, 0), { line: 0, character: 0 });
  assert.deepEqual(placeOf(text, 3), { line: 0, character: 2 });
  assert.deepEqual(placeOf(text, 5), { line: 0, character: 2 }, 'inside of a character');
  assert.deepEqual(placeOf(text, 7), { line: 0, character: 4 });
  assert.deepEqual(placeOf(text, 9), { line: 1, character: 0 });
  assert.deepEqual(placeOf(text, 99), { line: 1, character: 1 });
});

test('tests in comments and strings are none', () => {
  const text = '// test "a" {\n/* /* */ test "b" { */\nconst c = "test \\"d\\" {"\nconst r = r"test \\"\ntest   "e \\"f\\" {{g}}" { }';
  assert.deepEqual(discover(text), [
    { name: 'e "f" {g}', start: { line: 4, character: 7 }, end: { line: 4, character: 22 } },
  ]);
});

test('a comment that is never closed hides what follows', () => {
  assert.deepEqual(discover('/* open\ntest "a" { }'), []);
});

test('a test that failed without a place says what was said', () => {
  const [only] = results('[{ "format_version": 1, "name": "a", "passed": false, "seconds": 0.5, "said": "broken", "diagnostics": [] }]');
  assert.equal(only?.failures[0]?.message, 'broken');
  assert.equal(only?.milliseconds, 500);
});

test('results and plans of another version are refused', () => {
  assert.throws(() => results('[{ "format_version": 2 }]'), /version 2/u);
  assert.throws(() => plan('{ "format_version": 9 }'), /version 9/u);
  assert.throws(() => results('{}'), /no list/u);
});

const OPERATOR = {
  id: 0, kind: 'filter', label: 'a.filter', detail: 'x < "1" & y', parts: [], inputs: [],
  output: '{ x: int }', mode: 'updating', state: null, guarantee: null,
};

test('texts of a script cannot leave their box', () => {
  const job = { name: 'j', parallelism: null, delivery: 'exactlyOnce' };
  const text = dot({ job, graph: [{ ...OPERATOR, label: 'a</td>"\\', detail: '<script>' }] }, (name) => `x"${name}`);
  assert.ok(text.includes('a&lt;/td&gt;&quot;') && text.includes('&lt;script&gt;') && text.includes('URL="x\\"a'));
  assert.ok(!failed('<b>', '<i>').includes('<i>') && !drawn('<u>', '', '<svg></svg>').includes('<u>'));
});

test('a picture shrinks to its panel as long as it can be read', () => {
  assert.match(drawn('', '', '<?xml?><svg width="1000pt" height="9pt"></svg>'), /<svg style="min-width: 600pt" width="1000pt"/u);
});

test('an operator leads to the declaration it stands in', () => {
  assert.equal(declarationOf({ label: 'counts.flatMap#2', parts: [] }), 'counts');
  assert.equal(declarationOf({ label: '', parts: [{ name: 'hot.filter', does: '' }] }), 'hot');
  assert.equal(declarationOf({ label: '', parts: [] }), '');
});

test('sources, sinks and state are told apart', () => {
  assert.equal(classOf({ kind: 'source', state: null }), 'source');
  assert.equal(classOf({ kind: 'sink', state: null }), 'sink');
  assert.equal(classOf({ kind: 'aggregate', state: { id: 'a', bound: '' } }), 'stateful');
  assert.equal(classOf({ kind: 'chain', state: null }), 'stateless');
});
