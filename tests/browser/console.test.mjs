// The dashboard against canned answers: what it asks, what it shows, and what it does when it may not or cannot read.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { launch, patiently, userAgent, violations } from './help.mjs';

const file = (name) => readFileSync(new URL(`../../dashboards/console/${name}`, import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'";
const FILES = {
  '/': ['text/html; charset=utf-8', 'index.html'],
  '/assets/console.js': ['text/javascript; charset=utf-8', 'console.js'],
  '/assets/console.css': ['text/css; charset=utf-8', 'console.css'],
};
const FIGURES = {
  visitors: 1234, visits: 1500, pageviews: 4321, views_per_visit: 2.88, bounce_rate: 41, visit_duration: 185,
  time_on_page: null, scroll_depth: 67, events: 12,
};
const VALUES = {
  'event:page': ['/', '/pricing'], 'visit:country': ['FR', '(unknown)'], 'visit:referrer': ['(direct)', 'news.example'],
  'visit:device': ['desktop'], 'event:name': ['<b>Signup</b>'], 'visit:browser': ['Firefox'],
  'visit:channel': ['Paid Search'], 'visit:utm_campaign': ['Spring Sale'],
};

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** Opens the dashboard on a console that answers from `given`. */
async function look(given, body, options = {}) {
  const questions = [];
  const canned = { figures: { ...FIGURES }, rounding: 10, status: 200, ...given };
  const server = createServer(patiently(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (pathname in FILES) {
      const [type, name] = FILES[pathname];
      response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(file(name));
      return;
    }
    const question = chunks.length ? JSON.parse(Buffer.concat(chunks)) : undefined;
    if (question) questions.push(question);
    const answer = pathname === '/api/sites' ? { sites: [{ name: 'demo', timezone: 'UTC' }, { name: 'shop.example', timezone: 'Europe/Paris' }], marketing: Boolean(canned.marketing) }
      : results(question, canned);
    response.writeHead(canned.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(canned.status === 200 ? answer : { error: 'no' }));
  }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const context = await browser.newContext({ userAgent, viewport: { width: 1280, height: 900 }, ...options });
  const tab = await context.newPage();
  const errors = [];
  tab.on('pageerror', (error) => errors.push(error.message));
  tab.on('console', (message) => { if (/Content Security Policy/.test(message.text())) errors.push(message.text()); });
  try {
    await context.clock.install({ time: new Date('2026-03-10T12:30:00Z') });
    await body({ tab, questions, canned, address: `http://127.0.0.1:${server.address().port}/` });
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
    server.closeAllConnections();
    server.close();
  }
}

function results(question, { figures, rounding }) {
  const metrics = question.metrics.map((name) => figures[name]);
  const [dimension] = question.dimensions ?? [];
  const labels = ['2026-03-10 10:00:00', '2026-03-10 11:00:00', '2026-03-10 12:00:00', '2026-03-10 13:00:00'];
  const values = dimension === 'time' ? labels.slice(0, 3) : VALUES[dimension] ?? [];
  return {
    results: dimension ? values.map((value) => ({ metrics, dimensions: [value] })) : [{ metrics, dimensions: [] }],
    meta: { rounding, ...(dimension === 'time' && { time_labels: labels }) },
    query: { date_range: ['2026-03-04', '2026-03-10'] },
  };
}

const headline = (tab, name) => tab.locator(`#figures button[value="${name}"] strong`);
const ready = (tab) => headline(tab, 'visits').waitFor();

test('figures are shown as told, and what is withheld as withheld', () => look({}, async ({ tab, address }) => {
  await tab.goto(address);
  await ready(tab);
  const shown = {};
  for (const name of Object.keys(FIGURES).filter((name) => name !== 'events')) shown[name] = await headline(tab, name).innerText();
  assert.deepEqual(shown, {
    visitors: '1,234', visits: '1,500', pageviews: '4,321', views_per_visit: '2.88', bounce_rate: '41 %',
    visit_duration: '3 m 05 s', time_on_page: '–\nwithheld', scroll_depth: '67 %',
  });
  assert.match(await tab.locator('#notes').innerText(), /rounded to the nearest 10/);
  assert.match(await tab.locator('#notes').innerText(), /counted once per day/);
}));

test('campaigns have a card where they are measured, and only there', async () => {
  const asked = (questions) => questions.flatMap(({ dimensions }) => dimensions ?? []).filter((name) => /channel|source|utm/.test(name));
  await look({}, async ({ tab, address, questions }) => {
    await tab.goto(address);
    await tab.getByText('France').waitFor();
    assert.equal(await tab.getByRole('heading', { name: 'Campaigns' }).count(), 0);
    assert.deepEqual(asked(questions), []);
  });
  await look({ marketing: true }, async ({ tab, address, questions }) => {
    await tab.goto(address);
    await tab.getByText('Paid Search').waitFor();
    assert.deepEqual(asked(questions), ['visit:channel']);
    await tab.getByRole('button', { name: 'Campaigns' }).click();
    await tab.getByText('Spring Sale').waitFor();
  });
});

test('codes are shown as names, and names never as markup', () => look({ rounding: 1 }, async ({ tab, address }) => {
  await tab.goto(address);
  await tab.getByText('France').waitFor();
  await tab.getByText('<b>Signup</b>').waitFor();
  assert.match(await tab.locator('#notes').innerText(), /rounding is off/);
}));

test('today keeps itself up, and stands still while nothing changes', () => look({}, async ({ tab, address, canned, questions }) => {
  await tab.goto(address);
  await ready(tab);
  const row = await tab.locator('.panel tbody tr').first().elementHandle();
  const asked = questions.length;
  for (let turn = 0; turn < 2; turn++) {
    const answered = (dimension) => tab.waitForResponse((response) => response.request().postDataJSON()?.dimensions?.[0] === dimension);
    await Promise.all([answered('event:name'), answered(undefined), tab.clock.runFor(2100)]);
  }
  const kinds = new Set(questions.slice(asked).map((question) => question.dimensions?.[0]));
  assert.deepEqual(kinds, new Set([undefined, 'event:name']), 'the rest is asked when the headline changes');
  assert.ok(await row.evaluate((element) => element.isConnected), 'the same row is still there');
  canned.figures.visits = 1501;
  await tab.clock.runFor(2100);
  await tab.waitForFunction(() => document.querySelector('#figures button[value="visits"] strong').innerText === '1,501');
}));

test('a page can be looked at alone, and the address says so', () => look({}, async ({ tab, address, questions }) => {
  await tab.goto(`${address}#range=7d`);
  await tab.getByRole('button', { name: '/pricing' }).click();
  await tab.locator('#filter').waitFor();
  await tab.waitForFunction(() => !document.body.classList.contains('waiting'));
  assert.deepEqual(questions.at(-1).filters, [['is', 'event:page', ['/pricing']]]);
  assert.equal(await headline(tab, 'views_per_visit').count(), 0);
  assert.match(tab.url(), /page=%2Fpricing/);
  await tab.reload();
  await tab.locator('#filter').waitFor();
}));

test('a longer period is compared with the one before it', () => look({}, async ({ tab, address, questions }) => {
  await tab.goto(`${address}#range=7d`);
  await ready(tab);
  assert.ok(questions.some((question) => JSON.stringify(question.date_range) === '["2026-02-25","2026-03-03"]'));
}));

test('the chart can be read with the keyboard, and as a table', () => look({}, async ({ tab, address }) => {
  await tab.goto(address);
  await ready(tab);
  await tab.locator('#chart').focus();
  await tab.keyboard.press('ArrowLeft');
  assert.equal(await tab.locator('#chart-point').innerText(), '12:00 to 12:59: 1,234');
  await tab.getByText('As a table').click();
  assert.equal(await tab.locator('#series tbody tr').count(), 3, 'hours to come are not shown');
}));

test('without a session there is a form for the token', () => look({ status: 401 }, async ({ tab, address }) => {
  await tab.goto(address);
  await tab.locator('#sign-in').waitFor();
  const form = tab.locator('#sign-in form');
  assert.equal(await form.getAttribute('action'), '/sign-in');
  assert.equal(await form.getAttribute('method'), 'post');
  assert.equal(await tab.locator('#board').isVisible(), false);
  assert.deepEqual(await violations(tab), []);
}));

test('a console that cannot answer says so, and recovers', () => look({}, async ({ tab, address, canned }) => {
  await tab.goto(address);
  await ready(tab);
  canned.status = 503;
  await tab.clock.runFor(2100);
  await tab.locator('#problem').waitFor();
  canned.status = 200;
  await tab.clock.runFor(2100);
  await tab.locator('#problem').waitFor({ state: 'hidden' });
}));

test('nothing is kept on the device', () => look({}, async ({ tab, address }) => {
  await tab.goto(address);
  await ready(tab);
  assert.deepEqual(await tab.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), ['', 0, 0]);
}));

for (const colorScheme of ['light', 'dark']) {
  test(`it is accessible, ${colorScheme}, wide and narrow, and fits`, async () => {
    for (const width of [1280, 360]) {
      await look({}, async ({ tab, address }) => {
        await tab.goto(`${address}#range=28d`);
        await ready(tab);
        await tab.waitForFunction(() => !document.body.classList.contains('waiting'));
        assert.deepEqual(await violations(tab), []);
        assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${width} px`);
      }, { colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce' });
    }
  });
}
