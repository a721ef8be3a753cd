// The examples of examples/, each installed from its lockfile, built, served and clicked through in Chromium, as a
// browser with the Navigation API and as one without. React's two also run in development, in strict mode. `EXAMPLES`
// chooses some of them. The guide shows their code.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { args, launch, userAgent } from '../browser/help.mjs';
import { collector } from '../clients/program.mjs';
import { quiet, serve } from './site.mjs';

/** Commands in the example's folder: to build, to serve what was built, to develop. */
const APPLICATIONS = {
  next: { build: ['next', 'build'], start: ['next', 'start', '--hostname', '127.0.0.1', '--port', 'PORT'], develop: ['next', 'dev', '--hostname', '127.0.0.1', '--port', 'PORT'] },
  nuxt: { build: ['nuxt', 'build'], start: ['node', '.output/server/index.mjs'] },
  sveltekit: { build: ['vite', 'build'], start: ['node', 'build'] },
  astro: { build: ['astro', 'build'], start: ['astro', 'preview', '--host', '127.0.0.1', '--port', 'PORT'] },
  'react-router': { build: ['react-router', 'build'], start: ['react-router-serve', './build/server/index.js'], develop: ['react-router', 'dev', '--host', '127.0.0.1', '--port', 'PORT'] },
};
const chosen = process.env.EXAMPLES ? process.env.EXAMPLES.split(/\s+/) : Object.keys(APPLICATIONS);

/** What one visit leaves. */
const PAGES = [['/', 1], ['/about', 3], ['/prices', 2]];
const ACTIONS = [['Outbound', 1], ['Signup', 1]];
const TOTALS = [[1, 1, 6]];
const VIEWS = [['/', undefined], ['/prices', '/'], ['/about', '/prices'], ['/prices', '/about'], ['/about', '/prices'], ['/about', undefined]];

let program;
let browser;
before(async () => {
  const sites = Object.fromEntries(chosen.map((name) => [`${name}.example`, 'properties = ["plan", "host"]']));
  sites['next-plausible.example'] = 'properties = ["buttonId"]';
  [program, browser] = await Promise.all([collector(sites), launch({ args: [...args, `--user-agent=${userAgent}`, '--host-resolver-rules=MAP *.example 127.0.0.1'] })]);
});
after(() => Promise.all([browser?.close(), program?.stop()]));

const beside = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const run = promisify(execFile);
const local = (folder, [program, ...given]) => (program === 'node' ? [program, ...given] : [join(folder, 'node_modules/.bin', program), ...given]);
const times = (rows, runs) => rows.map((row) => row.map((value) => (typeof value === 'number' ? value * runs : value)));

/** Seconds that `work` takes. */
async function seconds(work) {
  const began = performance.now();
  await work();
  return ((performance.now() - began) / 1000).toFixed(0);
}

/** Installs what the lockfile names, if that was not done. */
async function install(folder) {
  const [lockfile, installed] = [join(folder, 'package-lock.json'), join(folder, 'node_modules/.package-lock.json')];
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return;
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
}

/** One visit: links, an action, back, forward and a reload; the page must stay loaded until then. */
async function journey(address, site, hasNavigation) {
  const context = await browser.newContext({ userAgent, viewport: { width: 1280, height: 800 } });
  if (!hasNavigation) await context.addInitScript(() => { delete window.navigation; });
  const errors = [];
  try {
    const tab = await context.newPage();
    tab.on('pageerror', (error) => errors.push(error.message));
    const heading = (name) => tab.getByRole('heading', { name, exact: true }).waitFor();
    await tab.goto(`${address}/`, { waitUntil: 'networkidle' });
    await site.until('pageview', 1);
    await tab.evaluate(() => { window.isSameLoad = true; });
    await tab.getByRole('link', { name: 'Prices' }).hover();
    await tab.getByRole('link', { name: 'Prices' }).click();
    await heading('Prices');
    await tab.getByRole('button', { name: 'Sign up' }).click();
    await tab.getByRole('link', { name: 'About' }).click();
    await heading('About us');
    await tab.evaluate(() => addEventListener('click', (event) => event.preventDefault(), { once: true }));
    await tab.getByRole('link', { name: 'Weather' }).click();
    await tab.goBack();
    await heading('Prices');
    await tab.goForward();
    await heading('About us');
    assert.equal(await tab.evaluate(() => window.isSameLoad), true, 'the router navigated without loading a document');
    await tab.reload({ waitUntil: 'networkidle' });
    await heading('About us');
    await site.until('pageview', VIEWS.length);
    await tab.goto('about:blank');
  } finally {
    await context.close();
  }
  assert.deepEqual(errors, []);
}

