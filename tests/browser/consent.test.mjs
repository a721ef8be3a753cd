// Campaigns leave the page with consent only. The platforms' recipes are those of docs/consent.md, word by word; each
// stand-in for a platform implements only its documented interface.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { launch, only, page, settled, visit as visitWith, withVisibility } from './help.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const visit = (pages, body, files) => visitWith(browser, pages, body, files);
const modules = new URL('../../node_modules/', import.meta.url);
const ATTRIBUTES = 'data-site="shop.example" data-consent="pending" id="sillage"';
const EXTENSION = '<script defer src="/js/sillage.consent.js"></script>';
const pending = page({ attributes: ATTRIBUTES, head: EXTENSION });
const CAMPAIGN = '/?utm_source=letter&page=2';
/** URL of a view, and whether consent was given. */
const told = ({ site }) => site.events.filter((event) => event.n === 'pageview').map(({ u, c }) => [u.replace(site.origin, ''), c]);
const answer = (tab, value) => tab.evaluate((given) => { document.getElementById('sillage').dataset.consent = given; }, value);

test('without consent campaigns and click ids leave neither with the page nor with its referrer', () => visit({ '/': page() }, async ({ site, tab }) => {
  const ids = ['utm_source', 'UTM_Campaign', 'gclid', 'dclid', 'fbclid', 'msclkid', 'twclid', 'ttclid', 'yclid', 'irclickid',
    'gbraid', 'wbraid', 'mc_cid', 'mc_eid', '_ga', '_gl'];
  await tab.goto(`${site.origin}/?${ids.map((id) => `${id}=secret`).join('&')}&q=boat&clidity=1#utm_id=2`);
  await tab.evaluate(() => history.pushState({}, '', '/b?fbclid=secret'));
  const [first, second] = only(await settled(tab, site), 'pageview');
  assert.deepEqual([...new URL(first.u).searchParams].filter(([name]) => name), [['q', 'boat'], ['clidity', '1']]);
  assert.equal(new URL(second.u).pathname, '/b');
  assert.ok(!JSON.stringify(site.events).includes('secret'));
  assert.ok(site.events.every((event) => !('c' in event)));
}));

test('with consent they are sent, and withdrawing it holds at once', () => visit({ '/': page({ attributes: 'data-site="shop.example" data-consent="granted"' }) }, async ({ site, tab }) => {
  await tab.goto(site.origin + CAMPAIGN);
  await site.until((events) => events.length === 1);
  await tab.evaluate(() => {
    window.sillage('With');
    window.sillage.consent(false);
    window.sillage('Without');
    history.pushState({}, '', '/b?utm_source=letter');
  });
  const events = await settled(tab, site);
  assert.deepEqual(told({ site }), [[CAMPAIGN, 1], ['/b?', undefined]]);
  assert.equal(only(events, 'With')[0].c, 1);
  assert.ok(!('c' in only(events, 'Without')[0]));
  await tab.evaluate(() => {
    window.sillage.consent(true);
    window.sillage('Again');
  });
  assert.equal(only(await settled(tab, site), 'Again')[0].c, 1);
  assert.deepEqual(await tab.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), ['', 0, 0]);
}));

test('a campaign waits for the answer, and goes with it', async () => {
  for (const [value, expected] of [['granted', [CAMPAIGN, 1]], ['denied', ['/?&page=2', undefined]]]) {
    await visit({ '/': pending }, async ({ site, tab }) => {
      await tab.goto(site.origin + CAMPAIGN);
      assert.deepEqual(site.events, []);
      await answer(tab, value);
      assert.equal((await settled(tab, site)).length, 1);
      assert.deepEqual(told({ site }), [expected]);
    });
  }
});

