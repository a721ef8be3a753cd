// The npm package: the committed files are built from the sources, can be imported without a window, and act in a page
// like the script. `sillage.init` of the plain script takes the same options.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { modules, pack, packaged } from '../../tracker/build.mjs';
import { launch, only, page, settled, visit as visitWith } from './help.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const files = { path: '/packages/', folder: new URL('../../packages/', import.meta.url) };
const imported = (script) => `<!doctype html><html lang="en"><head><title>Page</title><link rel="icon" href="data:,"></head>
  <body style="height:3000px"><a href="https://other.example/">x</a><button data-sillage-opt-out>Do not count my visits</button>
  <script type="module">import { init, track, pageview, consent, optOut, isOptedOut } from '/packages/tracker/index.js';
  import { actions } from '/packages/tracker/actions.js'; Object.assign(window, { optOut, isOptedOut, consent }); ${script}</script></body></html>`;

for (const name of Object.keys(modules)) {
  test(`the committed ${name} of the package is what its sources build to`, async () => {
    assert.equal(await readFile(packaged(name), 'utf8'), await pack(name), 'run `npm run build:tracker`');
  });
}

test('the package has no install script and no dependencies, and can be shaken', async () => {
  const manifest = JSON.parse(await readFile(packaged('package.json')));
  assert.equal(manifest.sideEffects, false);
  for (const name of ['scripts', 'dependencies', 'peerDependencies']) assert.ok(!(name in manifest), name);
});

test('where there is no window it can be imported and called', async () => {
  const { init, track, isOptedOut, optOut } = await import(packaged('index.js'));
  const { actions } = await import(packaged('actions.js'));
  init({ site: 'shop.example' });
  actions();
  track('Signup');
  assert.equal(isOptedOut(), false);
  assert.ok(optOut);
});

test('imported, it tells what the script tells, with its hook and its actions', () => {
  const script = `track('Early'); init({ site: 'shop.example', hash: false, query: ['page', 'lang'],
      transformRequest: (event) => (event.n === 'Secret' ? null : { ...event, p: { ...event.p, kept: 1 } }) });
    actions(); track('Secret'); track('Signup', { props: { plan: 'pro' } }); init({ site: 'other.example' });`;
  return visitWith(browser, { '/': imported(script) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => {
      addEventListener('click', (event) => event.preventDefault());
      document.querySelector('a').click();
      history.pushState({}, '', '/?page=2');
    });
    const events = await settled(tab, site);
    assert.deepEqual(events.map(({ n }) => n).sort(), ['Early', 'Outbound', 'Signup', 'pageview', 'pageview']);
    assert.ok(events.every(({ d, p }) => d === 'shop.example' && p.kept === 1));
    assert.deepEqual(only(events, 'Signup')[0].p, { plan: 'pro', kept: 1 });
    await tab.getByRole('switch').click();
    assert.equal(await tab.evaluate(() => window.isOptedOut()), true);
  }, files);
});

test('actions called before init, and again by a framework that mounts twice, are sent once', () => {
  const script = `actions(); addEventListener('click', (event) => event.preventDefault()); document.querySelector('a').click();
    init({ site: 'shop.example' }); actions(); document.querySelector('a').click();`;
  return visitWith(browser, { '/': imported(script) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    assert.deepEqual((await settled(tab, site)).map(({ n }) => n).sort(), ['Outbound', 'Outbound', 'pageview']);
  }, files);
});

test('imported with consent required, nothing is sent before it', () => {
  return visitWith(browser, { '/': imported("track('Early'); init({ site: 'shop.example', consent: 'required' });") }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => history.pushState({}, '', '/b'));
    assert.deepEqual(site.events, []);
    await tab.evaluate(() => window.consent(true));
    assert.deepEqual((await settled(tab, site)).map(({ n, u, c }) => [n, u, c]).at(-1), ['pageview', `${site.origin}/b`, 1]);
  }, files);
});

test('sillage.init of the plain script: before it is there, and after', () => {
  const stub = `<script>window.sillage = window.sillage || function () { (sillage.q = sillage.q || []).push(arguments); };
    sillage.init = sillage.init || function (given) { sillage.o = given; };
    sillage.init({ site: 'early.example', notFound: true });</script>`;
  const pages = { '/early': page({ attributes: 'data-site-not data-init', head: stub }), '/late': page({ attributes: 'data-site-not data-init' }) };
  return visitWith(browser, pages, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/early`);
    const early = await settled(tab, site);
    assert.deepEqual(early.map(({ n, d }) => [n, d]).sort(), [['404', 'early.example'], ['pageview', 'early.example']]);
    await tab.goto(`${site.origin}/late`);
    await tab.evaluate(() => {
      window.sillage('Before');
      window.sillage.init({ site: 'late.example', transformRequest: (event) => ({ ...event, w: 1 }) });
    });
    const late = (await settled(tab, site)).filter(({ d }) => d === 'late.example');
    assert.deepEqual(late.map(({ n, w }) => [n, w]).sort(), [['Before', 1], ['pageview', 1]]);
  });
});
