// Time of a pageview: single-page navigation, the back/forward cache, prerendering, background tabs.
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
    history.pushState({}, '', '/c?tab=2');
  });
  assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined], ['/b', '/'], ['/c?tab=2', '/b']]);
}));

test('the Navigation API: an intercepted link and navigate() are pageviews, each once', () => {
  const body = `<a href="/list">list</a><script>
    navigation.addEventListener('navigate', (event) => event.canIntercept && event.intercept({ handler: async () => {} }));</script>`;
  return visit({ '/': page({ body }) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.getByRole('link').click();
    await tab.evaluate(async () => {
      await navigation.navigate('/item').finished;
      await navigation.navigate('/item?tab=2').finished;
      await navigation.navigate('/end', { history: 'replace' }).finished;
      await navigation.back().finished;
    });
    assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined], ['/list', '/'], ['/item', '/list'], ['/end', '/item'], ['/item', '/end']]);
  });
});

for (const [browserHas, prepare] of [
  ['no Navigation API', () => delete window.navigation],
  ['an element of that name instead', () => Object.defineProperty(window, 'navigation', { get: () => document.createElement('nav') })],
]) {
  test(`where the browser has ${browserHas}, history tells`, () => visit({ '/': page() }, async ({ site, tab }) => {
    await tab.addInitScript(prepare);
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => new Promise((resolve) => {
      history.pushState({}, '', '/b');
      history.pushState({}, '', '/b?sorted=1');
      history.replaceState({}, '', '/c');
      addEventListener('popstate', resolve, { once: true });
      history.back();
    }));
    assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined], ['/b', '/'], ['/c', '/b'], ['/b', '/c']]);
  }));
}

test('a router that only replaces is followed, and what follows is told for its page', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => {
    history.replaceState({}, '', '/dashboard');
    window.sillage('Signup');
  });
  const events = await settled(tab, site);
  assert.deepEqual(views(site, events), [['/', undefined], ['/dashboard', '/']]);
  assert.equal(only(events, 'Signup')[0].u, `${site.origin}/dashboard`);
}));

test('a query makes another page only by the parameters that the site keeps', () => {
  const kept = page({ attributes: 'data-site="shop.example" data-query="page, lang"' });
  return visit({ '/': page(), '/kept': kept }, async ({ site, tab }) => {
    const type = (path) => tab.evaluate((to) => {
      for (const query of ['?q=h', '?q=ho', '?q=hou&page=2', '?q=house&page=2', '?page=2&lang=fr', '']) history.pushState({}, '', to + query);
    }, path);
    await tab.goto(`${site.origin}/`);
    await type('/');
    assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined]]);
    await tab.goto(`${site.origin}/kept`);
    await type('/kept');
    assert.deepEqual(views(site, await settled(tab, site)).slice(1).map(([url]) => url), ['/kept', '/kept?q=hou&page=2', '/kept?page=2&lang=fr', '/kept']);
  });
});

test('with data-hash only a route is a page: neither its query nor data in the fragment', () => {
  const hash = page({ attributes: 'data-site="shop.example" data-hash' });
  return visit({ '/': hash }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/#/list`);
    await tab.evaluate(async () => {
      for (const fragment of ['#/list?page=2', '#/list', '#map=4/48.8/2.3', '#map=5/48.8/2.3', '#/item']) {
        const moved = new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }));
        location.hash = fragment;
        await moved;
      }
    });
    const seen = views(site, await settled(tab, site));
    assert.deepEqual(seen.map(([url]) => url), ['/#/list', '/#map=4/48.8/2.3', '/#/item']);
    assert.deepEqual(seen.map(([, before]) => before), [undefined, '/#/list', '/#map=4/48.8/2.3']);
  });
});

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
    assert.deepEqual(views(site, await settled(tab, site)), [['/', undefined], ['/b', '/'], ['/', '/b']]);
  });
});

test('an outside referrer is told once: not again after a reload, nor after going back', () => {
  // Such a listener keeps a page out of the back/forward cache.
  const pages = { '/a': page({ body: '<a href="/b">b</a><script>addEventListener("unload", () => {});</script>' }), '/b': page() };
  return visit(pages, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/a`, { referer: 'https://news.example/story' });
    await site.until((events) => only(events, 'pageview').length === 1);
    await tab.reload();
    await site.until((events) => only(events, 'pageview').length === 2);
    await tab.click('a');
    await tab.waitForURL('**/b');
    await site.until((events) => only(events, 'pageview').length === 3);
    await tab.goBack({ waitUntil: 'commit' });
    await site.until((events) => only(events, 'pageview').length === 4);
    assert.equal(await tab.evaluate(() => performance.navigation.type), 2, 'loaded anew, and not kept by the cache');
    assert.deepEqual(views(site, site.events), [['/a', 'https://news.example/story'], ['/a', undefined], ['/b', '/a'], ['/a', '/b']]);
  });
});

test('a page in a frame is part of another page, unless the site says otherwise', () => {
  const pages = {
    '/': page({ body: '<iframe src="/inside"></iframe><iframe src="/sandboxed" sandbox="allow-scripts"></iframe><iframe src="/counted"></iframe>' }),
    '/inside': page(), '/sandboxed': page(), '/counted': page({ attributes: 'data-site="shop.example" data-frames' }),
  };
  return visit(pages, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    const seen = views(site, await settled(tab, site)).map(([url]) => url).sort();
    assert.deepEqual(seen, ['/', '/counted']);
  });
});

for (const [name, prepare] of [
  ['navigator.webdriver', () => Object.defineProperty(navigator, 'webdriver', { value: true })],
  ['Cypress', () => { window.Cypress = {}; }],
]) {
  test(`a browser that a program drives is left out (${name}), unless the site's tests ask for it`, () => {
    const pages = { '/': page(), '/asked': page({ attributes: 'data-site="shop.example" data-automation' }) };
    return visit(pages, async ({ site, tab }) => {
      await tab.addInitScript(prepare);
      await tab.goto(`${site.origin}/`);
      await tab.evaluate(() => new Promise((callback) => window.sillage('Signup', { callback })));
      await tab.goto(`${site.origin}/asked`);
      assert.deepEqual(views(site, await settled(tab, site)), [['/asked', undefined]]);
    });
  });
}

// A driven browser holds prerendered pages back, so this one runs by itself; the page says when to continue.
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
    const posts = site.requests.filter((request) => request.path === '/api/event');
    assert.ok(posts.every((request) => !request.headers['sec-purpose']), 'the collector takes none of them for a prefetch');
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
