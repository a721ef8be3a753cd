// A browser, and a stand-in for the collector that stores all requests. Nothing here waits for a fixed time: a test
// waits for an expected event, and proves silence by an event of its own (`settled`) that arrives after it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { chromium } from 'playwright-core';
import { built, scripts as bounds } from '../../tracker/build.mjs';

const scripts = Object.fromEntries(Object.keys(bounds).map((name) => [`/js/${name}`, readFileSync(built(name))]));

// A headless Chromium says so in its user agent, and the collector drops it as a robot.
export const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

export const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const args = [
  '--no-sandbox', '--disable-blink-features=AutomationControlled', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

// The browser's own flag, not only a context's override: requests of a closing page are sent by the browser.
export const launch = (options = {}) =>
  chromium.launch({ executablePath, args: [...args, `--user-agent=${userAgent}`], ...options });

/** A page of a measured site. `attributes` are the script's; `body` and `head` are HTML. */
export function page({ attributes = 'data-site="shop.example"', head = '', body = '<h1>Page</h1>', origin = '' } = {}) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">${head}
<script defer src="${origin}/js/sillage.js" ${attributes}></script></head><body>${body}</body></html>`;
}

/** A handler for requests that a closing browser may abort: that does not fail the test. */
export const patiently = (handle) => (request, response) => {
  handle(request, response).catch((error) => {
    if (error.code !== 'ECONNRESET') throw error;
  });
};

const TYPES = { js: 'text/javascript', css: 'text/css', mp4: 'video/mp4' };

/**
 * Serves `pages` (path → HTML, or a function that resolves to it), the tracker with its extensions, and the files of
 * `files.folder` below `files.path`; stores every event and every request.
 */
export async function serve(pages = {}, files = undefined) {
  const requests = [];
  const events = [];
  const waiting = new Set();
  const server = createServer(patiently(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    requests.push({ method: request.method, path: pathname, headers: request.headers });
    for (const look of waiting) look();
    if (pathname in scripts) {
      response.writeHead(200, { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' });
      response.end(scripts[pathname]);
    } else if (pathname === '/api/event') {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      if (request.method === 'POST') events.push(JSON.parse(Buffer.concat(chunks)));
      response.writeHead(202, { 'access-control-allow-origin': '*' }).end();
      for (const look of waiting) look();
    } else if (files && pathname.startsWith(files.path) && !pathname.includes('..')) {
      const type = TYPES[pathname.split('.').pop()] ?? 'text/plain';
      response.writeHead(200, { 'content-type': type }).end(readFileSync(new URL(pathname.slice(files.path.length), files.folder)));
    } else if (pathname in pages) {
      const html = typeof pages[pathname] === 'function' ? await pages[pathname]() : pages[pathname];
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
    } else {
      response.writeHead(404).end();
    }
  }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    events,
    requests,
    /** Resolves once this path was requested. */
    untilRequested(path) {
      return this.until(() => requests.some((request) => request.path === path));
    },
    /** Resolves once `test` holds for the events so far. */
    until(test, milliseconds = 10_000) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`did not arrive; so far: ${JSON.stringify(events)}`));
        }, milliseconds);
        const look = () => {
          if (!test(events)) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(events);
        };
        waiting.add(look);
        look();
      });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Runs `body` on a fresh site as a fresh visitor, and asserts that the page throws no error. */
export async function visit(browser, pages, body, files = undefined) {
  const site = await serve(pages, files);
  const context = await browser.newContext({ userAgent, viewport: { width: 1280, height: 800 } });
  const tab = await context.newPage();
  const errors = [];
  tab.on('pageerror', (error) => errors.push(error.message));
  watch(tab, site);
  try {
    await body({ site, context, tab });
    assert.deepEqual(errors, [], 'the tracker throws nothing into the page');
  } finally {
    await context.close();
    await site.close();
  }
}

/** The events with one name. */
export const only = (events, name) => events.filter((event) => event.n === name);

const sent = new WeakMap();

function watch(tab, site) {
  sent.set(tab, 0);
  tab.on('request', (request) => {
    if (request.url() === `${site.origin}/api/event`) sent.set(tab, sent.get(tab) + 1);
  });
}

let marks = 0;

/** All events up to now: a mark is sent after them, so that everything before the mark has arrived. */
export async function settled(tab, site) {
  const mark = `mark ${++marks}`;
  await tab.evaluate((name) => window.sillage(name), mark);
  await site.until((events) => events.some((event) => event.n === mark) && events.length >= sent.get(tab));
  return site.events.filter((event) => !event.n.startsWith('mark '));
}

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** Accessibility violations of the page, as found by axe. */
export async function violations(tab) {
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => window.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
}

/** Lets the test set whether a document is visible: a headless browser never hides one. */
export async function withVisibility(context, hiddenAtFirst = false) {
  await context.addInitScript((hidden) => {
    let now = hidden;
    Object.defineProperty(Document.prototype, 'hidden', { get: () => now });
    Object.defineProperty(Document.prototype, 'visibilityState', { get: () => (now ? 'hidden' : 'visible') });
    window.turn = (next) => {
      now = next;
      document.dispatchEvent(new Event('visibilitychange'));
    };
  }, hiddenAtFirst);
}
