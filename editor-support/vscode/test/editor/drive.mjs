// A session in a real Visual Studio Code, by mouse and keyboard; `run.sh` starts it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { chromium } from 'playwright-core';

const { ADDRESS, SCRIPTS, PICTURES } = process.env;
const WAIT = 30_000;

const SCRIPT = `\
/// One bid of an auction.
type Bid = { auction: int, price: int, channel: string, at: timestamp }

source bids: Bid = file("bids.ndjson", format: json)
  |> eventTime(at, delay: 5s)

stream dear = bids
  |> filter(price > 100 && channel != "web")
  |> keyBy(auction)
  |> window(tumbling(10s))
  |> aggregate { n: count(), top: max(price) }

sink hot = dear |> filter(n > 100) -> file("out/hot", format: json)

test "cheap bids are left out" {
  given bids [{ auction: 1, price: 5, channel: "app", at: @2026-01-01T00:00:01Z }]
  expect dear []
}

test "dear bids are counted" {
  given bids [{ auction: 1, price: 500, channel: "app", at: @2026-01-01T00:00:01Z }]
  expect dear [{ auction: 1, n: 2, .. }]
}
`;

writeFileSync(path.join(SCRIPTS, 'hot.flow'), SCRIPT);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
page.setDefaultTimeout(WAIT);
let passed = 0;

async function check(what, does) {
  try {
    await does();
  } catch (error) {
    await page.screenshot({ path: path.join(PICTURES, 'failed.png') });
    console.log(`not ok - ${what}: ${error.message}\n${passed} passed, 1 failed`);
    await browser.close();
    process.exit(1);
  }
  passed += 1;
  console.log(`ok - ${what}`);
}

const picture = (name) => page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
const count = (selector, least = 1) =>
  page.waitForFunction(([all, n]) => document.querySelectorAll(all).length >= n, [selector, least]);

async function command(name) {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget input').first().waitFor();
  await page.keyboard.type(name);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().click();
}

/** The text of the editor, blanks made plain. */
const text = async () => (await page.locator('.view-lines').first().innerText()).replaceAll('\u00a0', ' ');

await page.goto(`${ADDRESS}/?folder=${SCRIPTS}`);
await page.locator('.monaco-workbench').waitFor();
await page.getByText('Yes, I trust the authors').click();

await check('a script opens as Flow', async () => {
  await page.locator('.explorer-folders-view').getByText('hot.flow').dblclick();
  await page.locator('.statusbar-item', { hasText: 'Flow' }).first().waitFor();
});
await check('a mistake is underlined', () => count('.squiggly-error'));
await picture('mistake');

await check('a key offers its fix, and the fix mends it', async () => {
  await page.locator('.view-line', { hasText: '&&' }).first().click();
  await page.keyboard.press('F8');
  await page.keyboard.press('Escape');
  // The key does nothing while the editor still closes the finding that F8 showed.
  const offered = page.locator('.action-widget .monaco-list-row.action', { hasText: 'write `and`' });
  for (let tries = 0; tries < 10 && !(await offered.isVisible()); tries += 1) {
    await page.keyboard.press('Control+.');
    await offered.waitFor({ timeout: 2000 }).catch(() => undefined);
  }
  await picture('fix');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('.squiggly-error').length === 0);
  assert.match(await text(), /price > 100 and channel/u);
});

await check('the types of streams stand behind stages', async () => {
  await page.locator('.view-line', { hasText: /aggregate.*windowStart:\stimestamp/u }).first().waitFor();
});
await picture('types');

await check('lenses stand above the script and its tests', async () => {
  await page.locator('.codelens-decoration a', { hasText: 'Run' }).first().waitFor();
  await page.locator('.codelens-decoration a', { hasText: /^Test$/u }).nth(1).waitFor();
});

await check('hover tells what a stream is', async () => {
  await page.locator('.view-line', { hasText: 'sink hot' }).locator('span', { hasText: /^dear$/u }).first().hover();
  await page.locator('.monaco-hover', { hasText: 'auction' }).first().waitFor();
  await picture('hover');
  await page.keyboard.press('Escape');
});

await check('a lens runs its test alone', async () => {
  await page.locator('.codelens-decoration a', { hasText: /^Test$/u }).first().click();
  await count('.codicon-testing-passed-icon');
  assert.equal(await page.locator('.codicon-testing-failed-icon').count(), 0);
});

await check('tests run and show where they failed', async () => {
  await command('Flow: Test');
  await count('.testing-run-glyph.codicon-testing-passed-icon, .codicon-testing-passed-icon');
  // One beside the line of the test, one behind the expectation.
  await count('.codicon-testing-failed-icon', 2);
});
await picture('tests');

await check('the plan is drawn beside the script', async () => {
  await command('View: Close Panel').catch(() => page.keyboard.press('Escape'));
  await command('Flow: Show Plan');
  const frame = page.frameLocator('iframe.webview').frameLocator('iframe');
  await frame.locator('svg g.node').first().waitFor();
  assert.ok((await frame.locator('svg g.node').count()) >= 4);
  await picture('plan');
});

await check('a box of the plan leads to its declaration', async () => {
  const frame = page.frameLocator('iframe.webview').frameLocator('iframe');
  await frame.locator('svg g.node.sink a').first().click();
  await page.locator('.statusbar-item', { hasText: 'Ln 13,' }).waitFor();
});

await check('check runs in a terminal', async () => {
  await command('Flow: Check');
  await page.locator('.terminal-wrapper').first().waitFor();
});
await picture('check');

console.log(`${passed} passed, 0 failed`);
await browser.close();
