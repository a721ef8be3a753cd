// A shared page in a frame: Chromium shows it on a host of `embed_on` and nowhere else.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, userAgent } from './help.mjs';
import { serve } from './program.mjs';

const TEST_MS = 120_000;

let browser;
let host;
let program;
let folder;

/** Address of the framing page under a name of loopback: each name is an origin of its own. */
const framing = (name) => `http://${name}:${host.address().port}/`;

before(async () => {
  host = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!doctype html><title>Host</title><iframe src="${new URL('/share/shop.example', program.console)}"></iframe>`);
  });
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  folder = await mkdtemp(join(tmpdir(), 'sillage-embedding-'));
  const configuration = join(folder, 'sillage.toml');
  await writeFile(configuration, `
    site = [{ name = "shop.example", public = true, embed_on = ["http://localhost:${host.address().port}"] }]
    [clickhouse]
    dir = "${join(folder, 'data')}"
    [spool]
    dir = "${join(folder, 'spool')}"
    [runtime]
    dir = "${join(folder, 'runtime')}"
    allow_disk = true
  `);
  [browser, program] = await Promise.all([launch(), serve(configuration)]);
}, { timeout: TEST_MS });

after(async () => {
  await browser?.close();
  await program?.stop();
  host?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The frame's heading on a page of this host, or null where Chromium blocked the frame. */
async function framed(name) {
  const context = await browser.newContext({ userAgent });
  const tab = await context.newPage();
  const refusals = [];
  tab.on('console', (message) => {
    if (/frame-ancestors/.test(message.text())) refusals.push(message.text());
  });
  await tab.goto(framing(name));
  const frame = tab.frames()[1];
  await frame.waitForLoadState();
  const shown = await frame.evaluate(() => document.querySelector('#figures') !== null);
  await context.close();
  return { shown, refusals: refusals.length };
}

test('a shared page shows in a frame on an allowed host', { timeout: TEST_MS }, async () => {
  assert.deepEqual(await framed('localhost'), { shown: true, refusals: 0 });
});

test('a shared page is blocked in a frame on any other host', { timeout: TEST_MS }, async () => {
  assert.deepEqual(await framed('127.0.0.1'), { shown: false, refusals: 1 });
});