test('a page without a campaign waits for nothing', () => visit({ '/': pending }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/?page=2`);
  await site.until((events) => events.length === 1);
  assert.deepEqual(told({ site }), [['/?page=2', undefined]]);
}));

test('without an answer it goes before the next event, when the page is hidden, and when it is left', async () => {
  const without = [['/?&page=2', undefined]];
  await visit({ '/': pending }, async ({ site, tab }) => {
    await tab.goto(site.origin + CAMPAIGN);
    await tab.evaluate(() => window.sillage('Signup'));
    assert.deepEqual((await settled(tab, site)).map((event) => event.n).sort(), ['Signup', 'pageview']);
    assert.deepEqual(told({ site }), without);
  });
  // The page is so long that nothing of it was read: the next event is not sent.
  const long = page({ attributes: ATTRIBUTES, head: EXTENSION, body: '<div style="height:900000px"></div>' });
  await visit({ '/': long }, async ({ site, context, tab }) => {
    await withVisibility(context);
    await context.clock.install({ time: 0 });
    await context.clock.pauseAt(1000);
    await tab.goto(site.origin + CAMPAIGN);
    await tab.evaluate(() => window.turn(true));
    await site.until((events) => events.length > 0);
    assert.deepEqual(told({ site }), without);
    await answer(tab, 'granted');
    assert.equal(only(await settled(tab, site), 'pageview').length, 1, 'and is not sent again');
  });
  await visit({ '/': pending }, async ({ site, tab }) => {
    await tab.goto(site.origin + CAMPAIGN);
    await tab.goto('about:blank');
    await site.until((events) => events.length > 0);
    assert.deepEqual(told({ site }), without);
  });
});

test('a visitor who opts out at the banner is not counted', () => visit({ '/': pending }, async ({ site, tab }) => {
  await tab.goto(site.origin + CAMPAIGN);
  await tab.evaluate(() => window.sillage.optOut());
  await answer(tab, 'granted');
  await tab.evaluate(() => window.sillage.optIn());
  assert.deepEqual(await settled(tab, site), []);
}));

/** A platform built with the IAB's own library; `window.decide` gives the answer. */
const TCF = `<script type="importmap">{"imports":{"@iabtcf/core":"/modules/@iabtcf/core/lib/mjs/index.js"}}</script>
<script>
  const asked = [];
  window.__tcfapi = (...call) => (call.length ? asked.push(call) : asked);
  window.platform = import('/modules/@iabtcf/cmpapi/lib/mjs/index.js').then(async ({ CmpApi }) => {
    const { GVL, TCModel, TCString } = await import('@iabtcf/core');
    const purposes = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [index + 1, { id: index + 1 }]));
    const list = { gvlSpecificationVersion: 3, vendorListVersion: 1, tcfPolicyVersion: 4, lastUpdated: '2026-01-01T00:00:00Z',
      purposes, specialPurposes: {}, features: {}, specialFeatures: {}, dataCategories: {}, vendors: {}, stacks: {} };
    const api = new CmpApi(10, 1, true);
    return ({ general = [], own = [], legitimate = [] }, shown = false) => {
      const model = new TCModel(new GVL(list));
      Object.assign(model, { cmpId: 10, cmpVersion: 1, consentScreen: 1, publisherCountryCode: 'FR', isServiceSpecific: true });
      model.purposeConsents.set(general);
      model.publisherConsents.set(own);
      model.purposeLegitimateInterests.set(legitimate);
      api.update(TCString.encode(model, { segments: ['core', 'publisherTC'].slice(0, own.length ? 2 : 1) }), shown);
    };
  });
</script>`;
const tcf = (attributes = '') => page({
  attributes: ATTRIBUTES,
  head: TCF + `<script defer src="/js/sillage.consent.js" ${attributes}></script>`,
});
const decide = (tab, ...given) => tab.evaluate(async (all) => (await window.platform)(...all), given);
const files = { path: '/modules/', folder: modules };

for (const [what, given, expected, attributes] of [
  ['purposes 7 and 8', { general: [7, 8] }, 'granted'],
  ['purpose 7 alone', { general: [1, 7] }, 'denied'],
  ['nothing', {}, 'denied'],
  ['legitimate interest', { legitimate: [7, 8] }, 'denied'],
  ['the publisher its own', { own: [7, 8] }, 'granted'],
  ['the publisher less than vendors', { general: [7, 8], own: [1, 7] }, 'denied'],
  ['what the tag asks for', { general: [9] }, 'granted', 'data-purposes="9"'],
]) {
  test(`TCF: ${what}: ${expected}`, () => visit({ '/': tcf(attributes) }, async ({ site, tab }) => {
    await tab.goto(site.origin + CAMPAIGN);
    await decide(tab, {}, true);
    assert.equal(await tab.getAttribute('#sillage', 'data-consent'), 'pending', 'as long as the banner is shown');
    await decide(tab, given);
    assert.equal(await tab.getAttribute('#sillage', 'data-consent'), expected);
    await settled(tab, site);
    assert.deepEqual(told({ site }), [expected === 'granted' ? [CAMPAIGN, 1] : ['/?&page=2', undefined]]);
    await decide(tab, {});
    assert.equal(await tab.getAttribute('#sillage', 'data-consent'), 'denied', 'and it can be withdrawn');
  }, files));
}

const text = readFileSync(new URL('../../docs/consent.md', import.meta.url), 'utf8');
/** A page with the recipe below a heading of the document. */
function recipe(heading, head = '') {
  const [, code] = new RegExp(`^## ${heading}$[^]*?^\`\`\`html\n([^]*?)^\`\`\`$`, 'm').exec(text);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">
