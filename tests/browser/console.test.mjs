// The console over the demonstration: every range, panel, filter, language, theme and key; its requests, its size, and
// its use with a keyboard or a screen reader.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { over, settled } from './console.mjs';
import { launch, userAgent, violations } from './help.mjs';
import { demonstration } from './program.mjs';
import { files } from '../../dashboards/console/build.mjs';

const folder = new URL('../../dashboards/console/', import.meta.url);
const TEST_MS = 300_000;
const BYTES_MAX = 110 * 1024;
// A quarter, and something before it.
const DAYS = 100;

let browser;
let program;
before(async () => {
  [browser, program] = await Promise.all([launch(), demonstration(DAYS)]);
  // On the first of a month, this month is today alone.
  await view('first');
  await program.filled();
}, { timeout: TEST_MS });
after(async () => {
  await browser.close();
  await program.stop();
});

/** A pageview of the demonstration's site, as a browser sends it. */
async function view(path) {
  const event = { method: 'POST', headers: { 'user-agent': userAgent }, body: JSON.stringify({ n: 'pageview', u: new URL(path, program.demo).href, d: 'demo' }) };
  assert.equal((await fetch(new URL('/api/event', program.collect), event)).status, 202);
}

const { look, open, then } = over(() => ({ browser, program }));

const test_ = (name, body) => test(name, { timeout: TEST_MS }, body);

test('the vendored files equal their build', async () => {
  for (const [name, text] of Object.entries(await files())) assert.equal(readFileSync(new URL(`vendor/${name}`, folder), 'utf8'), text, `${name}: run node dashboards/console/build.mjs`);
});

test('all script and style together weigh at most 110 KB compressed', (t) => {
  const names = readdirSync(folder, { recursive: true }).filter((name) => /\.(js|css)$/.test(name));
  const bytes = names.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length, 0);
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes <= BYTES_MAX, `${bytes}`);
});

test_('the console opens on 28 days full of figures, by one request', () => look('', async ({ tab, asked }) => {
  asked.length = 0;
  await then(tab, () => tab.locator('#range').selectOption('yesterday'));
  assert.equal(asked.length, 1);
  await then(tab, () => tab.locator('#range').selectOption('28d'));
  for (const figure of await tab.locator('#figures strong').allTextContents()) assert.match(figure, /\d/);
  assert.ok(await tab.locator('#panel-pages tbody tr').count() >= 9);
  await tab.locator('#chart canvas').waitFor();
  assert.match(await tab.locator('#legend').textContent(), /\d.*–.*\d/, 'both lines of the chart are named');
}));

test_('every range shows figures and is kept in the address', () => look('', async ({ tab }) => {
  for (const range of ['yesterday', '7d', '28d', '91d', 'month', 'year', '12mo', 'all']) {
    if (await tab.locator('#range').inputValue() !== range) await then(tab, () => tab.locator('#range').selectOption(range));
    assert.equal(await tab.locator('#problem').isVisible(), false, range);
    assert.match(await tab.locator('#figures button[value="pageviews"] strong').textContent(), /[1-9]/, range);
    if (range !== '28d') assert.ok(tab.url().includes(`range=${range}`), tab.url());
  }
  await then(tab, () => tab.goBack());
  assert.equal(await tab.locator('#range').inputValue(), '12mo');
}));

test_('any dates can be looked at and compared with any others', () => look('', async ({ tab, asked }) => {
  await then(tab, () => tab.locator('#range').selectOption('custom'));
  await tab.locator('#from').fill('2026-01-01');
  await tab.locator('#to').fill('2026-01-31');
  await then(tab, () => tab.locator('#dates button').click());
  assert.deepEqual(asked.at(-1).whole.date_range, ['2026-01-01', '2026-01-31']);
  assert.deepEqual(asked.at(-1).before.date_range, ['2025-11-27', '2025-12-27'], 'weekdays stand on weekdays');
  await then(tab, () => tab.locator('#cmp').selectOption('year'));
  assert.deepEqual(asked.at(-1).before.date_range, ['2025-01-02', '2025-02-01']);
  await then(tab, () => tab.locator('#cmp').selectOption('none'));
  assert.equal(asked.at(-1).before, undefined);
}));

