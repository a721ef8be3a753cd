// A site that migrates by pointing its old tag here: the tag, the queues and the functions of five tools, as their
// documents show them, served by our script under their paths.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { launch, settled as settledWith, visit as visitWith } from './help.mjs';
import { built } from '../../tracker/build.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const script = readFileSync(built('sillage.compat.js'), 'utf8');
const html = (head, body = '<h1>Page</h1>') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">${head}</head><body>${body}</body></html>`;
const visit = (paths, pages, body) => visitWith(browser, { ...Object.fromEntries(paths.map((path) => [path, script])), ...pages }, body);

/** Events as name, path, site, properties. */
const told = async (tab, site) => (await settledWith(tab, site))
  .filter(({ n }) => n !== "engagement").map(({ n, u, d, p }) => [n, u.replace(site.origin, ''), d, p]).sort(([a, b], [c, d]) => `${a} ${b}`.localeCompare(`${c} ${d}`));

test("Plausible's tag: domain, queue, hash, links", () => {
  const head = `<script defer data-domain="shop.example" src="/js/script.hash.outbound-links.js"></script>
    <script>window.plausible = window.plausible || function () { (plausible.q = plausible.q || []).push(arguments); };
    plausible('Early', { props: { plan: 'pro' } });</script>`;
  return visit(['/js/script.hash.outbound-links.js'], { '/': html(head, '<a href="https://other.example/">x</a>') }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/#/list`);
    await tab.evaluate(() => {
      addEventListener('click', (event) => event.preventDefault());
      document.querySelector('a').click();
      return new Promise((callback) => window.plausible('Signup', { callback }));
    });
    assert.deepEqual(await told(tab, site), [
      ['Early', '/#/list', 'shop.example', { plan: 'pro' }], ['Outbound', '/#/list', 'shop.example', { host: 'other.example' }],
      ['pageview', '/#/list', 'shop.example', undefined], ['Signup', '/#/list', 'shop.example', undefined],
    ]);
  });
});

test("Plausible's snippet of 2025: init with options and a hook", () => {
  const head = `<script async src="/js/pa-AbC.js"></script><script>
    window.plausible = window.plausible || function () { (plausible.q = plausible.q || []).push(arguments); };
    plausible.init = plausible.init || function (i) { plausible.o = i || {}; };
    plausible.init({ domain: 'shop.example', transformRequest: (event) => event.n === 'Secret' ? null : event });</script>`;
  return visit(['/js/pa-AbC.js'], { '/': html(head) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => { window.plausible('Secret'); window.plausible('Told'); });
    assert.deepEqual((await told(tab, site)).map(([name, , name2]) => [name, name2]), [['pageview', 'shop.example'], ['Told', 'shop.example']]);
  });
});

test("Plausible's tagged elements: their class names the action and its properties, of a form once it is sent", () => {
  const head = '<script defer data-domain="shop.example" src="/js/script.tagged-events.js"></script>';
  const body = `<button class="big plausible-event-name=Book+a+boat plausible-event-plan=day"><b>x</b></button>
    <form class="plausible-event-name--Contact" onsubmit="return false"><input name="who"><input type="submit"></form><a href="https://other.example/">x</a>`;
  return visit(['/js/script.tagged-events.js'], { '/': html(head, body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => {
      addEventListener('click', (event) => event.target.closest('a') && event.preventDefault());
      for (const wanted of ['b', 'input', 'input[type=submit]', 'a']) document.querySelector(wanted).click();
    });
    assert.deepEqual(await told(tab, site), [
      ['Book a boat', '/', 'shop.example', { plan: 'day' }], ['Contact', '/', 'shop.example', {}], ['pageview', '/', 'shop.example', undefined],
    ]);
  });
});

test("Fathom's tag: one pageview by itself, the others by its function; with data-spa all by itself", () => {
  const tag = (more) => html(`<script id="fathom-script" src="/script.js" data-site="ABCDEFGH" ${more} defer></script>`);
  const pages = { '/': tag(''), '/spa': tag('data-spa="auto"'), '/never': tag('data-auto="false"') };
  return visit(['/script.js'], pages, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => {
      history.pushState({}, '', '/next');
      window.fathom.trackPageview();
      window.fathom.trackEvent('Sign Up', { _value: 100 });
    });
    for (const path of ['/spa', '/never']) {
      await tab.goto(`${site.origin}${path}`, { waitUntil: 'load' });
      await tab.evaluate((next) => history.pushState({}, '', next), `${path}/next`);
    }
    assert.deepEqual((await told(tab, site)).map(([name, path]) => [name, path]), [
      ['pageview', '/'], ['pageview', '/next'], ['pageview', '/spa'], ['pageview', '/spa/next'], ['Sign Up', '/next'],
    ]);
  });
});

