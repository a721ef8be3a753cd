// An example as a visitor finds it: its server, and before it a proxy that gives two paths to the collector, as
// docs/install/own-domain.md says. The proxy keeps each event that the collector accepted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import { connect } from 'node:net';

/** Longest time for a server to answer its first request: a development server compiles the page first. */
const STARTED_MS = 120_000;
const LOOK_AGAIN_MS = 100;

/** Longest time for an event to be answered. */
const ANSWERED_MS = 20_000;

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The environment of a framework's commands: they send nothing to their makers. */
export const quiet = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1', ASTRO_TELEMETRY_DISABLED: '1' };

/** Starts a server of `folder`, in a process group of its own; resolves once it answers. */
async function application(folder, command, variables) {
  const port = await freePort();
  const environment = { ...quiet, PORT: String(port), HOST: '127.0.0.1', ...variables };
  const [program, ...given] = command.map((word) => (word === 'PORT' ? String(port) : word));
  const child = spawn(program, given, { cwd: folder, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => printed.push(chunk));
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const end = Date.now() + STARTED_MS;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer?.ok) break;
    if (!isRunning() || Date.now() > end) throw new Error(`${command.join(' ')} did not start:\n${Buffer.concat(printed)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  return {
    port,
    async stop() {
      if (!isRunning()) return;
      process.kill(-child.pid, 'SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Forwards a request and calls `answered` with the status; a connection that the browser closed is not an error. */
function forward(request, response, port, headers, body, answered) {
  const onward = ask({ host: '127.0.0.1', port, path: request.url, method: request.method, headers: { ...request.headers, ...headers } }, (answer) => {
    answered(answer.statusCode);
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  onward.end(body);
}

/** Serves the site of `folder` by `command`; its visitors' events go to `collector` (a URL), without one to the site. */
export async function serve(folder, command, collector, variables = {}) {
  const app = await application(folder, command, variables);
  const events = [];
  const refused = [];
  const looks = new Set();
  const visitor = { address: '198.51.100.1' };
  const front = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const isEvent = request.url === '/api/event' && request.method === 'POST';
    const answered = (status) => {
      if (!isEvent) return;
      (status === 202 ? events : refused).push(JSON.parse(body));
      for (const look of looks) look();
    };
    const toCollector = collector && /^\/(api\/event|js\/)/.test(request.url);
    const headers = { 'x-forwarded-for': visitor.address, ...(toCollector ? {} : { host: `127.0.0.1:${app.port}` }) };
    forward(request, response, toCollector ? collector.port : app.port, headers, body, answered);
  });
  // A development server tells its pages about changes by WebSocket.
  front.on('upgrade', (request, socket) => {
    const onward = connect(app.port, '127.0.0.1', () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${name === 'host' ? `127.0.0.1:${app.port}` : value}`);
      onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      socket.pipe(onward).pipe(socket);
    });
    for (const side of [socket, onward]) side.on('error', () => { socket.destroy(); onward.destroy(); });
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    port: front.address().port,
    events,
    visitor,
    /** Resolves once the collector accepted `count` events of this name. */
    until(name, count) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${count} × ${name} expected, ${JSON.stringify({ accepted: events, refused })}`)), ANSWERED_MS);
        const look = () => {
          if (events.filter(({ n }) => n === name).length < count) return;
          clearTimeout(timer);
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
      });
    },
    async stop() {
      front.closeAllConnections();
      front.close();
      await app.stop();
    },
  };
}