test_('every interval is drawn, and an unfinished period is said to be one', () => look('range=91d', async ({ tab, asked }) => {
  for (const interval of ['day', 'week', 'month']) {
    await then(tab, () => tab.locator('#by').selectOption(interval));
    assert.deepEqual(asked.at(-1).series.dimensions, [`time:${interval}`]);
    assert.match(await tab.locator('#series tbody tr').last().textContent(), /unfinished/);
  }
}));

test_('every tab of every panel answers', () => look('', async ({ tab }) => {
  for (const panel of await tab.locator('#panels > section').all()) {
    const id = await panel.getAttribute('id');
    const count = await panel.locator('.tab').count();
    for (let at = 0; at < Math.max(count, 1); at++) {
      const pressed = count === 0 || await panel.locator('.tab').nth(at).getAttribute('aria-pressed') === 'true';
      if (!pressed) await then(tab, () => panel.locator('.tab').nth(at).click());
      const words = await panel.locator('.rows').textContent();
      assert.doesNotMatch(words, /does not respond|no dimension|not stored/i, `${id} ${at}: ${words}`);
      assert.ok(await panel.locator('.rows :is(tbody tr, .vital)').count() > 0, `${id} ${at}: ${words}`);
    }
  }
}));

test_('a click on a row filters, and the comparison can be changed', () => look('tab=places.countries', async ({ tab, asked }) => {
  await then(tab, () => tab.locator('#panel-places .pick', { hasText: 'Germany' }).click());
  assert.deepEqual(asked.at(-1).whole.filters, [['is', 'visit:country', ['DE']]]);
  assert.match(await tab.locator('#panel-sources .rows').textContent(), /Not stored together/);
  assert.ok(await tab.locator('#panel-pages tbody tr').count() > 0, 'pages are kept with countries');
  await then(tab, () => tab.locator('#filters select').selectOption('is_not'));
  assert.equal(asked.at(-1).whole.filters[0][0], 'is_not');
  await then(tab, () => tab.locator('#filters .plain').click());
  assert.deepEqual(asked.at(-1).whole.filters, []);
}));

test_('a click on a goal or a group of pages filters too', () => look('tab=pages.groups', async ({ tab, asked }) => {
  await then(tab, () => tab.locator('#panel-pages .pick', { hasText: 'Books' }).click());
  assert.deepEqual(asked.at(-1).whole.filters, [['contains', 'event:page', ['/demo/books']]]);
  await then(tab, () => tab.keyboard.press('Escape'));
  await then(tab, () => tab.locator('#panel-actions .pick', { hasText: 'basket' }).click());
  assert.deepEqual(asked.at(-1).whole.filters, [['is', 'event:name', ['Basket']]]);
}));

test_('load times show how they are distributed, also for one page', () => look('', async ({ tab }) => {
  const shown = () => tab.locator('#panel-load .vital').first().textContent();
  assert.match(await shown(), /% good · .*% poor · [\d,]+ measurements/);
  await then(tab, () => tab.locator('#panel-pages .pick', { hasText: '/demo/books/tidewater' }).click());
  assert.match(await shown(), /% good · .*% poor · [\d,]+ measurements/);
}));

