// The console over figures that are published in tens: the unfinished day, and the notes about the rest. The demonstration's past is imported, so its days are released as closed ones.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { launch, userAgent, violations } from './help.mjs';
import { demonstration } from './program.mjs';

const TEST_MS = 300_000;
const DAYS = 9;

let browser;
let program;
before(async () => {
  [browser, program] = await Promise.all([launch(), demonstration(DAYS, { SILLAGE_PRIVACY__PROTECTION: 'tens' })]);
  await program.filled();
}, { timeout: TEST_MS });
after(async () => {
  await browser.close();
  await program.stop();
});

async function look(hash, body, options = {}) {
  const context = await browser.newContext({ userAgent, locale: 'en-GB', viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
  const tab = await context.newPage();
  await tab.goto(program.console.href);
  await tab.goto(new URL(`/#${hash}`, program.console).href);
  await tab.reload();
  await tab.waitForFunction(() => document.body.dataset.round && !document.body.classList.contains('waiting'));
  await body(tab);
  await context.close();
}

test('today in tens shows its hours, now and the latest closed day, and says when the rest comes', { timeout: TEST_MS }, () => look('range=today', async (tab) => {
  assert.match(await tab.locator('#today').textContent(), /fewer than 20 visitors.*Last complete day: .*\d+ visitors.*00:30/s);
  assert.deepEqual(await tab.locator('#figures .label').allTextContents(), ['Visitors', 'Visits', 'Pageviews']);
  assert.deepEqual(await tab.locator('#panels > section').evaluateAll((panels) => panels.map(({ id }) => id)), ['panel-pages']);
  assert.match(await tab.locator('#panel-pages').textContent(), /All pages follow at 00:30/);
  assert.equal(await tab.locator('#problem').isVisible(), false);
  assert.deepEqual(await violations(tab), []);
}));

test('every figure of closed days is a multiple of ten', { timeout: TEST_MS }, () => look('range=7d', async (tab) => {
  for (const name of ['visitors', 'visits', 'pageviews']) {
    const shown = Number(await tab.locator(`#figures button[value="${name}"]`).getAttribute('data-shown'));
    assert.ok(shown > 0 && shown % 10 === 0, `${name}: ${shown}`);
  }
  for (const cell of await tab.locator('#panel-pages tbody td').allTextContents()) assert.match(cell, /0$/);
  assert.match(await tab.locator('#notes').textContent(), /rounded to tens/);
}));

test('now and health speak of tens and of releases', { timeout: TEST_MS }, async () => {
  await look('view=now', (tab) => tab.locator('#desk', { hasText: 'in tens' }).waitFor());
  await look('view=health', (tab) => tab.locator('#desk', { hasText: 'no period has ended since the start' }).waitFor());
});
