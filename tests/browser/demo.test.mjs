// The whole path of a newcomer: the real program runs with `serve --demo`, a browser clicks through the shop, and the
// console's API and dashboard then show exactly those figures. Earlier figures are subtracted.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { launch, userAgent, violations } from './help.mjs';
import { demonstration } from './program.mjs';

// Longest wait for a condition on the slowest machine; a wait ends as soon as its condition holds.
const PATIENCE_MS = 60_000;
const TEST_MS = 300_000;
// From a page that is opened to the figures of an open dashboard.
const MOVES_WITHIN_MS = 2_000;

let browser;
let running;
let site;

before(async () => {
  browser = await launch();
  site = await demonstration(3);
  await site.filled();
  running = site.child;
}, { timeout: TEST_MS });

after(async () => {
  await browser.close();
  await site.stop();
});

async function ask(query) {
  const response = await fetch(new URL('/api/v2/query', site.console), {
    method: 'POST',
    headers: { authorization: `Bearer ${site.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ site_id: 'demo', date_range: 'day', ...query }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).results;
}

/** Figures of today by one dimension, as `value → figure`; a page's trailing slash is ignored. */
async function by(dimension, metric) {
  const results = await ask({ dimensions: [dimension], metrics: [metric], pagination: { limit: 1000 } });
  return Object.fromEntries(results.map((row) => [row.dimensions[0].replace(/(.)\/$/, '$1'), row.metrics[0]]));
}

async function figures() {
  const [{ metrics }] = await ask({ metrics: ['pageviews', 'visits', 'visitors'] });
  return {
    total: { pageviews: metrics[0], visits: metrics[1], visitors: metrics[2] },
    pages: await by('event:page', 'pageviews'),
    entries: await by('visit:entry_page', 'visits'),
    exits: await by('visit:exit_page', 'visits'),
    referrers: await by('visit:referrer', 'visits'),
    browsers: await by('visit:browser', 'visitors'),
    actions: await by('event:name', 'events'),
  };
}

/** Increase of each figure from `then` to `now`; unchanged ones are left out. */
function gained(then, now) {
  const difference = {};
  for (const [group, values] of Object.entries(now)) {
    const changed = Object.entries(values).map(([key, value]) => [key, value - (then[group][key] ?? 0)]);
    difference[group] = Object.fromEntries(changed.filter(([, value]) => value !== 0));
  }
  return difference;
}

/** Retries until `check` passes; its last error is the failure. */
async function eventually(check) {
  const started = performance.now();
  for (;;) {
    try {
      await check();
      return Math.round(performance.now() - started);
    } catch (error) {
      if (performance.now() - started > PATIENCE_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The context, with the tests' timeout. */
function patient(context) {
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** A new visitor with a clock of its own. */
async function visitor() {
  const context = patient(await browser.newContext({ userAgent, viewport: { width: 1280, height: 800 } }));
  await context.clock.install({ time: 0 });
  await context.clock.pauseAt(1000);
  return { context, tab: await context.newPage() };
}

/** Waits until the strip at the bottom shows `words`; another answer to a hit fails with the text of the strip. */
async function counted(tab, words) {
  const strip = tab.locator('#wake-says');
  const failed = tab.locator('.wake-dot[data-state="failed"]');
  await strip.filter({ hasText: words }).or(failed).first().waitFor();
  if (await failed.count()) assert.fail(`“${words}” was awaited; the strip says: ${await strip.textContent()}`);
}

test('a walk through the shop becomes exactly its figures', { timeout: TEST_MS }, async (t) => {
  const then = await figures();
  const { context, tab } = await visitor();
  const click = (name) => tab.getByRole('link', { name, exact: true }).first().click();

  await tab.goto(site.demo.href);
  await counted(tab, 'Pageview of /demo/ counted');
  await click('Books');
  await counted(tab, 'Pageview of /demo/books counted');
  await tab.getByRole('link', { name: 'Tidewater' }).click();
  await counted(tab, 'Pageview of /demo/books/tidewater counted');
  await tab.getByRole('button', { name: 'Put in the basket' }).click();
  await counted(tab, 'Action “Basket”');
  await Promise.all([tab.waitForEvent('download'), click('Download a sample')]);
  await counted(tab, 'Action “Download”');
  await click('Shelf finder');
  await counted(tab, 'Pageview of /demo/app counted');
  await click('By mood');
  await counted(tab, 'Pageview of /demo/app/mood counted');
  await click('Contact');
  await counted(tab, 'Pageview of /demo/contact counted');
  await tab.getByRole('button', { name: 'Send' }).click();
  await counted(tab, 'Action “Contact”');
  await tab.goto(new URL('lost-reader', site.demo).href);
  await counted(tab, 'Action “404”');
  await tab.clock.runFor(20_000);
  await tab.goto('about:blank');

  const walked = {
    total: { pageviews: 7, visits: 1, visitors: 1 },
    pages: {
      '/demo': 1, '/demo/books': 1, '/demo/books/tidewater': 1, '/demo/app': 1, '/demo/app/mood': 1, '/demo/contact': 1,
      '/demo/lost-reader': 1,
    },
    entries: { '/demo': 1 },
    exits: { '/demo/lost-reader': 1 },
    referrers: { '(direct)': 1 },
    browsers: { Chrome: 1 },
    actions: { Basket: 1, Download: 1, Contact: 1, 404: 1 },
  };
  const waited = await eventually(async () => assert.deepEqual(gained(then, await figures()), walked));
  t.diagnostic(`visible after ${waited} ms`);

  const reading = { metrics: ['time_on_page', 'scroll_depth'], filters: [['is', 'event:page', ['/demo/lost-reader']]] };
  await eventually(async () => assert.deepEqual((await ask(reading))[0].metrics, [20, 100]));

  // One more view proves that nothing else was on its way.
  await tab.goto(new URL('about', site.demo).href);
  await counted(tab, 'Pageview of /demo/about counted');
  walked.total.pageviews += 1;
  walked.pages['/demo/about'] = 1;
  walked.exits = { '/demo/about': 1 };
  await eventually(async () => assert.deepEqual(gained(then, await figures()), walked));
  await context.close();
});

test('the dashboard opens by the printed link and follows a click within two seconds', { timeout: TEST_MS }, async (t) => {
  const reader = patient(await browser.newContext());
  const dashboard = await reader.newPage();
  await dashboard.goto(site.console.href);
  await dashboard.goto(new URL('/#range=today', site.console).href);
  await dashboard.locator('#range').filter({ has: dashboard.locator('option[value="today"]:checked') }).waitFor();
  await dashboard.reload();
  const pageviews = dashboard.locator('#figures button[value="pageviews"]');
  await pageviews.waitFor();
  const shown = Number(await pageviews.getAttribute('data-shown'));
  const { context, tab } = await visitor();
  const moved = [];
  for (const [turn, path] of ['journal', 'books', 'app', 'about', 'contact'].entries()) {
    await tab.goto(new URL(path, site.demo).href);
    const opened = performance.now();
    await dashboard.locator(`#figures button[value="pageviews"][data-shown="${shown + 1 + turn}"]`).waitFor();
    moved.push(Math.round(performance.now() - opened));
  }
  t.diagnostic(`figures moved after ${moved.join(', ')} ms`);
  assert.ok(moved.every((milliseconds) => milliseconds <= MOVES_WITHIN_MS), `${moved}`);
  assert.ok(!dashboard.url().includes('token'), 'the token does not stay in the address');
  assert.deepEqual(await violations(dashboard), []);
  await context.close();
  await reader.close();
});

test('a visitor who objects is counted nowhere', { timeout: TEST_MS }, async () => {
  const then = await figures();
  const { context, tab } = await visitor();
  await context.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }));
  await tab.goto(site.demo.href);
  await counted(tab, 'nothing is sent');
  const other = await visitor();
  await other.tab.goto(new URL('about', site.demo).href);
  await counted(other.tab, 'Pageview of /demo/about counted');
  await eventually(async () => assert.deepEqual(gained(then, await figures()).pages, { '/demo/about': 1 }));
  await context.close();
  await other.context.close();
});