test_('a click on a page shows everything about it, and the way through it', () => look('', async ({ tab, asked }) => {
  await then(tab, () => tab.locator('#panel-pages .pick', { hasText: '/demo/books/tidewater' }).click());
  assert.match(await tab.locator('#about').textContent(), /Everything about \/demo\/books\/tidewater/);
  assert.ok(await tab.locator('#panel-sources tbody tr').count() > 0, 'sources are kept with pages');
  assert.doesNotMatch(await tab.locator('#panels').textContent(), /`|not stored/, 'no panel shows the words of the API');
  assert.ok(await tab.locator('#panel-way tbody tr').count() > 0);
  await then(tab, () => tab.locator('#panel-way .tab', { hasText: 'To' }).click());
  assert.ok(await tab.locator('#panel-way tbody tr').count() > 0);
  await then(tab, () => tab.keyboard.press('Escape'));
  assert.deepEqual(asked.at(-1).whole.filters, []);
}));

test_('a panel gives its rows as a file and its query as API request and SQL', () => look('', async ({ tab, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const menu = tab.locator('#panel-pages .menu');
  await menu.locator('summary').click();
  const [download] = await Promise.all([tab.waitForEvent('download'), menu.getByRole('button', { name: 'Export' }).click()]);
  assert.match(readFileSync(await download.path(), 'utf8'), /^Page,pageviews,visitors\n\/demo,\d+/);
  await menu.getByRole('button', { name: 'API' }).click();
  assert.match(await tab.evaluate(() => navigator.clipboard.readText()), /\/api\/v2\/query .*event:page/);
  await menu.getByRole('button', { name: 'SQL' }).click();
  assert.match(await tab.evaluate(() => navigator.clipboard.readText()), /FROM page_days/);
}));

test_('French says everything that English says', () => look('lang=fr', async ({ tab }) => {
  assert.equal(await tab.locator('html').getAttribute('lang'), 'fr');
  assert.match(await tab.locator('#figures').textContent(), /Visiteurs/);
  const words = readFileSync(new URL('words.js', folder), 'utf8').match(/^const WORDS = \{([^]*?)^\};/m)[1];
  const pairs = [...words.matchAll(/(?:'([^']+)'|([\w]+)): \['((?:[^'\\]|\\.)*)', '((?:[^'\\]|\\.)*)'\]/g)];
  assert.ok(pairs.length > 150);
  for (const [, , name, english, french] of pairs) assert.ok(english && french, name);
}));

test_('every key does what the list of keys says', () => look('', async ({ tab, asked }) => {
  await tab.keyboard.press('?');
  assert.ok(await tab.locator('#help[open] dt').count() >= 10);
  await tab.keyboard.press('Escape');
  assert.equal(await tab.locator('#help').isVisible(), false);
  for (const [key, range] of [['3', '7d'], ['9', '12mo'], ['4', '28d']]) {
    await then(tab, () => tab.keyboard.press(key));
    assert.equal(await tab.locator('#range').inputValue(), range);
  }
  await then(tab, () => tab.keyboard.press('c'));
  assert.equal(await tab.locator('#cmp').inputValue(), 'year');
  await then(tab, () => tab.keyboard.press('i'));
  assert.equal(await tab.locator('#by').inputValue(), 'hour');
  await then(tab, () => tab.keyboard.press('l'));
  assert.equal(await tab.locator('html').getAttribute('lang'), 'fr');
  await then(tab, () => tab.keyboard.press('d'));
  assert.equal(await tab.locator('html').getAttribute('data-theme'), 'light');
  await tab.locator('#chart').focus();
  await tab.keyboard.press('ArrowLeft');
  assert.match(await tab.locator('#chart-point').textContent(), /\d/);
  assert.ok(asked.length >= 8);
}));

for (const theme of ['light', 'dark']) {
  for (const width of [320, 768, 1440]) {
    test_(`every page is accessible and fits at ${width} pixels, ${theme}`, () => look(`theme=${theme}`, async ({ tab }) => {
      for (const view of ['overview', 'sites', 'now', 'install', 'conformity', 'health']) {
        await open(tab, `view=${view}&theme=${theme}`);
        assert.deepEqual(await violations(tab), [], view);
        assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, view);
      }
    }, { viewport: { width, height: 800 } }));
  }
}

for (const theme of ['light', 'dark']) {
  test_(`every page, a page's own and today among them, is accessible and fits in French, ${theme}`, () => look(`theme=${theme}&lang=fr`, async ({ tab }) => {
    const pages = ['', 'sites', 'now', 'install', 'conformity', 'health'].map((view) => `view=${view}`);
    for (const address of [...pages, 'filter=is~event:page~/demo/books/tidewater', 'range=today']) {
      await open(tab, `${address}&theme=${theme}&lang=fr`);
      assert.equal(await tab.locator('html').getAttribute('lang'), 'fr');
      assert.deepEqual(await violations(tab), [], address);
      assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, address);
      if (address.endsWith('conformity')) {
        await tab.getByText('Mesure d’audience seulement', { exact: true }).waitFor();
        await tab.locator('.proof').evaluateAll((all) => all.forEach((one) => { one.open = true; }));
        assert.deepEqual(await violations(tab), [], 'evidence of the rules');
        assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'evidence of the rules');
        const lines = await tab.locator('.finding').allTextContents();
        assert.ok(lines.length > 30, `${lines.length} lines`);
        for (const line of lines) assert.doesNotMatch(line, /\b(the|and|with|run|keep|of|is|are|no)\b/i, 'a finding in English under French');
      }
      await tab.locator('details').evaluateAll((all) => all.forEach((one) => { one.open = false; }));
      const loose = await tab.evaluate(() => {
        const found = [];
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          if (!node.parentElement.closest('pre, code, script, noscript, [lang="en"]') && / [:;?!%»]|« |[KM]iB|\d%/.test(node.data)) found.push(node.data);
        }
        return found;
      });
      assert.deepEqual(loose, [], `${address}: a plain space before French punctuation, or an English unit`);
      const controls = await tab.locator('.range, #cmp, #range').evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent));
      assert.deepEqual(controls, [], `${address}: a control is cut`);
      const cut = await tab.locator('.label, td').evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent));
      assert.deepEqual(cut, [], address);
    }
  }, { viewport: { width: 320, height: 800 } }));
}

