// Requests of the tracker, body by body: a recorder takes the collector's place.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { launch, only, page, serve, settled, visit as visitWith } from './help.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const visit = (pages, body) => visitWith(browser, pages, body);

test('a page load sends one pageview, exactly this', () => visit({ '/a': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/a?b=c#d`, { referer: 'https://news.example/story' });
  assert.deepEqual(await settled(tab, site), [
    { n: 'pageview', u: `${site.origin}/a?b=c`, r: 'https://news.example/story', d: 'shop.example', w: 1280, v: 1 },
  ]);
}));

test('without a site name the collector is left to go by the host', () =>
  visit({ '/': page({ attributes: 'data-site-not' }) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    assert.deepEqual(await settled(tab, site), [{ n: 'pageview', u: `${site.origin}/`, w: 1280, v: 1 }]);
  }));

test('the request is a plain one: no preflight, no cookie, no header of its own', () =>
  visit({ '/': page({ attributes: 'data-site="shop.example" data-api="/api/event"' }) }, async ({ site, context, tab }) => {
    await context.addCookies([{ name: 'session', value: 'secret', url: site.origin }]);
    await tab.goto(`${site.origin}/`);
    await settled(tab, site);
    const posted = site.requests.filter((request) => request.path === '/api/event');
    assert.ok(posted.every((request) => request.method === 'POST'));
    assert.equal(posted[0].headers.cookie, undefined);
    assert.equal(posted[0].headers['content-type'], 'text/plain;charset=UTF-8');
  }));

test('a collector on another origin is reached without being asked first', async () => {
  const collector = await serve();
  await visit({ '/': page({ origin: collector.origin }) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => window.sillage('Signup'));
    await collector.until((events) => events.length === 2);
    assert.deepEqual(collector.requests.map(({ method, path }) => `${method} ${path}`), [
      'GET /js/sillage.js', 'POST /api/event', 'POST /api/event',
    ]);
    assert.deepEqual(site.events, []);
  });
  await collector.close();
});

test('a collector that is down breaks nothing', () =>
  visit({ '/': page({ attributes: 'data-site="shop.example" data-api="http://127.0.0.1:1/api/event"' }) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => new Promise((callback) => window.sillage('Signup', { callback })));
    await tab.evaluate(() => history.pushState({}, '', '/next'));
    assert.equal(await tab.evaluate(() => location.pathname), '/next');
  }));

test('a browser whose requests die with the page sends beacons', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.addInitScript(() => { delete Request.prototype.keepalive; });
  await tab.goto(`${site.origin}/`);
  assert.equal((await settled(tab, site)).length, 1);
  assert.equal(site.requests.at(-1).headers['sec-fetch-mode'], 'no-cors');
}));

test('a browser with neither keepalive nor beacons sends plain requests', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.addInitScript(() => {
    delete Request.prototype.keepalive;
    navigator.sendBeacon = undefined;
  });
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => new Promise((callback) => window.sillage('Signup', { callback })));
  assert.deepEqual((await settled(tab, site)).map(({ n }) => n), ['pageview', 'Signup']);
}));

test('a browser that can send nothing is left alone, and callbacks still come', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.addInitScript(() => { window.fetch = navigator.sendBeacon = undefined; });
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => new Promise((callback) => window.sillage('Signup', { callback })));
  assert.deepEqual(site.events, []);
}));

test('nothing is stored on the device', () => visit({ '/': page() }, async ({ site, context, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => history.pushState({}, '', '/b'));
  await settled(tab, site);
  const stored = await tab.evaluate(async () => [
    document.cookie, localStorage.length, sessionStorage.length,
    (await indexedDB.databases()).length, (await caches.keys()).length, window.name,
  ]);
  assert.deepEqual(stored, ['', 0, 0, 0, 0, '']);
  assert.deepEqual(await context.cookies(), []);
}));

test('one name is added to the page and no other', () => visit({ '/': page(), '/bare': '<!doctype html><title>x</title>' }, async ({ site, tab }) => {
  const names = async (path) => {
    await tab.goto(site.origin + path);
    return tab.evaluate(() => Object.keys(window));
  };
  const bare = new Set(await names('/bare'));
  assert.deepEqual((await names('/')).filter((name) => !bare.has(name)), ['sillage']);
}));

test('a visitor who objects is not measured', async () => {
  for (const [name, value] of [['globalPrivacyControl', true], ['doNotTrack', '1']]) {
    await visit({ '/': page() }, async ({ site, tab }) => {
      await tab.addInitScript(([key, given]) => Object.defineProperty(navigator, key, { value: given }), [name, value]);
      await tab.goto(`${site.origin}/`);
      await tab.evaluate(() => new Promise((callback) => window.sillage('Signup', { callback })));
      await tab.evaluate(() => history.pushState({}, '', '/b'));
      await tab.goto('about:blank');
      assert.deepEqual(site.events, [], name);
      assert.ok(!site.requests.some((request) => request.path === '/api/event'), name);
    });
  }
});

test('a script that is there twice counts once', () => {
  const twice = page({ head: '<script defer src="/js/sillage.js" data-site="shop.example"></script>' });
  return visit({ '/': twice }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    assert.equal((await settled(tab, site)).length, 1);
  });
});

test('an action carries its properties, whether it interacts, and a page of its own', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => {
    window.sillage('Signup', { props: { plan: 'pro' } });
    window.sillage('Seen', { interactive: false, u: '/checkout' });
  });
  const [, signup, seen] = await settled(tab, site);
  assert.deepEqual(signup, { n: 'Signup', u: `${site.origin}/`, p: { plan: 'pro' }, d: 'shop.example', w: 1280, v: 1 });
  assert.deepEqual(seen, { n: 'Seen', u: `${site.origin}/checkout`, i: false, d: 'shop.example', w: 1280, v: 1 });
}));

test('actions called before the script is there wait in the queue, behind the pageview', () => {
  const stub = `<script>window.sillage = window.sillage || function () { (sillage.q = sillage.q || []).push(arguments); };
    sillage('Early', { props: { n: 1 } });</script>`;
  return visit({ '/': page({ head: stub }) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    const events = await settled(tab, site);
    assert.deepEqual(events.map((event) => event.n).sort(), ['Early', 'pageview']);
    assert.deepEqual(only(events, 'Early')[0].p, { n: 1 });
  });
});

test('a page that does not exist says so after its pageview', () =>
  visit({ '/gone': page({ attributes: 'data-site="shop.example" data-not-found' }) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/gone`);
    await tab.evaluate(() => history.pushState({}, '', '/found'));
    const events = await settled(tab, site);
    assert.deepEqual(only(events, '404'), [{ n: '404', u: `${site.origin}/gone`, i: false, d: 'shop.example', w: 1280, v: 1 }]);
    assert.equal(only(events, 'pageview').length, 2);
  }));

test('by hand: no pageview but those that the page asks for', () =>
  visit({ '/': page({ attributes: 'data-site="shop.example" data-manual' }) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => {
      history.pushState({}, '', '/b');
      window.sillage('pageview', { u: '/step/1' });
      window.sillage('pageview', { u: '/step/2' });
    });
    const views = only(await settled(tab, site), 'pageview');
    assert.deepEqual(views.map((event) => event.u), [`${site.origin}/step/1`, `${site.origin}/step/2`]);
  }));

test('an address longer than the collector takes is cut', () => visit({ '/': page() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/?q=${'x'.repeat(5000)}`);
  const [view] = await settled(tab, site);
  assert.equal(view.u.length, 2000);
}));
