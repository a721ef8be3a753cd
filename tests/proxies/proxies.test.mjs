// Each proxy of deploy/ is started with its lines, in front of the real program, and tested through: the script, an
// event, the pixel and the public pages pass; two visitors behind it count as two; the site's own paths stay its own.
// Binaries: nginx and haproxy of the system, caddy and traefik of `PROXIES` (pip install --target). A missing proxy is
// skipped, unless PROXIES_REQUIRED is set.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built } from '../../tracker/build.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = process.env.SILLAGE_BIN ?? join(root, 'target/debug/sillage');
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const TOKEN = 'sillage_of_a_test';
const folders = [];
const folder = (where = tmpdir()) => {
  const made = mkdtempSync(join(where, 'sillage-proxies-'));
  folders.push(made);
  return made;
};
const deployed = (path) => readFileSync(join(root, 'deploy', path), 'utf8').replaceAll('127.0.0.1:8080', collect);
const tool = (name) => [join(process.env.PROXIES ?? '', 'bin', name), `/usr/sbin/${name}`, `/usr/bin/${name}`].find((path) => existsSync(path));

let collect;
let console_;
let origin;
let running;
let configuration;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

before(async () => {
  const data = folder();
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
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
dir = "${folder('/dev/shm')}"
[privacy]
protection = "exact"
${['nginx', 'haproxy', 'caddy', 'traefik', 'containers'].map((name) => `[[site]]\nname = "${name}.example"\n`).join('')}`);
  configuration = join(data, 'sillage.toml');
  running = spawn(program, ['serve', '--config', configuration], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const found = {};
  for await (const line of createInterface({ input: running.stdout })) {
    const [, label, address] = /^\s*(collect|console) {2,}http:\/\/([^/]+)/.exec(line) ?? [];
    if (label) found[label] = address;
    if (found.collect && found.console) break;
  }
  running.stdout.resume();
  ({ collect, console: console_ } = found);
  origin = createServer((_, response) => response.end('own page')).listen(0, '127.0.0.1');
  await once(origin, 'listening');
}, { timeout: 60_000 });

after(async () => {
  origin?.close();
  if (running?.exitCode === null) {
    running.kill('SIGTERM');
    await once(running, 'exit');
  }
  folders.forEach((made) => rmSync(made, { recursive: true, force: true }));
});

/** One request from an address of loopback, as a visitor's. */
const fetched = (port, path, { from = '127.0.0.2', body, headers = {} } = {}) => new Promise((resolve, reject) => {
  const asked = ask({ host: '127.0.0.1', port, path, localAddress: from, method: body ? 'POST' : 'GET', headers: { 'user-agent': AGENT, ...headers } }, async (answer) => {
    const chunks = [];
    for await (const chunk of answer) chunks.push(chunk);
    resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks).toString() });
  });
  asked.on('error', reject);
  asked.end(body);
});

/** Retries until `test` holds; the proxy or the figures take a moment. */
async function until(what, test) {
  for (let tries = 0; tries < 200; tries += 1) {
    const seen = await test().catch(() => undefined);
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come`);
}

const figures = async (name) => {
  const query = { site_id: `${name}.example`, metrics: ['visitors', 'pageviews'], date_range: 'day' };
  const answer = await fetch(`http://${console_}/api/v2/query`, {
    method: 'POST', body: JSON.stringify(query), headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
  });
  return (await answer.json()).results?.[0]?.metrics;
};

