// When a pageview is sent: single-page navigation, the back/forward cache, prerendering, background tabs.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { args, executablePath, launch, only, page, serve, settled, userAgent, visit as visitWith, withVisibility } from './help.mjs';

let browser;
// Playwright turns the back/forward cache off; visitors have it on.
before(async () => { browser = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] }); });
after(() => browser.close());

const visit = (pages, body) => visitWith(browser, pages, body);
const views = (site, events) =>
  only(events, 'pageview').map(({ u, r }) => [u, r].map((url) => url?.replace(site.origin, '')));

test('pushState to another path is a pageview that comes from the one before', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => {
    history.pushState({}, '', '/b');
    history.pushState({}, '', '/b?tab=2');
  });
  assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined], ['/b', '/'], ['/b?tab=2', '/b']]);
}));

test('going back within the page is a pageview', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => new Promise((resolve) => {
    history.pushState({}, '', '/b');
    addEventListener('popstate', resolve, { once: true });
    history.back();
  }));
  assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined], ['/b', '/'], ['/', '/b']]);
}));

test('the same path again, a fragment and replaceState are none', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => new Promise((resolve) => {
    history.pushState({}, '', '/');
    history.pushState({}, '', '/#part');
    history.replaceState({}, '', '/?sorted=1');
    addEventListener('hashchange', resolve, { once: true });
    location.hash = 'other';
  }));
  assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined]]);
}));

test('with data-hash the fragment is the page, told once a change', () => {
  const hash = page({ attributes: 'data-site="shop.example" data-hash' });
  return visit({ '/': hash }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/#/home`);
    await tab.evaluate(() => new Promise((resolve) => {
      addEventListener('hashchange', resolve, { once: true });
      location.hash = '#/about';
    }));
    const events = await settled(tab, site);
    assert.deepEqual(views(site, events), [['/#/home', undefined], ['/#/about', '/#/home']]);
    assert.ok(events.every((event) => event.h === 1));
  });
});

test("the page's own pushState keeps working: arguments, result, errors", () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  const seen = await tab.evaluate(() => {
    history.pushState({ kept: 1 }, '', '/b');
    try {
      history.pushState({}, '', 'https://elsewhere.example/');
    } catch (error) {
      return [history.state, error.name];
    }
    return [];
  });
  assert.deepEqual(seen, [{ kept: 1 }, 'SecurityError']);
  assert.equal(views(site, await settled(tab, site)).length, 2);
}));

test('a page back from the back/forward cache is viewed again', () => {
  const pages = { '/': page({ body: '<a href="/b">b</a>' }), '/b': page() };
  return visit(pages, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => addEventListener('pageshow', (event) => { window.restored = event.persisted; }));
    await tab.click('a');
    await tab.waitForURL('**/b');
    await tab.goBack({ waitUntil: 'commit' });
    await tab.waitForFunction(() => window.restored);
    assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined], ['/b', '/'], ['/', undefined]]);
  });
});

// A driven browser holds prerendered pages back, so this one runs by itself; the page says when to go on.
test('a prerendered page counts when it is shown, and only then', async () => {
  const rules = '<script type="speculationrules">{"prerender":[{"urls":["/b"],"eagerness":"immediate"}]}</script>';
  const go = '<script>fetch("/go").then(() => { location.href = "/b"; })</script>';
  let before;
  const site = await serve({
    '/': page({ head: rules + go }),
    '/b': page({ body: '<script type="module">fetch("/loaded")</script>' }),
    '/loaded': '',
    '/go': async () => {
      await site.untilRequested('/loaded');
      await site.until((events) => events.length > 0);
      before = views(site, site.events);
      return '';
    },
  });
  const profile = await mkdtemp(join(tmpdir(), 'sillage-prerender-'));
  const flags = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`, `--user-agent=${userAgent}`];
  const alone = spawn(executablePath, [...args, ...flags, `${site.origin}/`], { stdio: 'ignore' });
  try {
    await site.until((events) => only(events, 'pageview').length === 2, 20_000);
    assert.deepEqual(before, [['/', undefined]]);
    assert.deepEqual(views(site, site.events), [['/', undefined], ['/b', '/']]);
    const loads = site.requests.filter((request) => request.path === '/b');
    assert.deepEqual(loads.map((request) => request.headers['sec-purpose']), ['prefetch;prerender'], 'shown as prerendered');
  } finally {
    alone.kill();
    await once(alone, 'exit');
    await site.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});

test('a tab opened in the background counts when it is first shown, calls made meanwhile after it', async () => {
  await visit({ '/': page() }, async ({ site, context, tab }) => {
    await withVisibility(context, true);
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => {
      window.sillage('Early');
      history.pushState({}, '', '/moved');
    });
    assert.ok(!site.requests.some((request) => request.path === '/api/event'));
    await tab.evaluate(() => window.turn(false));
    assert.deepEqual((await settled(tab, site)).map(({ n, u }) => [n, u.replace(site.origin, '')]).sort(), [
      ['Early', '/moved'], ['pageview', '/moved'],
    ]);
    await tab.evaluate(() => { window.turn(true); window.turn(false); });
    assert.equal(only(await settled(tab, site), 'pageview').length, 1);
  });
});
