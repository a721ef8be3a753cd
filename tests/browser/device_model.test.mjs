// The model of the device leaves the browser after consent only, and from an Android device alone; each way that
// docs/consent.md names is tried.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { launch, only, page, settled, visit as visitWith, withVisibility } from './help.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const CAMPAIGN = '/?utm_source=letter';
const REDUCED = 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36';
const EXTENSION = '<script defer src="/js/sillage.consent.js" data-device-model></script>';
const html = (consent, head = EXTENSION) => page({ attributes: `data-site="shop.example" data-consent="${consent}" id="sillage"`, head });
const answer = (tab, value) => tab.evaluate((given) => { document.getElementById('sillage').dataset.consent = given; }, value);
const models = (site) => only(site.events, 'pageview').map(({ dm, c }) => [dm, c]);
const asked = (tab) => tab.evaluate(() => window.asked ?? 0);

/** Makes the tab an Android device of this model, which counts how often its model is asked for. */
async function become(context, tab, { model = 'SM-S921B', platform = 'Android' } = {}) {
  const session = await context.newCDPSession(tab);
  await session.send('Emulation.setUserAgentOverride', {
    userAgent: REDUCED,
    userAgentMetadata: { brands: [{ brand: 'Chromium', version: '140' }], fullVersion: '140', platform, platformVersion: '14', architecture: '', model, mobile: true },
  });
  await tab.addInitScript(() => {
    const { getHighEntropyValues: ask } = NavigatorUAData.prototype;
    NavigatorUAData.prototype.getHighEntropyValues = function (names) {
      window.asked = (window.asked ?? 0) + 1;
      return window.mute ? new Promise(() => {}) : ask.call(this, names);
    };
  });
}

const visit = (consent, body, { head, device, before } = {}) => visitWith(browser, { '/': html(consent, head), '/b': html(consent, head) }, async (parts) => {
  await become(parts.context, parts.tab, device);
  if (before) {
    await withVisibility(parts.context);
    await parts.tab.addInitScript(before);
  }
  await body(parts);
});

test('with consent pageviews carry the model, which is asked for once a page', () => visit('granted', async ({ site, tab }) => {
  await tab.goto(site.origin);
  await site.until((events) => events.length === 1);
  await tab.evaluate(() => history.pushState({}, '', '/b'));
  const events = await settled(tab, site);
  assert.deepEqual(models(site), [['SM-S921B', 1], ['SM-S921B', 1]]);
  assert.equal(await asked(tab), 1);
  assert.ok(events.every((event) => event.n === 'pageview' || !('dm' in event)), 'nothing but pageviews carries it');
}));

test('nothing is asked before the answer, and the waiting pageview takes the model with it', () => visit('pending', async ({ site, tab }) => {
  await tab.goto(site.origin + CAMPAIGN);
  assert.equal(await asked(tab), 0);
  await answer(tab, 'granted');
  await site.until((events) => events.length === 1);
  assert.deepEqual(models(site), [['SM-S921B', 1]]);
}));

test('after a no, without the attribute, and on other systems nothing is asked', async () => {
  for (const [consent, more, c] of [
    ['denied', {}, undefined],
    ['granted', { head: '<script defer src="/js/sillage.consent.js"></script>' }, 1],
    ['granted', { device: { platform: 'Windows', model: '' } }, 1],
  ]) {
    await visit(consent, async ({ site, tab }) => {
      await tab.goto(site.origin + CAMPAIGN);
      await settled(tab, site);
      assert.deepEqual(models(site), [[undefined, c]]);
      assert.equal(await asked(tab), 0);
    }, more);
  }
});

test('a consent that was withdrawn takes the model away from the next pageview', () => visit('granted', async ({ site, tab }) => {
  await tab.goto(site.origin);
  await site.until((events) => events.length === 1);
  await answer(tab, 'denied');
  await tab.evaluate(() => history.pushState({}, '', '/b'));
  await settled(tab, site);
  assert.deepEqual(models(site), [['SM-S921B', 1], [undefined, undefined]]);
}));

test('a browser that never tells its model loses no pageview', async () => {
  const mute = () => { window.mute = true; };
  await visit('granted', async ({ site, tab }) => {
    await tab.goto(site.origin);
    await tab.evaluate(() => window.sillage('Signup'));
    await settled(tab, site);
    assert.deepEqual(site.events.slice(0, 2).map(({ n, dm }) => [n, dm]), [['pageview', undefined], ['Signup', undefined]]);
  }, { before: mute });
  await visit('granted', async ({ site, tab }) => {
    await tab.goto(site.origin);
    await tab.evaluate(() => window.turn(true));
    await site.until((events) => only(events, 'pageview').length === 1);
    assert.deepEqual(models(site), [[undefined, 1]]);
  }, { before: mute });
});

/** A server that answers every path with the same; its requests to `/api/event` are kept. */
async function answering(headers, body = '') {
  const hits = [];
  const server = createServer((request, response) => {
    if (request.url === '/api/event') hits.push(request.headers);
    response.writeHead(200, headers).end(request.url === '/' ? body : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, hits, origin: `http://127.0.0.1:${server.address().port}` };
}

test('the header comes to the page’s own origin by Accept-CH, and to another with a policy of the page', async () => {
  const collector = await answering({ 'access-control-allow-origin': '*', 'accept-ch': 'Sec-CH-UA-Model' });
  const hint = { 'content-type': 'text/html', 'accept-ch': 'Sec-CH-UA-Model' };
  const send = (origin) => fetch(`${origin}/api/event`, { method: 'POST', body: '{}' }).then(() => {});
  for (const [headers, own, other] of [
    [{ 'content-type': 'text/html' }, undefined, undefined],
    [hint, '"SM-S921B"', undefined],
    [{ ...hint, 'permissions-policy': `ch-ua-model=(self "${collector.origin}")` }, '"SM-S921B"', '"SM-S921B"'],
  ]) {
    const site = await answering(headers, '<!doctype html><title>Page</title>');
    const context = await browser.newContext();
    const tab = await context.newPage();
    await become(context, tab);
    await tab.goto(site.origin);
    await tab.evaluate(send, site.origin);
    await tab.evaluate(send, collector.origin);
    assert.deepEqual([site.hits.at(-1)['sec-ch-ua-model'], collector.hits.at(-1)['sec-ch-ua-model']], [own, other], JSON.stringify(headers));
    await context.close();
    site.server.closeAllConnections();
    site.server.close();
  }
  collector.server.closeAllConnections();
  collector.server.close();
});
