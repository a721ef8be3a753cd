// Real scripts of other tools in a browser, unchanged, from another origin than the collector's: what they send by
// themselves, with the figures read by the API.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { collector } from './program.mjs';
import { launch, visit as visitWith } from './pages.mjs';

let program;
let browser;
before(async () => {
  [program, browser] = await Promise.all([
    collector({
      'official.example': 'properties = ["tier", "section", "url"]',
      'pc.example': 'properties = ["foo", "bar"]',
      'fathom.example': 'ids = ["ABCDEFGH"]',
    }),
    launch(),
  ]);
});
after(() => Promise.all([browser?.close(), program?.stop()]));

const stats = () => `http://stats.example:${program.collect.port}`;
const visit = (...given) => visitWith(browser, ...given);
const figures = async (site, metrics, dimension, expected) => assert.deepEqual(await program.settled(expected, site, metrics, dimension), expected);

test('@plausible-analytics/tracker: pages, links, downloads, forms, tagged elements, properties, reading', async () => {
  const code = `import { init, track } from '@plausible-analytics/tracker';
    init({ domain: 'official.example', endpoint: '${stats()}/api/event', outboundLinks: true, fileDownloads: true, formSubmissions: true,
      customProperties: { section: 'news' } });
    window.track = track;`;
  const body = `<a id="out" href="https://other.example/">x</a> <a id="file" href="/list.pdf">x</a>
    <button class="plausible-event-name=Book+a+boat plausible-event-tier=startup">x</button><form onsubmit="return false"><input type="submit"></form>
    <div style="height: 3000px"></div>`;
  await visit('official.example', code, async (tab, told) => {
    await told('pageview');
    await tab.evaluate(() => {
      addEventListener('click', (event) => event.target.closest('a') && event.preventDefault());
      for (const wanted of ['#out', '#file', 'button', 'input']) document.querySelector(wanted).click();
      scrollTo(0, document.documentElement.scrollHeight);
    });
    await told('Form: Submission');
    assert.equal(await tab.evaluate(() => new Promise((resolve) => window.track('signup', { props: { tier: 'startup' }, callback: ({ status }) => resolve(status) }))), 202);
    await tab.evaluate(() => history.pushState({}, '', '/next?a=1'));
    await told('/next');
  }, body);
  await figures('official.example', ['pageviews'], 'event:page', [['/next', 1], ['/start', 1]]);
  await figures('official.example', ['events'], 'event:name', [['Book a boat', 1], ['File Download', 1], ['Form: Submission', 1], ['Outbound Link: Click', 1], ['signup', 1]]);
  await figures('official.example', ['events'], 'event:props:tier', [['startup', 2]]);
  await figures('official.example', ['events'], 'event:props:section', [['news', 5]]);
  await figures('official.example', ['visitors', 'visits', 'pageviews'], undefined, [[1, 1, 2]]);
  const depths = Object.fromEntries(await program.rows('official.example', ['scroll_depth'], 'event:page'));
  assert.equal(depths['/start'], 100);
});

test('plausible-client: automatic pageviews, an event whose properties are a text, an outbound link', async () => {
  const code = `import { Plausible, enableAutoPageviews, enableAutoOutboundTracking } from 'plausible-client';
    const plausible = new Plausible({ apiHost: '${stats()}', domain: 'pc.example' });
    enableAutoPageviews(plausible);
    enableAutoOutboundTracking(plausible);
    window.plausible = plausible;`;
  await visit('pc.example', code, async (tab, told) => {
    await told('pageview');
    await tab.evaluate(() => history.pushState({}, '', '/next'));
    await told('/next');
    await tab.evaluate(() => window.plausible.sendEvent('test', { props: { foo: 1, bar: 'string', baz: null }, revenue: { currency: 'USD', amount: 5 } }));
    await tab.evaluate(() => { addEventListener('click', (event) => event.preventDefault()); document.querySelector('a').click(); });
    await told('Outbound');
  }, '<a href="https://other.example/">x</a>');
  await figures('pc.example', ['pageviews'], 'event:page', [['/next', 1], ['/start', 1]]);
  await figures('pc.example', ['events'], 'event:name', [['Outbound Link: Click', 1], ['test', 1]]);
  await figures('pc.example', ['events'], 'event:props:foo', [['1', 1]]);
  await figures('pc.example', ['visitors', 'visits', 'pageviews'], undefined, [[1, 1, 2]]);
});

test('fathom-client: the script that it loads answers its calls, early ones too', async () => {
  const code = `import { load, trackPageview, trackEvent, trackGoal } from 'fathom-client';
    load('ABCDEFGH', { url: '${stats()}/script.js' });
    trackEvent('Sign Up');
    Object.assign(window, { trackPageview, trackEvent, trackGoal });`;
  await visit('fathom.example', code, async (tab, told) => {
    await told('Sign Up');
    await tab.evaluate(() => {
      history.pushState({}, '', '/next');
      window.trackPageview({ url: `${location.origin}/virtual` });
      window.trackGoal('GOAL', 0);
    });
    await told('GOAL');
  });
  await figures('fathom.example', ['pageviews'], 'event:page', [['/start', 1], ['/virtual', 1]]);
  await figures('fathom.example', ['events'], 'event:name', [['Goal GOAL', 1], ['Sign Up', 1]]);
  await figures('fathom.example', ['visitors', 'visits', 'pageviews'], undefined, [[1, 1, 2]]);
});