const COMMANDS = {
  nginx(binary, port, made) {
    const inside = deployed('nginx/sillage.conf');
    writeFileSync(join(made, 'nginx.conf'), `daemon off; pid ${made}/pid; error_log stderr; events {} http { access_log off;
      client_body_temp_path ${made}/body; proxy_temp_path ${made}/proxy; fastcgi_temp_path ${made}/f; uwsgi_temp_path ${made}/u; scgi_temp_path ${made}/s;
      server { listen 127.0.0.1:${port}; ${inside} location / { proxy_pass http://127.0.0.1:${origin.address().port}; } } }`);
    return [binary, ['-c', join(made, 'nginx.conf'), '-p', made]];
  },
  haproxy(binary, port, made) {
    writeFileSync(join(made, 'haproxy.cfg'), `defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend site
    bind 127.0.0.1:${port}
${deployed('haproxy/frontend.cfg')}    default_backend own
backend own
    server own 127.0.0.1:${origin.address().port}
${deployed('haproxy/backend.cfg')}`);
    return [binary, ['-db', '-f', join(made, 'haproxy.cfg')]];
  },
  caddy(binary, port, made) {
    writeFileSync(join(made, 'Caddyfile'), `{
	admin off
	auto_https off
}
http://:${port} {
	bind 127.0.0.1
${deployed('caddy/sillage.caddy')}
	reverse_proxy 127.0.0.1:${origin.address().port}
}
`);
    return [binary, ['run', '--config', join(made, 'Caddyfile'), '--adapter', 'caddyfile']];
  },
  traefik(binary, port, made) {
    writeFileSync(join(made, 'sillage.yml'), deployed('traefik/sillage.yml'));
    writeFileSync(join(made, 'own.yml'), `http:
  routers:
    own:
      rule: "PathPrefix(\`/\`)"
      priority: 1
      service: own
  services:
    own:
      loadBalancer:
        servers:
          - url: "http://127.0.0.1:${origin.address().port}"
`);
    return [binary, [`--entryPoints.web.address=127.0.0.1:${port}`, `--providers.file.directory=${made}`, '--global.checknewversion=false', '--global.sendanonymoususage=false']];
  },
};