test("Umami's tag: identifier, data attributes, track in its forms, and identify is not answered", () => {
  const head = '<script defer src="/script.js" data-website-id="94db1cb1-74f4-4a40-ad6c-962362670409"></script>';
  const button = '<button data-umami-event="Vote" data-umami-event-choice="yes">v</button>';
  return visit(['/script.js'], { '/': html(head, button) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.getByRole('button').click();
    await tab.evaluate(() => {
      window.umami.track('Signup', { plan: 'pro' });
      window.umami.track((props) => ({ ...props, url: '/step', name: undefined }));
      window.umami.identify('person-7', { email: 'jo@example.org' });
    });
    const id = '94db1cb1-74f4-4a40-ad6c-962362670409';
    assert.deepEqual(await told(tab, site), [
      ['pageview', '/', id, undefined], ['pageview', '/step', id, undefined], ['Signup', '/', id, { plan: 'pro' }], ['Vote', '/', id, { choice: 'yes' }],
    ]);
    assert.ok(!JSON.stringify(site.events).includes('person-7'));
  });
});

test("GoatCounter's tag: code, settings, clicks and count", () => {
  const head = `<script data-goatcounter="https://shop.goatcounter.com/count" async src="/count.js"></script>`;
  return visit(['/count.js'], { '/': html(head, '<button data-goatcounter-click="ext-link">x</button>') }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.getByRole('button').click();
    await tab.evaluate(() => {
      window.goatcounter.count({ path: '/by-hand' });
      window.goatcounter.count({ path: 'saved', event: true });
      window.goatcounter.count({ path: () => null });
    });
    assert.deepEqual((await told(tab, site)).map(([name, path, name2]) => [name, path, name2]), [
      ['ext-link', '/', 'shop'], ['pageview', '/', 'shop'], ['pageview', '/by-hand', 'shop'], ['saved', '/by-hand', 'shop'],
    ]);
  });
});

test("Matomo's snippet: queue, site number, events, searches, and pageviews only when it asks", () => {
  const head = `<script>var _paq = window._paq = window._paq || [];
    _paq.push(['setUserId', 'person-7']); _paq.push(['trackPageView']); _paq.push(['enableLinkTracking']);
    (function () { var u = '/'; _paq.push(['setTrackerUrl', u + 'matomo.php']); _paq.push(['setSiteId', '7']);
      var d = document, g = d.createElement('script'), s = d.getElementsByTagName('script')[0];
      g.async = true; g.src = u + 'matomo.js'; s.parentNode.insertBefore(g, s); })();</script>`;
  return visit(['/matomo.js'], { '/': html(head, '<a href="/list.pdf">x</a>') }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => {
      addEventListener('click', (event) => event.preventDefault());
      document.querySelector('a').click();
      window._paq.push(['trackEvent', 'Videos', 'Play', 'Tour', 3], ['trackSiteSearch', 'boat', 'Books']);
      history.pushState({}, '', '/next');
      window._paq.push(['setCustomUrl', '/virtual']);
      window._paq.push(['trackPageView']);
    });
    assert.deepEqual(await told(tab, site), [
      ['Download', '/', '7', { file: '/list.pdf' }], ['pageview', '/', '7', undefined], ['pageview', '/virtual', '7', undefined],
      ['Play', '/', '7', { category: 'Videos', name: 'Tour', value: 3 }], ['Search', '/', '7', { query: 'boat', category: 'Books' }],
    ]);
    assert.ok(!JSON.stringify(site.events).includes('person-7'));
  });
});

test("Matomo's consent and opt-out calls hold", () => {
  const head = `<script>var _paq = window._paq = []; _paq.push(['requireConsent'], ['setSiteId', '7'], ['trackPageView']);</script>
    <script defer src="/matomo.js" data-site></script>`;
  return visit(['/matomo.js'], { '/': html(head) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    assert.deepEqual(site.events, []);
    await tab.evaluate(() => {
      window._paq.push(['setConsentGiven']);
      window._paq.push(['trackPageView']);
    });
    await site.until((events) => events.length === 1);
    assert.equal(site.events[0].c, 1);
    await tab.evaluate(() => {
      window._paq.push(['optUserOut']);
      window._paq.push(['trackPageView']);
    });
    assert.equal(await tab.evaluate(() => localStorage.sillage_opt_out), '1');
    assert.equal(site.events.length, 1);
  });
});

test("Fathom Lite's queue tells its pageviews", () => {
  const head = `<script>(function (f, a, t, h, o, m) { a[h] = a[h] || function () { (a[h].q = a[h].q || []).push(arguments); };
    o = f.createElement('script'), m = f.getElementsByTagName('script')[0]; o.async = 1; o.src = t; o.id = 'fathom-script';
    m.parentNode.insertBefore(o, m); })(document, window, '/tracker.js', 'fathom'); fathom('set', 'siteId', 'ABCDE'); fathom('trackPageview');</script>`;
  return visit(['/tracker.js'], { '/': html(head) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    assert.deepEqual(await told(tab, site), [['pageview', '/', 'ABCDE', undefined]]);
  });
});
