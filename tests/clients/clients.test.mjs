// Published clients of other tools, unchanged: each sends the example of its README to the running program, and the
// figures are read by the API.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { collector } from './program.mjs';
import { launch, visit as visitWith } from './pages.mjs';

const require = createRequire(import.meta.url);
const MatomoTracker = require('matomo-tracker');
const { default: umami } = require('@umami/node');
const SAFARI = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1';
const UMAMI_ID = '50429a93-8479-4073-be80-d5d29c09c2ec';

let program;
let browser;
before(async () => {
  [program, browser] = await Promise.all([
    collector({
      'tracker.example': 'properties = ["method"]',
      'vue.example': 'properties = ["plan"]',
      'umami.example': `ids = ["${UMAMI_ID}"]\nproperties = ["plan"]`,
      'matomo.example': 'ids = ["1"]\nproperties = ["category", "value"]',
      'jonkoops.example': 'ids = ["3"]\nproperties = ["category", "name", "value", "query", "target", "file"]',
      'core.example': 'ids = ["5"]',
      'django.example': 'properties = ["plan"]',
    }),
    launch(),
  ]);
});
after(() => Promise.all([browser?.close(), program?.stop()]));

/** The collector, as pages name it. */
const stats = () => `http://stats.example:${program.collect.port}`;
const figures = async (site, metrics, dimension, expected) => assert.deepEqual(await program.settled(expected, site, metrics, dimension), expected);
const pages = (site, ...expected) => figures(site, ['pageviews'], 'event:page', expected);
const actions = (site, ...expected) => figures(site, ['events'], 'event:name', expected);
const totals = (site, visitors, visits, pageviews) => figures(site, ['visitors', 'visits', 'pageviews'], undefined, [[visitors, visits, pageviews]]);

const visit = (...given) => visitWith(browser, ...given);

test('plausible-tracker: automatic pageviews, an own pageview, an event with properties, an outbound link', async () => {
  const code = `import Plausible from 'plausible-tracker';
    const plausible = Plausible({ domain: 'tracker.example', apiHost: '${stats()}' });
    plausible.enableAutoPageviews();
    plausible.enableAutoOutboundTracking();
    window.plausible = plausible;`;
  await visit('tracker.example', code, async (tab, told) => {
    await tab.evaluate(() => history.pushState({}, '', '/next?a=1'));
    await tab.evaluate(() => new Promise((callback) => window.plausible.trackPageview({ url: 'https://tracker.example/my-url' }, { callback })));
    await tab.evaluate(() => new Promise((callback) => window.plausible.trackEvent('signup', { callback, props: { method: 'fax' } })));
    await tab.evaluate(() => { addEventListener('click', (event) => event.preventDefault()); document.querySelector('a').click(); });
    await told('Outbound Link');
  }, '<a href="https://other.example/" target="_blank">x</a>');
  await pages('tracker.example', ['/my-url', 1], ['/next', 1], ['/start', 1]);
  await actions('tracker.example', ['Outbound Link: Click', 1], ['signup', 1]);
  await figures('tracker.example', ['events'], 'event:props:method', [['fax', 1]]);
  await totals('tracker.example', 1, 1, 3);
});

test('vue-plausible: the plugin with automatic pageviews, and an event of a component', async () => {
  const code = `import Vue from 'vue';
    import { VuePlausible } from 'vue-plausible';
    Vue.use(VuePlausible, { domain: 'vue.example', apiHost: '${stats()}' });
    Vue.$plausible.enableAutoPageviews();
    window.component = new Vue({ render: (h) => h('p') }).$mount('#app');`;
  await visit('vue.example', code, async (tab) => {
    await tab.evaluate(() => history.pushState({}, '', '/next'));
    await tab.evaluate(() => new Promise((callback) => window.component.$plausible.trackEvent('signup', { callback, props: { plan: 'pro' } })));
  });
  await pages('vue.example', ['/next', 1], ['/start', 1]);
  await actions('vue.example', ['signup', 1]);
  await figures('vue.example', ['events'], 'event:props:plan', [['pro', 1]]);
});

test('@umami/node: a page, an event with data, and an identify that changes nothing', async () => {
  umami.init({ websiteId: UMAMI_ID, hostUrl: program.collect.origin });
  for (const sent of [
    await umami.track({ url: '/home' }),
    await umami.track({ url: '/home', name: 'signup', data: { plan: 'pro' } }),
    await umami.track('early', { plan: 'free' }),
  ]) {
    assert.equal(sent.status, 200);
    assert.deepEqual(Object.keys(await sent.json()), ['cache', 'sessionId', 'visitId']);
  }
  assert.equal((await umami.identify({ name: 'Ada' })).status, 200);
  await pages('umami.example', ['/home', 1]);
  await actions('umami.example', ['early', 1], ['signup', 1]);
  await figures('umami.example', ['events'], 'event:props:plan', [['free', 1], ['pro', 1]]);
  await totals('umami.example', 1, 1, 1);
});

