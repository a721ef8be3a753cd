// Requests with credentials from a page of another origin, in Chromium, to the real program: the page sees the answer,
// and the hit is counted. A page that belongs to no site gets `*`, and the browser shows it no answer.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { collector } from '../clients/program.mjs';
import { launch, userAgent } from './help.mjs';

const TEST_MS = 120_000;
const ID = '5a1e2f60-0000-4000-8000-000000000001';

let browser;
let program;
let pages;
before(async () => {
  pages = createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Page</title>'));
  pages.listen(0);
  [browser, program] = await Promise.all([launch(), collector({ 'shop.example': `hosts = ["127.0.0.1"]\nids = ["${ID}"]` }), once(pages, 'listening')]);
}, { timeout: TEST_MS });
after(async () => {
  pages.closeAllConnections();
  pages.close();
  await browser.close();
  await program.stop();
});

/** Sends one hit of each kind with credentials; gives the status that the page sees, or the error. */
const sent = (tab, collect) => tab.evaluate(async ([collector, id]) => {
  const { origin, hostname } = location;
  const native = (path) => ({ n: 'pageview', u: `${origin}${path}`, d: 'shop.example' });
  const umami = (url) => ({ type: 'event', payload: { website: id, hostname, url, screen: '1280x800' } });
  const send = (path, body) => fetch(new URL(path, collector), {
    method: 'POST', body: JSON.stringify(body), credentials: 'include', headers: { 'content-type': 'application/json' },
  }).then(({ status }) => status, ({ name }) => name);
  const request = new XMLHttpRequest();
  const answered = new Promise((resolve) => { request.onloadend = () => resolve(request.status || 'TypeError'); });
  request.open('POST', new URL('/api/event', collector));
  request.withCredentials = true;
  request.setRequestHeader('content-type', 'application/json');
  request.send(JSON.stringify(native('/xhr')));
  return {
    json: await send('/api/event', native('/json')),
    batch: await send('/api/event', [native('/batch')]),
    umami: await send('/api/send', umami('/umami')),
    umamiBatch: await send('/api/batch', [umami('/umami-batch')]),
    xhr: await answered,
    beacon: navigator.sendBeacon(new URL('/api/event', collector), new Blob([JSON.stringify(native('/beacon'))], { type: 'application/json' })),
  };
}, [collect.href, ID]);

async function opened(host) {
  const context = await browser.newContext({ userAgent });
  const tab = await context.newPage();
  await tab.goto(`http://${host}:${pages.address().port}/`);
  return tab;
}

test('a page of the site sends JSON, lists, Umami’s format and beacons with credentials', { timeout: TEST_MS }, async () => {
  const tab = await opened('127.0.0.1');
  assert.deepEqual(await sent(tab, program.collect), { json: 202, batch: 202, umami: 200, umamiBatch: 200, xhr: 202, beacon: true });
  const expected = ['/batch', '/beacon', '/json', '/umami', '/umami-batch', '/xhr'].map((page) => [page, 1]);
  assert.deepEqual(await program.settled(expected, 'shop.example', ['pageviews'], 'event:page'), expected);
  await tab.context().close();
});

test('a page that belongs to no site is shown no answer', { timeout: TEST_MS }, async () => {
  const tab = await opened('localhost');
  const { json, batch, umami, umamiBatch, xhr } = await sent(tab, program.collect);
  assert.deepEqual([json, batch, umami, umamiBatch, xhr], Array(5).fill('TypeError'));
  await tab.context().close();
});
