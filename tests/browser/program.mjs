// The real program with its demonstration, for tests that need it running.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = process.env.SILLAGE_BIN ?? fileURLToPath(new URL('../../target/debug/sillage', import.meta.url));

/** The three addresses in the program's output: label, two spaces or more, address. */
async function addresses(child) {
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, label, address] = /^\s*(collect|demo|console) {2,}(http:\S+)/.exec(line) ?? [];
    if (label) found[label] = new URL(address);
    if (found.collect && found.demo && found.console) {
      child.stdout.resume();
      return { ...found, token: found.console.searchParams.get('token') };
    }
  }
  throw new Error('the program ended before it said where it listens');
}

const LOOK_AGAIN_MS = 200;

/** Starts the demonstration with this number of simulated days; gives its addresses, a way to ask it, and its end. */
export async function demonstration(days, environment = {}) {
  const child = spawn(program, ['serve', '--demo', '--days', String(days)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SILLAGE_COLLECT__LISTEN: '127.0.0.1:0', SILLAGE_CONSOLE__LISTEN: '127.0.0.1:0', ...environment },
  });
  const site = await addresses(child);
  const ask = async (path, query) => {
    const options = query && { method: 'POST', body: JSON.stringify(query) };
    const response = await fetch(new URL(path, site.console), { ...options, headers: { authorization: `Bearer ${site.token}`, 'content-type': 'application/json' } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    // Not by SIGKILL: its temporary folder would stay.
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  /** Resolves once this number of simulated days is counted; without a number, all. */
  const filled = async (wanted = Infinity) => {
    for (;;) {
      const { filling } = await ask('/api/sites');
      if (!filling || filling.days >= wanted) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  };
  return { ...site, ask, stop, filled, child };
}

/** Starts the program with this configuration; gives its addresses and its end. */
export async function serve(configuration) {
  const child = spawn(program, ['serve', '--config', configuration], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SILLAGE_COLLECT__LISTEN: '127.0.0.1:0', SILLAGE_CONSOLE__LISTEN: '127.0.0.1:0' },
  });
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, label, address] = /^\s*(collect|console) {2,}(http:\S+)/.exec(line) ?? [];
    if (label) found[label] = new URL(address);
    if (found.collect && found.console) break;
  }
  assert.ok(found.console, 'the program ended before it said where it listens');
  child.stdout.resume();
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { ...found, stop };
}