test_('install shows the proxies lines as deploy/ has them; all sites name their period', () => look('view=install', async ({ tab }) => {
  const shown = await tab.locator('#desk').textContent();
  for (const file of ['nginx/sillage.conf', 'caddy/sillage.caddy']) {
    const lines = readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8').split('\n').filter((line) => !/^\s*#/.test(line));
    assert.ok(shown.includes(lines.join('\n').trim()), file);
  }
  await open(tab, 'view=sites');
  assert.equal(await tab.getByRole('heading', { level: 1, name: '28 days' }).textContent(), '28 days vs previous period');
}));

test('views of many queries wait for each other within their requests, and none is refused', { timeout: TEST_MS }, async () => {
  const query = (days) => ({ site_id: 'demo', metrics: ['visitors'], date_range: ['2026-01-01', new Date(Date.UTC(2026, 0, days)).toISOString().slice(0, 10)] });
  const asking = (turn) => ({ queries: Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`q${at}`, query(1 + at + 60 * turn)])) });
  const views = await Promise.all([0, 1, 2, 3, 4].map((turn) => program.ask('/api/view', asking(turn))));
  for (const { answers } of views) for (const [name, answer] of Object.entries(answers)) assert.equal(answer.error, undefined, `${name}: ${answer.error}`);
});

test_('today has the last half hour and the latest closed day beside it', () => look('range=today', async ({ tab }) => {
  assert.match(await tab.locator('#today').textContent(), /Last 30 minutes.*Last complete day: .*\d+ visitors/s);
  assert.doesNotMatch(await tab.locator('#today').textContent(), /00:30/, 'exact figures wait for nothing');
}));

