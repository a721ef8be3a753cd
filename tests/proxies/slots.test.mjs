// The balancers' configurations for fixed slots, as they stand in deploy/: each is started with its addresses replaced, in
// front of three servers that note the addresses of clients. Every visitor reaches one slot alone; when that slot is away,
// the visitor's hits wait or fail, and never go to a neighbour. (Visitors counted through haproxy: tests/cluster.)
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const VISITORS = 120;
const VIEWS = 3;
const made = mkdtempSync(join(tmpdir(), 'sillage-slots-'));
after(() => rmSync(made, { recursive: true, force: true }));
// The wheel of Envoy has the program beside a script that needs Python's path.
const tool = (name) => [join(process.env.PROXIES ?? '', 'envoy-wheel/envoy/_bin', name), join(process.env.PROXIES ?? '', 'bin', name), `/usr/sbin/${name}`, `/usr/bin/${name}`].find((path) => existsSync(path));

async function listening(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function freePort() {
  const server = await listening();
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** The configuration with the slots' addresses replaced. */
const deployed = (path, slots) => slots.reduce(
  (text, slot, number) => text.replaceAll(`10.0.0.1${number + 1}:8080`, `127.0.0.1:${slot.address().port}`)
    .replaceAll(`10.0.0.1${number + 1}, port_value: 8080`, `127.0.0.1, port_value: ${slot.address().port}`),
  readFileSync(join(root, 'deploy', path), 'utf8'),
);

const BALANCERS = {
  nginx(binary, port, slots) {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${made}/${name};`).join(' ');
    const inside = deployed('nginx/slots.conf', slots).replace('listen 8000', `listen 127.0.0.1:${port}`);
    writeFileSync(join(made, 'nginx.conf'), `daemon off; pid ${made}/pid; error_log stderr; events {} http { access_log off; ${temporary} ${inside} }`);
    return [binary, ['-c', join(made, 'nginx.conf'), '-p', made]];
  },
  traefik(binary, port, slots) {
    writeFileSync(join(made, 'slots.yml'), deployed('traefik/slots.yml', slots));
    return [binary, [`--entryPoints.web.address=127.0.0.1:${port}`, `--providers.file.filename=${join(made, 'slots.yml')}`, '--global.checknewversion=false', '--global.sendanonymoususage=false']];
  },
  envoy(binary, port, slots) {
    const text = deployed('envoy/slots.yaml', slots).replace('0.0.0.0, port_value: 8000', `127.0.0.1, port_value: ${port}`);
    writeFileSync(join(made, 'envoy.yaml'), text);
    return [binary, ['-c', join(made, 'envoy.yaml'), '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']];
  },
};

const fetched = (port, from) => new Promise((resolve) => {
  const asked = ask({ host: '127.0.0.1', port, path: '/api/event', method: 'POST', localAddress: from, agent: false, timeout: 5_000 }, (answer) => {
    answer.resume();
    answer.on('end', () => resolve(answer.statusCode));
  });
  asked.on('timeout', () => asked.destroy());
  asked.on('error', () => resolve(0));
  asked.end('{}');
});

for (const [name, command] of Object.entries(BALANCERS)) {
  const binary = tool(name);
  const skip = !binary && !process.env.PROXIES_REQUIRED && `${name} is not there`;
  test(`${name} sends every visitor to one slot, also while a slot is away`, { skip, timeout: 60_000 }, async () => {
    const seen = [new Map(), new Map(), new Map()];
    const slots = await Promise.all(seen.map((visitors) => listening((request, response) => {
      const visitor = request.headers['x-forwarded-for'];
      visitors.set(visitor, (visitors.get(visitor) ?? 0) + 1);
      response.writeHead(202).end();
    })));
    const port = await freePort();
    const [file, given] = command(binary, port, slots);
    const balancer = spawn(file, given, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: made } });
    let told = '';
    balancer.stderr.on('data', (data) => { told += data; });
    try {
      for (let tries = 0; await fetched(port, '127.9.9.9') !== 202; tries += 1) {
        assert.ok(tries < 100, `${name} does not answer: ${told}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      seen.forEach((visitors) => visitors.clear());
      const visitors = Array.from({ length: VISITORS }, (_, number) => `127.1.${number}.7`);
      for (let view = 0; view < VIEWS; view += 1) {
        assert.deepEqual(new Set(await Promise.all(visitors.map((from) => fetched(port, from)))), new Set([202]));
      }
      for (const from of visitors) {
        assert.deepEqual(seen.map((slot) => slot.get(from) ?? 0).filter((views) => views > 0), [VIEWS], from);
      }
      assert.ok(seen.every((slot) => slot.size > VISITORS / 10), `uneven: ${seen.map((slot) => slot.size)}`);
      // One slot goes away: its visitors get no answer, and no other slot gets them.
      const own = [...seen[1].keys()].sort();
      slots[1].closeAllConnections();
      slots[1].close();
      const answers = await Promise.all(own.map((from) => fetched(port, from)));
      assert.ok(answers.every((status) => status !== 202), `${answers}`);
      assert.ok(own.every((from) => !seen[0].has(from) && !seen[2].has(from)));
    } finally {
      balancer.kill('SIGTERM');
      if (balancer.exitCode === null) await once(balancer, 'exit');
      slots.forEach((slot) => { slot.closeAllConnections(); slot.close(); });
    }
  });
}
