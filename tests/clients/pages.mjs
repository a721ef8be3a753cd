// Pages that hold a published client, bundled as a site would, and a browser that finds all `.example` hosts here.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-blink-features=AutomationControlled', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', `--user-agent=${AGENT}`, '--host-resolver-rules=MAP *.example 127.0.0.1'],
});

/** Serves one page at every path, with `code` bundled into it. */
async function serve(code, body = '<h1>Page</h1>') {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'js' },
    plugins: [{ name: 'no-node', setup: (on) => {
      // Used only by the server side of a client.
      on.onResolve({ filter: /^path$/ }, ({ path }) => ({ path, namespace: 'no-node' }));
      on.onLoad({ filter: /.*/, namespace: 'no-node' }, () => ({ contents: '' }));
    } }],
    bundle: true, write: false, format: 'iife', define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}' }, logLevel: 'error',
  });
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,"></head>
<body>${body}<div id="app"></div><script src="/bundle.js"></script></body></html>`;
  const server = createServer((request, response) => {
    const isScript = request.url === '/bundle.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
    response.end(isScript ? outputFiles[0].contents : html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Opens a page of `site` that holds `code`, does `acts` there, and leaves it. */
export async function visit(browser, site, code, acts, body) {
  const server = await serve(code, body);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const errors = [];
  try {
    const tab = await context.newPage();
    tab.on('pageerror', (error) => errors.push(error.message));
    const answered = [];
    let look = () => {};
    tab.on('requestfinished', (request) => { answered.push(request.postData() ?? ''); look(); });
    /** Resolves once an answer to a body with these words has come, `times` times. */
    const told = (words, times = 1) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${words} did not arrive: ${answered}`)), 20_000);
      look = () => {
        if (answered.filter((body) => body.includes(words)).length < times) return;
        clearTimeout(timer);
        resolve();
      };
      look();
    });
    await tab.goto(`http://${site}:${server.port}/start`);
    await acts(tab, told);
    await tab.goto('about:blank');
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
    await server.close();
  }
}