test_('today is compared with the same hours of the other day, and under a value with nothing', async () => {
  const { sites } = await program.ask('/api/sites');
  const { timezone } = sites.find(({ name }) => name === 'demo');
  const clock = (shift) => new Date(Date.now() + shift).toLocaleString('sv-SE', { timeZone: timezone || 'UTC' });
  const hour = clock(0).slice(11, 13);
  /** Visitors of a day's hours that have ended at this time of the day. */
  const ended = async (day) => {
    const asked = { site_id: 'demo', metrics: ['visitors'], date_range: [day, day], dimensions: ['time:hour'] };
    const { answers } = await program.ask('/api/view', { queries: { asked } });
    return answers.asked.results.filter(({ dimensions: [label] }) => label.slice(11, 13) < hour).reduce((sum, { metrics: [visitors] }) => sum + visitors, 0);
  };
  await look('range=today&cmp=custom&cmpfrom=' + clock(-86_400_000).slice(0, 10), async ({ tab }) => {
    const [now, then] = [await ended(clock(0).slice(0, 10)), await ended(clock(-86_400_000).slice(0, 10))];
    const expected = then < 10 ? '' : `${Math.abs(Math.round((now - then) / then * 100))}%`;
    assert.ok((await tab.locator('#figures button[value="visitors"] .change').textContent()).includes(expected), expected);
    assert.equal(await tab.locator('#figures button[value="bounce_rate"] .change').textContent(), '', 'rates are not compared');
    assert.match(await tab.locator('#notes').textContent(), /same hours of the other day/);
  });
  await look('range=today&filter=is~visit:country~FR', async ({ tab, asked }) => {
    const names = Object.keys(asked.at(-1));
    assert.ok(names.includes('series') && !names.includes('before') && !names.includes('seriesBefore'), names.join());
    assert.deepEqual((await tab.locator('#figures .change').allTextContents()).filter(Boolean), []);
    assert.match(await tab.locator('#notes').textContent(), /Today is not compared here/);
  });
});

test_('a range that ends today is compared by its days that are over', async () => {
  const { sites } = await program.ask('/api/sites');
  const { timezone } = sites.find(({ name }) => name === 'demo');
  const ago = (days) => new Date(Date.now() - days * 86_400_000).toLocaleString('sv-SE', { timeZone: timezone || 'UTC' }).slice(0, 10);
  await look('range=7d', async ({ tab, asked }) => {
    const { over, before, seriesBefore } = asked.at(-1);
    assert.deepEqual([over.date_range, before.date_range, seriesBefore.date_range], [[ago(6), ago(1)], [ago(13), ago(8)], [ago(13), ago(7)]]);
    const figures = async ({ date_range }) => (await program.ask('/api/v2/query', { site_id: 'demo', metrics: ['visitors'], date_range })).results[0].metrics[0];
    const [now, then] = [await figures(over), await figures(before)];
    const shown = await tab.locator('#figures button[value="visitors"] .change').textContent();
    assert.ok(shown.includes(`${Math.abs(Math.round((now - then) / then * 100))}%`), shown);
    assert.match(await tab.locator('#notes').textContent(), /days that are over/);
  });
});

test('now shows visitors and pageviews of the last half hour, and no arrival to a shared page', { timeout: TEST_MS }, async () => {
  await view('now');
  await look('view=now', async ({ tab }) => {
    const card = tab.locator('.site-card', { hasText: 'demo' });
    await card.filter({ hasText: /[1-9]\d* visitors? · [1-9]\d* pageviews?/ }).waitFor();
  });
  const shared = await fetch(new URL('/api/arrivals', program.console), { headers: { 'x-sillage-share': 'gazette' } });
  assert.equal(shared.status, 401);
});

test_('health says when figures were last released', () => look('view=health', async ({ tab }) => {
  await tab.locator('#desk h2', { hasText: 'Last release' }).waitFor();
  await tab.locator('#desk', { hasText: 'published with every flush' }).waitFor();
  assert.equal(await tab.locator('#desk').getByText('Last release').count(), 1);
}));

test_('a printed page has the figures and no control', () => look('', async ({ tab }) => {
  await tab.emulateMedia({ media: 'print' });
  for (const gone of ['#controls', '#views', '#more', '.tabs', '.as-table']) assert.equal(await tab.locator(gone).first().isVisible(), false, gone);
  for (const there of ['#figures', '#chart', '#panel-pages tbody', '#notes']) assert.ok(await tab.locator(there).first().isVisible(), there);
  assert.ok((await tab.pdf({ format: 'A4' })).length > 20_000);
}));

test_('all sites stand on one page, each with its own figures', () => look('view=sites', async ({ tab }) => {
  assert.deepEqual(await tab.locator('.site-card h2').allTextContents(), ['demo', 'gazette']);
  for (const figure of await tab.locator('.site-card strong').allTextContents()) assert.match(figure, /[1-9]/);
}));

test_('an incoming hit shows within seconds, with its outcome', () => look('view=install', async ({ tab }) => {
  await view('arrival');
  await tab.locator('#desk tbody tr', { hasText: 'Counted' }).waitFor();
  await tab.locator('#desk .big strong', { hasText: /\d seconds? ago/ }).waitFor();
}));