/** Visits `example` once more and compares: what the browser sent, and the figures of all visits so far. */
async function counted(example, command, runs, hasNavigation) {
  const folder = beside(`examples/${example}/`);
  const name = `${example}.example`;
  const site = await serve(folder, local(folder, command), program.collect);
  try {
    site.visitor.address = `198.51.100.${runs}`;
    const origin = `http://${name}:${site.port}`;
    await journey(origin, site, hasNavigation);
    for (const [rows, metrics, dimension] of [
      [PAGES, ['pageviews'], 'event:page'], [ACTIONS, ['events'], 'event:name'], [[['day', 1]], ['events'], 'event:props:plan'],
      [TOTALS, ['visitors', 'visits', 'pageviews'], undefined],
    ]) {
      const expected = times(rows, runs);
      assert.deepEqual(await program.settled(expected, name, metrics, dimension), expected);
    }
    const sent = site.events.filter(({ n }) => n === 'pageview').map(({ u, r }) => [u.replace(origin, ''), r?.replace(origin, '')]);
    assert.deepEqual(sent, VIEWS);
    assert.ok(site.events.every(({ d }) => d === name));
  } finally {
    await site.stop();
  }
}

const guide = readFileSync(new URL('../../docs/install/frameworks.md', import.meta.url), 'utf8');
const SHOWN = /^`(examples\/[^`]+)`[^\n]*\n\n```\w+\n([^]*?)^```$/gm;

test('the guide shows the code of each example, as it is built', () => {
  const shown = [...guide.matchAll(SHOWN)].map(([, file, code]) => [file, code]);
  for (const [file, code] of shown) assert.ok(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').includes(code), file);
  for (const name of Object.keys(APPLICATIONS)) assert.ok(shown.some(([file]) => file.startsWith(`examples/${name}/`)), name);
});

for (const example of chosen) {
  const { build, start, develop } = APPLICATIONS[example];
  test(`${example}: each page and action is counted once, by links, back, forward and reload`, async (t) => {
    const folder = beside(`examples/${example}/`);
    const installed = await seconds(() => install(folder));
    const [built, ...given] = local(folder, build);
    const compiled = await seconds(() => run(built, given, { cwd: folder, env: { ...quiet, NODE_ENV: 'production' } }));
    const clicked = await seconds(async () => {
      await counted(example, start, 1, true);
      await counted(example, start, 2, false);
    });
    const developed = develop ? await seconds(() => counted(example, develop, 3, true)) : 0;
    t.diagnostic(`${example}: installed in ${installed} s, built in ${compiled} s, clicked through in ${clicked} s, in development in ${developed} s`);
  });
}

if (chosen.includes('next')) {
  test('next-plausible: its provider, proxy and hook, in a built site with the Next of the example', async () => {
    const folder = beside('target/next-plausible/');
    const variables = { COLLECTOR: program.collect.origin };
    rmSync(folder, { recursive: true, force: true });
    await install(beside('tests/examples/next-plausible/'));
    cpSync(beside('tests/examples/next-plausible/'), folder, { recursive: true, filter: (path) => !path.endsWith('node_modules') });
    await run('cp', ['-al', beside('examples/next/node_modules'), folder]);
    cpSync(beside('tests/examples/next-plausible/node_modules/next-plausible'), `${folder}node_modules/next-plausible`, { recursive: true });
    await run(`${folder}node_modules/.bin/next`, ['build'], { cwd: folder, env: { ...quiet, NODE_ENV: 'production', ...variables } });
    const site = await serve(folder, local(folder, APPLICATIONS.next.start), undefined, variables);
    const context = await browser.newContext();
    try {
      const tab = await context.newPage();
      await tab.goto(`http://next-plausible.example:${site.port}/`);
      await site.until('pageview', 1);
      for (const button of await tab.getByRole('button').all()) await button.click();
      await tab.getByRole('link', { name: 'Second' }).click();
      await site.until('pageview', 2);
      await tab.goBack();
      await site.until('pageview', 3);
      await tab.goto('about:blank');
    } finally {
      await context.close();
      await site.stop();
    }
    for (const [expected, metrics, dimension] of [
      [[['/', 2], ['/second', 1]], ['pageviews'], 'event:page'], [[['customEventName', 2]], ['events'], 'event:name'],
      [[['foo', 1]], ['events'], 'event:props:buttonId'], [[[1, 1, 3]], ['visitors', 'visits', 'pageviews'], undefined],
    ]) assert.deepEqual(await program.settled(expected, 'next-plausible.example', metrics, dimension), expected);
  });
}
