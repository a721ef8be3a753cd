// Cost of a hit in a request of its own and in a list: events a second and processor time an event, all of it durable
// before it is answered. `SILLAGE_BIN=target/release/sillage node tests/clients/batch.mjs`
import { Agent, request } from 'node:http';
import { readFileSync } from 'node:fs';
import { collector } from './program.mjs';

const EVENTS = 24_000;
const CONNECTIONS = 16;
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

const program = await collector({ 'batch.example': '' });
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

const post = (body, address) => new Promise((resolve, reject) => {
  const headers = { 'user-agent': AGENT, 'x-forwarded-for': address, authorization: `Bearer ${program.serverToken}`, 'content-length': Buffer.byteLength(body) };
  const sent = request(new URL('/api/event', program.collect), { agent, method: 'POST', headers }, (answer) => {
    answer.resume();
    answer.on('end', () => (answer.statusCode === 202 && !answer.headers['x-sillage-dropped'] ? resolve() : reject(new Error(answer.statusCode))));
  });
  sent.on('error', reject);
  sent.end(body);
});

/** Processor time of the program so far, in seconds; the engine is a process of its own. */
const cpu = () => {
  const fields = readFileSync(`/proc/${program.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

console.log('| events a request | requests | events a second | processor time an event |\n|---:|---:|---:|---:|');
for (const size of [1, 10, 50]) {
  const bodies = Array.from({ length: EVENTS / size }, (_, request) => {
    const events = Array.from({ length: size }, (_, event) => ({ n: 'pageview', u: `https://batch.example/${(request * size + event) % 500}`, d: 'batch.example' }));
    return JSON.stringify(size === 1 ? events[0] : events);
  });
  const [began, before] = [performance.now(), cpu()];
  let next = 0;
  // Addresses differ, so that no ceiling on what one may send is met.
  await Promise.all(Array.from({ length: CONNECTIONS }, async (_, connection) => {
    for (let at = next++; at < bodies.length; at = next++) await post(bodies[at], `198.51.${size}.${(at + connection) % 250}`);
  }));
  const seconds = (performance.now() - began) / 1000;
  console.log(`| ${size} | ${bodies.length} | ${Math.round(EVENTS / seconds)} | ${((cpu() - before) * 1e6 / EVENTS).toFixed(1)} µs |`);
}
agent.destroy();
await program.stop();