test_('a note that the API kept stands under the chart', async () => {
  const day = new Date().toISOString().slice(0, 10);
  await program.ask('/api/annotations', { site_id: 'demo', day, text: 'A note <b>of ours</b>' });
  const { annotations } = await program.ask('/api/annotations?site_id=demo');
  assert.ok(annotations.some(({ text, origin }) => text === 'A note <b>of ours</b>' && origin === 'api'));
  assert.ok(annotations.some(({ origin }) => origin === 'configuration'));
  await look('', async ({ tab }) => {
    await tab.locator('#day-notes li', { hasText: 'A note <b>of ours</b>' }).waitFor();
    for (const time of await tab.locator('#day-notes time').allTextContents()) assert.match(time, /^\d+ \w+ \d{4}$/);
  });
});

test_('a shared link opens one site without a token, for reading', async () => {
  const { path } = await program.ask('/api/share', { site_id: 'demo', days: 1 });
  const context = await browser.newContext({ userAgent });
  const tab = await context.newPage();
  await tab.goto(new URL(path, program.console).href);
  await settled(tab);
  assert.match(await tab.locator('#figures button[value="pageviews"] strong').textContent(), /[1-9]/);
  assert.deepEqual(await tab.locator('#site option').allTextContents(), ['demo']);
  assert.equal(await tab.locator('#more').isVisible(), false);
  assert.deepEqual(await context.cookies(), []);
  await context.close();
  const key = path.split('key=')[1];
  const refused = async (url, headers, body) => (await fetch(new URL(url, program.console), { headers: { ...headers, 'content-type': 'application/json' }, ...(body && { method: 'POST', body: JSON.stringify(body) }) })).status;
  assert.equal(await refused(path.slice(0, -1), {}), 404, 'a key that was changed');
  assert.equal(await refused('/api/annotations', { 'x-sillage-share': `demo ${key}` }, { site_id: 'demo', day: '2026-01-01', text: 'x' }), 401);
  assert.equal(await refused('/api/view', { 'x-sillage-share': `demo ${key}` }, { queries: { a: { site_id: 'gazette', metrics: ['visitors'], date_range: '7d' } } }), 403);
});

test_('a public site is open to everybody, with its counter; another is not', async () => {
  const get = (path) => fetch(new URL(path, program.console));
  assert.equal((await get('/share/gazette')).status, 200);
  assert.equal((await get('/share/demo')).status, 404);
  const counter = await get('/counter/gazette.json');
  assert.equal(counter.headers.get('access-control-allow-origin'), '*');
  assert.ok((await counter.json()).pageviews > 0);
  assert.match(await (await get('/counter/gazette.svg')).text(), /^<svg .*pageviews/);
  assert.equal((await get('/counter/demo.json')).status, 404);
});

test_('without a script the same figures stand as lists', async () => {
  const context = await browser.newContext({ userAgent, javaScriptEnabled: false });
  const tab = await context.newPage();
  await tab.goto(program.console.href);
  await tab.getByRole('link', { name: 'plain lists' }).click();
  await tab.locator('select[name="range"]').selectOption('7d');
  await tab.locator('select[name="lang"]').selectOption('fr');
  await tab.getByRole('button').click();
  assert.match(await tab.locator('h1').textContent(), /Mesure d’audience/);
  assert.ok(await tab.locator('section', { hasText: 'Pages d’entrée' }).locator('tbody tr').count() > 2);
  await context.close();
});

test_('nothing is kept on the device but the session', () => look('', async ({ tab, context }) => {
  assert.deepEqual((await context.cookies()).map(({ name }) => name), ['sillage_session']);
  assert.equal(await tab.evaluate(() => localStorage.length + sessionStorage.length), 0);
}));

test_('without a session there is a form for the token', () => look('', async ({ tab }) => {
  await Promise.all([tab.waitForURL('**/sign-in'), tab.locator('#leave button').click()]);
  await tab.locator('#token').waitFor();
}));