/** The lines of `sillage doctor` for the page behind a proxy. */
const doctor = async (port, site) => {
  const child = spawn(program, ['doctor', '--config', configuration, '--url', `http://127.0.0.1:${port}/`, '--site', site], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = '';
  child.stdout.on('data', (data) => { lines += data; });
  await once(child, 'close');
  return lines;
};

for (const [name, command] of Object.entries(COMMANDS)) {
  const binary = tool(name);
  const skip = !binary && !process.env.PROXIES_REQUIRED && `${name} is not there`;
  test(`${name} passes the script, events and pages on, and tells two visitors apart`, { skip, timeout: 60_000 }, async () => {
    const port = await freePort();
    const made = folder();
    const [file, given] = command(binary, port, made);
    const proxy = spawn(file, given, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: made } });
    let told = '';
    proxy.stderr.on('data', (data) => { told += data; });
    try {
      await until(`${name}: ${told}`, async () => (await fetched(port, '/')).body === 'own page');
      assert.equal((await fetched(port, '/js/other.js')).body, 'own page');
      for (const script of ['sillage.js', 'sillage.actions.js']) {
        assert.equal((await fetched(port, `/js/${script}`)).body, readFileSync(built(script), 'utf8'));
      }
      for (const path of [`/privacy?site=${name}.example`, '/privacy.json', '/opt-out']) {
        const page = await fetched(port, path, { headers: { host: `${name}.example` } });
        assert.ok(page.status === 200 && page.body !== 'own page', path);
      }
      const event = (from, path) => fetched(port, '/api/event', { from, body: JSON.stringify({ n: 'pageview', d: `${name}.example`, u: `https://${name}.example${path}` }) });
      for (const [from, path] of [['127.0.0.2', '/'], ['127.0.0.2', '/b'], ['127.0.0.3', '/']]) {
        const answer = await event(from, path);
        assert.deepEqual([answer.status, answer.headers['x-sillage-dropped']], [202, undefined]);
      }
      // A visitor's own header about the address is not trusted.
      const forged = await fetched(port, `/pixel.gif?d=${name}.example&u=${encodeURIComponent(`https://${name}.example/c`)}`, { headers: { 'x-forwarded-for': '9.9.9.9' } });
      assert.equal(forged.headers['content-type'], 'image/gif');
      assert.ok(await until('the figures', async () => {
        const [visitors, pageviews] = await figures(name);
        return pageviews === 4 && visitors === 2;
      }));
      assert.match(await doctor(port, `${name}.example`), /ok {6}address: the proxy's x-forwarded-for names the visitor/);
    } finally {
      proxy.kill('SIGTERM');
      if (proxy.exitCode === null) await once(proxy, 'exit');
    }
  });
}

test('sillage doctor names what nginx does with the address header', { skip: !tool('nginx') && 'nginx is not there', timeout: 60_000 }, async () => {
  for (const [line, told] of [
    ['proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;', /ok {6}address: the proxy's/],
    ['proxy_set_header X-Forwarded-For "";', /problem address: the proxy is trusted but sends no x-forwarded-for/],
    ['', /problem address: the proxy hands on x-forwarded-for as the visitor wrote it/],
    ['proxy_set_header X-Forwarded-For unknown;', /problem address: the last entry of x-forwarded-for is not an address/],
  ]) {
    const [port, made] = [await freePort(), folder()];
    const [, given] = COMMANDS.nginx('nginx', port, made);
    const file = join(made, 'nginx.conf');
    const inside = readFileSync(file, 'utf8');
    assert.ok(inside.includes('proxy_set_header X-Forwarded-For $remote_addr;'));
    writeFileSync(file, inside.replace('proxy_set_header X-Forwarded-For $remote_addr;', () => line));
    const proxy = spawn(tool('nginx'), given, { stdio: 'ignore' });
    try {
      await until('nginx', async () => (await fetched(port, '/')).body === 'own page');
      assert.match(await doctor(port, 'nginx.example'), told);
    } finally {
      proxy.kill('SIGTERM');
      if (proxy.exitCode === null) await once(proxy, 'exit');
    }
  }
});

test('the Caddyfile of the containers passes hits of two visitors on', { skip: !tool('caddy') && !process.env.PROXIES_REQUIRED && 'caddy is not there', timeout: 60_000 }, async () => {
  const [port, made] = [await freePort(), folder()];
  const site = readFileSync(join(root, 'deploy/docker/Caddyfile'), 'utf8');
  assert.ok(site.includes('reverse_proxy sillage:8080'));
  writeFileSync(join(made, 'Caddyfile'), `{\n\tadmin off\n}\n${site.replace('sillage:8080', collect)}`);
  const env = { ...process.env, HOME: made, SILLAGE_HOST: `http://127.0.0.1:${port}` };
  const proxy = spawn(tool('caddy'), ['run', '--config', join(made, 'Caddyfile'), '--adapter', 'caddyfile'], { stdio: 'ignore', env });
  try {
    await until('the script', async () => (await fetched(port, '/js/sillage.js')).status === 200);
    const body = JSON.stringify({ n: 'pageview', d: 'containers.example', u: 'https://containers.example/' });
    for (const from of ['127.0.0.2', '127.0.0.3']) assert.equal((await fetched(port, '/api/event', { from, body })).status, 202);
    assert.ok(await until('the figures', async () => `${await figures('containers')}` === '2,2'));
    assert.equal((await fetched(port, '/sign-in')).status, 404);
  } finally {
    proxy.kill('SIGTERM');
    if (proxy.exitCode === null) await once(proxy, 'exit');
  }
});

test('sillage snippet prints the tag and the lines that were tried here', { skip: !existsSync(program) && 'no program' }, () => {
  const data = folder();
  writeFileSync(join(data, 'sillage.toml'), '[[site]]\nname = "shop.example"\nquery_names_kept = ["page"]\n');
  const printed = spawnSync(program, ['snippet', '--config', join(data, 'sillage.toml'), '--site', 'shop.example', '--integrity'], { cwd: root, encoding: 'utf8' });
  assert.equal(printed.status, 0, printed.stderr);
  const sha384 = createHash('sha384').update(readFileSync(built('sillage.js'))).digest('base64');
  assert.ok(printed.stdout.includes(`integrity="sha384-${sha384}"`));
  assert.ok(printed.stdout.includes('data-query="page"'));
  assert.ok(printed.stdout.includes(readFileSync(join(root, 'deploy/nginx/sillage.conf'), 'utf8')));
});
