// What is started, and what is read of it, with the real `flow`.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { inTerminal, planning, testing } from '../../src/command-line';
import { placeOf } from '../../src/places';
import { dot, plan } from '../../src/plan/graph';
import { drawn } from '../../src/plan/page';
import { svg } from '../../src/plan/picture';
import { NotFound, start } from '../../src/start';
import { discover } from '../../src/tests/discover';
import { results } from '../../src/tests/results';
import { examples, flow, json } from './repository';

const NONE = { run: [], check: [], test: [] };

const SCRIPT = `\
type Bid = { auction: int, price: int, note: string? }
source bids: Bid = file("bids.ndjson", format: json)
// 𝄞 stands outside of the sixteen bits.
stream cheap = bids |> filter(price < 100)
sink out = cheap |> filter(note == null) -> stdout(format: json)

test "cheap bids pass" {
  given bids [{ auction: 1, price: 5, note: null }]
  expect cheap [{ auction: 1, .. }]
}
test "𝄞 fails" { given bids [{ auction: 1, price: 5, note: "𝄞" }]  expect cheap [{ auction: 2, .. }] }
`;

let folder: string;
let script: string;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'flow-vscode-'));
  script = path.join(folder, 'script.flow');
  writeFileSync(script, SCRIPT);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('the problem matcher reads what `flow check` writes', async () => {
  const bad = path.join(folder, 'bad.flow');
  writeFileSync(bad, 'source rows = stdin(format: text)\nsink out = rowz -> stdout(format: text)\n');
  const said = await start(flow(), inTerminal('check', bad, NONE), folder);
  assert.equal(said.status, 1);
  interface Pattern {
    readonly regexp: string;
    readonly file: number;
    readonly line: number;
    readonly column: number;
    readonly severity: number;
    readonly code: number;
    readonly message: number;
  }
  const { contributes } = json<{ contributes: { problemPatterns: Pattern[] } }>('package.json');
  const [pattern] = contributes.problemPatterns;
  assert.ok(pattern !== undefined);
  const lines = `${said.out}${said.err}`.split('\n').filter((line) => line.includes('error['));
  const found = lines.map((line) => new RegExp(pattern.regexp, 'u').exec(line));
  const first = found[0];
  assert.ok(first, said.out + said.err);
  assert.equal(first[pattern.file], bad);
  assert.equal(first[pattern.line], '2');
  assert.equal(first[pattern.column], '12');
  assert.equal(first[pattern.severity], 'error');
  assert.equal(first[pattern.code], 'E0201');
  assert.match(first[pattern.message] ?? '', /rowz/u);
});

test('the tests of a script are found, run and shown where they failed', async () => {
  const found = discover(SCRIPT);
  assert.deepEqual(found.map((one) => one.name), ['cheap bids pass', '𝄞 fails']);
  const said = await start(flow(), testing(script, NONE), folder);
  const all = results(said.out);
  assert.deepEqual(all.map(({ name, passed }) => [name, passed]), [['cheap bids pass', true], ['𝄞 fails', false]]);
  const failure = all[1]?.failures[0];
  assert.ok(failure?.span !== undefined);
  assert.equal(failure.expected, '{ auction: 2, .. }');
  assert.match(failure.actual ?? '', /auction: 1/u);
  const place = placeOf(SCRIPT, failure.span.start);
  assert.equal(SCRIPT.split('\n')[place.line]?.slice(place.character, place.character + 6), 'expect');
});

test('one test is run alone', async () => {
  const said = await start(flow(), testing(script, NONE, 'cheap bids pass'), folder);
  assert.deepEqual(results(said.out).map(({ name }) => name), ['cheap bids pass']);
  assert.equal(said.status, 0);
});

test('every example has a plan that Graphviz draws', async () => {
  for (const file of examples().filter((example) => !example.endsWith('events.flow'))) {
    const said = await start(flow(), planning(file), path.dirname(file));
    assert.equal(said.status, 0, `${file}\n${said.err}`);
    const read = plan(said.out);
    const picture = await svg(dot(read, (name) => `command:flow.reveal?${name}`));
    assert.equal(picture.match(/class="node/gu)?.length, read.graph.length, file);
    const page = drawn('plan', '', picture);
    assert.ok(page.includes("default-src 'none'") && !page.includes('<script'), file);
    // Only the names of XML's own vocabularies may look like addresses.
    const addresses = [...page.matchAll(/https?:\/\/[^"'\s>]*/gu)].map((address) => address[0]);
    assert.deepEqual(addresses.filter((address) => !address.startsWith('http://www.w3.org/')), [], file);
  }
});

test('a script that is wrong has no plan, and says why', async () => {
  const bad = path.join(folder, 'wrong.flow');
  writeFileSync(bad, 'sink out = nothing -> stdout(format: text)\n');
  const said = await start(flow(), planning(bad), folder);
  assert.equal(said.status, 1);
  assert.match(said.err, /E0201/u);
});

test('a command that is not there is told apart from one that fails', async () => {
  await assert.rejects(start(path.join(folder, 'no-such-flow'), ['help'], folder), NotFound);
});
