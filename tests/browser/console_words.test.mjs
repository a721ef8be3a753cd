// The console's words and figures: each written as its language writes it, and named for what it counts.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { over } from './console.mjs';
import { launch } from './help.mjs';
import { demonstration } from './program.mjs';

const folder = new URL('../../dashboards/console/', import.meta.url);
const TEST_MS = 300_000;
// Seven weeks: less than two quarters, so that comparisons reach back before the first figures.
const DAYS = 49;

let browser;
let program;
before(async () => {
  [browser, program] = await Promise.all([launch(), demonstration(DAYS)]);
  await program.filled();
}, { timeout: TEST_MS });
after(async () => {
  await browser.close();
  await program.stop();
});

const { look, open } = over(() => ({ browser, program }));
const test_ = (name, body) => test(name, { timeout: TEST_MS }, body);

test_('numbers, times and sizes are written as each language writes them', () => look('', async ({ tab }) => {
  const written = (lang) => tab.evaluate(async (language) => {
    const words = await import('/assets/words.js');
    const { ago, counted, kibibytes, percent } = await import('/assets/format.js');
    words.speak(language);
    return [counted('visitors', 0), counted('visitors', 1), counted('visits', 2), counted('pageviews', 1), ago(1), ago(5), ago(60), ago(7200), kibibytes(1536), kibibytes(3 << 20), percent(12.5), words.labelled('a', 'b')];
  }, lang);
  assert.deepEqual(await written('en'), ['0 visitors', '1 visitor', '2 visits', '1 pageview', '1 second ago', '5 seconds ago', '1 minute ago', '2 hours ago', '1.5\u00a0KiB', '3\u00a0MiB', '12.5%', 'a: b']);
  assert.deepEqual((await written('fr')).map((text) => text.replaceAll('\u202f', '_').replaceAll('\u00a0', ' ')), ['0 visiteur', '1 visiteur', '2 visites', '1 page vue', 'il y a 1 seconde', 'il y a 5 secondes', 'il y a 1 minute', 'il y a 2 heures', '1,5 Kio', '3 Mio', '12,5_%', 'a_: b']);
}));

test_('every dimension that a row filters by has a name in both languages', () => look('lang=fr&filter=is~visit:country~FR', async ({ tab }) => {
  const dimensions = [...new Set(readFileSync(new URL('panels.js', folder), 'utf8').match(/(visit|event):[a-z_]+(?=')/g))];
  assert.ok(dimensions.length > 15);
  const unnamed = await tab.evaluate(async (names) => { const { known } = await import('/assets/words.js'); return names.filter((name) => !known(name)); }, dimensions);
  assert.deepEqual(unnamed.filter((name) => name !== 'event:props'), []);
  assert.match(await tab.locator('#filters .chip').textContent(), /^Pays/);
}));

test_('hits that were counted are not listed among those that were not', () => look('', async ({ tab }) => {
  const names = await tab.locator('#panel-uncounted tbody th').allTextContents();
  assert.ok(names.length >= 2, names.join());
  assert.deepEqual(names.filter((name) => /Counted|disconnected/.test(name)), []);
}));

test_('visits of one page are called entries', () => look('filter=is~event:page~/demo/books/tidewater', async ({ tab }) => {
  assert.match(await tab.locator('#figures button[value="visits"]').textContent(), /^Entries/);
  await open(tab, 'tab=pages.entry');
  assert.match(await tab.locator('#figures button[value="visits"]').textContent(), /^Visits/);
  assert.match(await tab.locator('#panel-pages thead').textContent(), /Entries/);
}));

test_('a period that starts before the first figures is not compared, and the page says so', async () => {
  const ago = (days) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  for (const hash of ['range=12mo&cmp=year', `range=custom&from=${ago(30)}&to=${ago(2)}&cmp=custom&cmpfrom=${ago(60)}`]) {
    await look(hash, async ({ tab }) => {
      assert.deepEqual((await tab.locator('#figures .change').allTextContents()).filter(Boolean), [], hash);
      assert.match(await tab.locator('#legend').textContent(), /Figures begin on \d+ \w+ \d{4}: no comparison/, hash);
      await open(tab, 'view=sites&' + hash);
      assert.equal(await tab.locator('.site-card .change').count(), 0, hash);
    });
  }
  await look('range=7d', async ({ tab }) => assert.match(await tab.locator('#figures .change').first().textContent(), /[▲▼=] \d+%/));
});