test('matomo-tracker: a URL, an object of options, and a bulk, for clients that a token lets the server name', async () => {
  const matomo = new MatomoTracker(1, `${program.collect.origin}/matomo.php`);
  matomo.on('error', (error) => assert.fail(error));
  const token = { token_auth: program.serverToken };
  const answered = (send) => new Promise((resolve) => send(resolve));
  // Node names no agent: without a token such a hit is a robot's, and with one it is of an unknown device.
  matomo.track('http://matomo.example/track/this/url');
  for (const cip of ['198.51.100.1', '198.51.100.2']) {
    matomo.track({
      url: 'http://matomo.example/track/this/url', action_name: 'This will be shown in your dashboard', ua: SAFARI, cip,
      cvar: JSON.stringify({ 1: ['custom variable name', 'custom variable value'] }), ...token,
    });
  }
  const event = { url: 'http://matomo.example/buttons', cip: '198.51.100.1', ua: SAFARI, e_c: 'Buy', ...token };
  const bulk = await answered((done) => matomo.trackBulk([{ ...event, e_a: 'rightButton', e_v: '2' }, { ...event, e_a: 'leftButton', e_v: '4' }], done));
  assert.deepEqual(JSON.parse(bulk), { status: 'success', tracked: 2, invalid: 0 });
  await pages('matomo.example', ['/track/this/url', 2]);
  await actions('matomo.example', ['leftButton', 1], ['rightButton', 1]);
  await figures('matomo.example', ['events'], 'event:props:value', [['2', 1], ['4', 1]]);
  await figures('matomo.example', ['visitors'], 'visit:browser', [['Mobile Safari', 2]]);
});

test('@jonkoops/matomo-tracker: a page, an event, links and a search, by the script that it loads', async () => {
  const code = `import MatomoTracker from '@jonkoops/matomo-tracker';
    window.tracker = new MatomoTracker({
      urlBase: '${stats()}', siteId: 3, userId: 'UID76903202', heartBeat: { active: true, seconds: 10 }, linkTracking: false,
      configurations: { disableCookies: true, setSecureCookie: true, setRequestMethod: 'POST' },
    });
    tracker.trackPageView();`;
  await visit('jonkoops.example', code, async (tab, told) => {
    await told('pageview');
    for (const [name, send] of [
      ['click-event', () => window.tracker.trackEvent({ category: 'sample-page', action: 'click-event', name: 'test', value: 123 })],
      ['Outbound', () => window.tracker.trackLink({ href: 'https://link-to-other-website.org' })],
      ['Download', () => window.tracker.trackLink({ href: 'https://link-to-your-file.org/a.pdf', linkType: 'download' })],
      ['Search', () => window.tracker.trackSiteSearch({ keyword: 'test', category: 'blog', count: 4 })],
    ]) {
      await tab.evaluate(send);
      await told(name);
    }
  });
  await pages('jonkoops.example', ['/start', 1]);
  await actions('jonkoops.example', ['Download', 1], ['Outbound', 1], ['Search', 1], ['click-event', 1]);
  await figures('jonkoops.example', ['events'], 'event:props:value', [['123', 1]]);
  await totals('jonkoops.example', 1, 1, 1);
});

/** A program in Python, and the packages that `make clients` fetched for it. */
const beside = (file) => fileURLToPath(new URL(file, import.meta.url));
const env = { ...process.env, PYTHONPATH: beside('../../target/clients-python') };

test('matomo-core: requests of an application for two visitors, with address and agent by a token', async () => {
  await promisify(execFile)('python3', [beside('matomo_app.py'), `${program.collect.origin}/`, program.serverToken], { env });
  await pages('core.example', ['/about', 1], ['/articles', 2]);
  await figures('core.example', ['visitors'], 'visit:browser', [['Firefox', 1], ['Mobile Safari', 1]]);
  await figures('core.example', ['pageviews'], 'visit:language', [['fr', 1], ['sv', 2]]);
  await totals('core.example', 2, 2, 3);
});

test('django-plausible-proxy: a page of Django with its tag, its proxies, and an event from the server', async () => {
  const child = spawn('python3', [beside('django_app.py'), program.collect.origin], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const { value: port } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const context = await browser.newContext();
    const tab = await context.newPage();
    const viewed = tab.waitForResponse((response) => response.url().endsWith('/api/event'));
    await tab.goto(`http://django.example:${port}/`);
    assert.equal((await viewed).status(), 202);
    await tab.goto(`http://django.example:${port}/register`);
    await context.close();
    await pages('django.example', ['/', 1], ['/register', 1]);
    await actions('django.example', ['Register', 1]);
    await figures('django.example', ['events'], 'event:props:plan', [['Premium', 1]]);
    await totals('django.example', 1, 1, 2);
  } finally {
    child.kill('SIGTERM');
  }
});