test('a visitor who turns the switch of the privacy pages is counted nowhere on that host, until it is turned back', { timeout: TEST_MS }, async () => {
  const then = await figures();
  const { context, tab } = await visitor();
  const turn = async (on) => {
    await tab.goto(new URL('/opt-out?lang=en', site.demo).href);
    await tab.getByRole('switch', { checked: !on }).click();
    await tab.getByRole('switch', { checked: on }).waitFor();
  };
  const posted = [];
  tab.on('request', (request) => { if (request.method() === 'POST') posted.push(request.postDataJSON().u); });
  await turn(true);
  await tab.goto(site.demo.href);
  await counted(tab, 'nothing is sent');
  await turn(false);
  await tab.goto(new URL('about', site.demo).href);
  await counted(tab, 'Pageview of /demo/about counted');
  await eventually(async () => assert.deepEqual(gained(then, await figures()).pages, { '/demo/about': 1 }));
  assert.deepEqual(posted, [new URL('about', site.demo).href]);
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`every page of the shop is accessible and fits, ${colorScheme}`, { timeout: TEST_MS }, async () => {
    const options = { userAgent, colorScheme, viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' };
    const context = patient(await browser.newContext(options));
    const tab = await context.newPage();
    for (const path of ['', 'books', 'books/tidewater', 'journal', 'app', 'about', 'contact', 'not-there']) {
      await tab.goto(new URL(path, site.demo).href);
      await counted(tab, 'counted');
      assert.deepEqual(await violations(tab), [], path);
      assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, path);
    }
    assert.deepEqual(await context.cookies(), []);
    await context.close();
  });
}

test('SIGTERM ends the program, and well', { timeout: TEST_MS }, async () => {
  running.kill('SIGTERM');
  const [code] = await once(running, 'exit');
  assert.equal(code, 0);
});