${head}${code}</head><body><h1>Page</h1></body></html>`;
}

// Its buttons react only a moment after they are shown.
const press = (tab, button, expected) => tab.waitForFunction(([id, value]) => {
  document.getElementById(id).click();
  return document.getElementById('sillage').dataset.consent === value;
}, [button, expected]);

test('tarteaucitron: asked, accepted, remembered, withdrawn', () => {
  const pages = { '/': recipe('tarteaucitron'), '/b': recipe('tarteaucitron') };
  return visit(pages, async ({ site, tab }) => {
    await tab.goto(site.origin + CAMPAIGN);
    await tab.locator('#tarteaucitronPersonalize2').waitFor();
    assert.deepEqual(site.events, []);
    await press(tab, 'tarteaucitronPersonalize2', 'granted');
    await site.until((events) => events.length === 1);
    assert.deepEqual(told({ site }), [[CAMPAIGN, 1]]);
    await tab.goto(`${site.origin}/b?utm_source=letter`);
    await site.until((events) => only(events, 'pageview').length === 2);
    assert.deepEqual(told({ site })[1], ['/b?utm_source=letter', 1]);
    await tab.evaluate(() => window.tarteaucitron.userInterface.openPanel());
    await press(tab, 'sillageDenied', 'denied');
    await tab.evaluate(() => window.sillage('After'));
    assert.ok(!('c' in only(await settled(tab, site), 'After')[0]));
    await tab.goto(site.origin + CAMPAIGN);
    await site.until((events) => only(events, 'pageview').length === 3);
    assert.deepEqual(told({ site })[2], ['/?&page=2', undefined]);
  }, { path: '/tarteaucitron/', folder: new URL('tarteaucitronjs/', modules) });
});

test('tarteaucitron: refused', () => visit({ '/': recipe('tarteaucitron') }, async ({ site, tab }) => {
  await tab.goto(site.origin + CAMPAIGN);
  await tab.locator('#tarteaucitronAllDenied2').waitFor();
  await press(tab, 'tarteaucitronAllDenied2', 'denied');
  await site.until((events) => events.length === 1);
  assert.deepEqual(told({ site }), [['/?&page=2', undefined]]);
}, { path: '/tarteaucitron/', folder: new URL('tarteaucitronjs/', modules) }));

/** Didomi's component as published, without React around it; its loader is a stand-in. */
const DIDOMI = `<script type="importmap">{"imports":{
  "react":"data:text/javascript,export default { useEffect: (run) => run() }",
  "prop-types":"data:text/javascript,export default {}"}}</script>
<script type="module">
  import { DidomiSDK } from '/modules/@didomi/react/es/index.js';
  DidomiSDK({ apiKey: 'key', iabVersion: 2, embedTCFStub: false, sdkPath: location.origin + '/didomi/' });
</script>`;
const LOADER = `{
  let enabled;
  window.Didomi = {
    getCurrentUserStatus: () => ({ vendors: { 'c:sillage-XXXXXXXX': { id: 'c:sillage-XXXXXXXX', enabled: Boolean(enabled) } } }),
    shouldUserStatusBeCollected: () => enabled === undefined,
  };
  window.decide = (given) => {
    enabled = given;
    for (const { event, listener } of window.didomiEventListeners) if (event === 'consent.changed') listener({});
  };
  for (const ready of window.didomiOnReady) ready(window.Didomi);
}`;

test('Didomi: asked, accepted, withdrawn', () => visit({ '/': recipe('Didomi', DIDOMI), '/didomi/key/loader.js': LOADER }, async ({ site, tab }) => {
  await tab.goto(site.origin + CAMPAIGN);
  await tab.waitForFunction(() => window.decide);
  assert.equal(await tab.getAttribute('#sillage', 'data-consent'), 'pending');
  await tab.evaluate(() => window.decide(true));
  await settled(tab, site);
  assert.deepEqual(told({ site }), [[CAMPAIGN, 1]]);
  await tab.evaluate(() => window.decide(false));
  assert.equal(await tab.getAttribute('#sillage', 'data-consent'), 'denied');
}, files));

test('Axeptio: asked, accepted, withdrawn', () => visit({ '/': recipe('Axeptio') }, async ({ site, tab }) => {
  await tab.goto(site.origin + CAMPAIGN);
  await tab.evaluate(() => {
    const listeners = [];
    const sdk = { on: (name, listener) => name === 'cookies:complete' && listeners.push(listener) };
    window._axcb.forEach((ready) => ready(sdk));
    window.decide = (choices) => listeners.forEach((listener) => listener(choices));
  });
  assert.equal(await tab.getAttribute('#sillage', 'data-consent'), 'pending');
  await tab.evaluate(() => window.decide({ $$completed: true, sillage: true }));
  await settled(tab, site);
  assert.deepEqual(told({ site }), [[CAMPAIGN, 1]]);
  await tab.evaluate(() => window.decide({ $$completed: true, sillage: false }));
  assert.equal(await tab.getAttribute('#sillage', 'data-consent'), 'denied');
}));
