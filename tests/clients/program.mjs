// The real program with sites of its own, for clients that send to it; figures are exact and read by the API.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = process.env.SILLAGE_BIN ?? join(root, 'target/debug/sillage');

/** Longest time for a figure to be published: hits are flushed each second. */
const PUBLISHED_MS = 30_000;

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/**
 * Starts the program with these sites (name → more lines of its block). Gives its addresses, a token of a server for all
 * of them, a way to read figures, and its end.
 */
export async function collector(sites) {
  const folder = mkdtempSync(join(tmpdir(), 'sillage-clients-'));
  const memory = mkdtempSync('/dev/shm/sillage-clients-');
  const [token, serverToken] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const blocks = Object.entries(sites).map(([name, more]) => `[[site]]\nname = "${name}"\n${more}\n`);
  writeFileSync(join(folder, 'sillage.toml'), `
[collect]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]
server_tokens = [{ name = "server", sha256 = "${sha256(serverToken)}", sites = ["*"] }]
[console]
listen = "127.0.0.1:0"
tokens = [{ name = "test", sha256 = "${sha256(token)}", sites = ["*"] }]
[clickhouse]
dir = "${folder}/clickhouse"
[spool]
dir = "${folder}/spool"
flush_seconds = 1
[runtime]
dir = "${memory}/runtime"
[privacy]
protection = "exact"
${blocks.join('')}`);
  const child = spawn(program, ['serve', '--config', join(folder, 'sillage.toml')], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, label, address] = /^(collect|console) +(http:\S+)/.exec(line) ?? [];
    if (label) found[label] = new URL(address);
    if (found.collect && found.console) break;
  }
  if (!found.console) throw new Error('the program ended before it said where it listens');
  const ask = async (query) => {
    const response = await fetch(new URL('/api/v2/query', found.console), {
      method: 'POST', body: JSON.stringify(query), headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()).results;
  };
  /** Rows of a site's day: `dimension` and metrics, sorted. */
  const rows = async (site, metrics, dimension) => {
    const found = await ask({ site_id: site, metrics, date_range: 'day', dimensions: dimension ? [dimension] : [] });
    return found.map(({ dimensions, metrics }) => [...dimensions, ...metrics]).sort((a, b) => (String(a) < String(b) ? -1 : 1));
  };
  return {
    ...found,
    serverToken,
    pid: child.pid,
    rows,
    /** The same once they are as expected, or, too late, as they are. */
    async settled(expected, site, metrics, dimension) {
      const end = Date.now() + PUBLISHED_MS;
      for (;;) {
        const now = await rows(site, metrics, dimension);
        if (JSON.stringify(now) === JSON.stringify(expected) || Date.now() > end) return now;
      }
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      for (const gone of [folder, memory]) rmSync(gone, { recursive: true, force: true });
    },
  };
}
