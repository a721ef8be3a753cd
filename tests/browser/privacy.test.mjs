// The pages for visitors and the notices for publishers, as the real program writes them: valid, accessible, laid out
// on wide and narrow screens by day and by night, bilingual, without external resources; and the switch, by keyboard.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FileSystemConfigLoader, HtmlValidate } from 'html-validate';
import { launch, serve, userAgent, violations } from './help.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = process.env.SILLAGE_BIN ?? join(root, 'target/debug/sillage');
const SITE = `
[[site]]
name = "port.example"
hosts = ["port.example", "127.0.0.1"]
timezone = "Europe/Paris"
query_names_kept = ["page"]
properties = ["format"]
`;
const PROFILES = {
  default: `
[privacy]
controller = { name = "Librairie du Port", contact = "vie-privee@port.example" }
last_review = ${new Date().toISOString().slice(0, 10)}
[geo]
databases = ["${root}node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"]
${SITE}`,
  'outside the exemption': `[privacy]\nprotection = "exact"\nmarketing = "always"\nhonour_dnt = false\n${SITE}`,
};

const PRIVACY = {
  fr: ['Mesure d’audience et vie privée', 'Responsable du traitement', 'Finalités', 'Données lues en mémoire',
    'Données conservées : des compteurs', 'Durée, précision et lieu de conservation', 'Comment s’opposer', 'Vos droits',
    'Version lisible par machine'],
  en: ['Audience measurement and privacy', 'Controller', 'Purposes', 'Data read in memory', 'Data kept: counters',
    'Retention, precision and storage', 'How to object', 'Your rights', 'Machine-readable version'],
};
const OPT_OUT = {
  fr: ['S’opposer à la mesure d’audience', 'Autres moyens', 'Votre choix et sa durée'],
  en: ['Opt out of the audience measurement', 'Other ways', 'Your choice, and how long it lasts'],
};
const NOTICE = {
  fr: ['Mesure d’audience : notices', '1. Pour la politique de confidentialité du site',
    '2. Fiche du registre des traitements (RGPD, article 30)', '3. Auto-évaluation'],
  en: ['Audience measurement: notices', '1. For the site’s privacy policy',
    '2. Entry for the register of processing (GDPR, article 30)', '3. Self-assessment'],
};

const folder = mkdtempSync(join(tmpdir(), 'sillage-privacy-'));
const memory = mkdtempSync('/dev/shm/sillage-privacy-');
const validator = new HtmlValidate(new FileSystemConfigLoader());
let browser;
let running;
let collector;

before(async () => {
  browser = await launch();
  const file = join(folder, 'sillage.toml');
  writeFileSync(file, PROFILES.default);
  running = spawn(program, ['serve', '--config', file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env, SILLAGE_COLLECT__LISTEN: '127.0.0.1:0', SILLAGE_CONSOLE__LISTEN: '127.0.0.1:0',
      SILLAGE_CLICKHOUSE__DIR: join(folder, 'clickhouse'), SILLAGE_SPOOL__DIR: join(folder, 'spool'), SILLAGE_RUNTIME__DIR: memory,
      SILLAGE_LOG: 'error',
    },
  });
  for await (const line of createInterface({ input: running.stdout })) {
    const [, address] = /^collect +(http:\S+)/.exec(line) ?? [];
    if (address) { collector = new URL(address); break; }
  }
  assert.ok(collector, 'the program says where it listens');
}, { timeout: 60_000 });

after(async () => {
  await browser.close();
  if (running.exitCode === null && running.signalCode === null) {
    running.kill('SIGTERM');
    await once(running, 'exit');
  }
  for (const path of [folder, memory]) rmSync(path, { recursive: true, force: true });
});

const headings = (tab, levels) => tab.locator(levels).evaluateAll((all) => all.map((one) => one.innerText.replace(/[\u00a0\u202f]/g, ' ')));

/** Opens a page and asserts that it requests nothing from another host and violates no policy. */
async function look(url, options, body) {
  const context = await browser.newContext({ userAgent, ...options });
  const tab = await context.newPage();
  const requests = [];
  const complaints = [];
  tab.on('request', (request) => requests.push(request));
  tab.on('pageerror', (error) => complaints.push(error.message));
  tab.on('console', (message) => { if (/Content Security Policy|error/i.test(message.text())) complaints.push(message.text()); });
  try {
    await tab.goto(url);
    await body(tab, { context, requests });
    assert.deepEqual(complaints, []);
    const outside = requests.map((request) => new URL(request.url())).filter(({ protocol, host }) => protocol !== 'data:' && host !== new URL(url).host);
    assert.deepEqual(outside.map(String), [], 'nothing from another host');
    assert.deepEqual(await context.cookies(), []);
  } finally {
    await context.close();
  }
}

/** A screenshot of the page: its background colour, and the amount of ink by position. */
async function picture(tab) {
  const image = (await tab.screenshot({ fullPage: true })).toString('base64');
  const easel = await tab.context().newPage();
  try {
    return await easel.evaluate(async (data) => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      canvas.drawImage(bitmap, 0, 0);
      const { data: pixels } = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
      const light = (at) => (pixels[at] + pixels[at + 1] + pixels[at + 2]) / 3;
      const ground = light(0);
      const step = 3;
      const marked = { all: 0, edge: 0 };
      for (let y = 0; y < bitmap.height; y += step) {
        for (let x = 0; x < bitmap.width; x += step) {
          if (Math.abs(light((y * bitmap.width + x) * 4) - ground) < 60) continue;
          marked.all += 1;
          if (x < 9 || x >= bitmap.width - 9) marked.edge += 1;
        }
      }
      const ink = marked.all * step * step / (bitmap.width * bitmap.height);
      return { width: bitmap.width, ground, ink, edge: marked.edge };
    }, image);
  } finally {
    await easel.close();
  }
}

/** Elements that overlap, leave the window, or have no room. */
const misplaced = (tab) => tab.evaluate(() => {
  const blocks = [...document.querySelectorAll('main > *')].filter((block) => getComputedStyle(block).display !== 'none');
  const boxes = blocks.map((block) => ({ name: block.tagName, text: block.innerText.slice(0, 30), ...block.getBoundingClientRect().toJSON() }));
  return boxes.filter((box, at) => box.width < 100 || box.height < 10 || box.left < 0 || box.right > innerWidth
    || (at > 0 && box.top < boxes[at - 1].bottom)).map(({ name, text }) => `${name} ${text}`);
});

async function stands(tab, { width, colorScheme }) {
  assert.deepEqual(await violations(tab), []);
  assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'nothing to scroll sideways');
  assert.deepEqual(await misplaced(tab), []);
  const { ground, ink, edge, ...size } = await picture(tab);
  assert.equal(size.width, width);
  assert.ok(colorScheme === 'dark' ? ground < 60 : ground > 200, `the ground is ${colorScheme}: ${ground}`);
  assert.ok(ink > 0.01 && ink < 0.3, `as much is written as on a page of text: ${ink}`);
  assert.equal(edge, 0, 'nothing touches the edge');
}

async function valid(html, name) {
  const { results } = await validator.validateString(html, join(root, 'page.html'));
  assert.deepEqual(results.flatMap(({ messages }) => messages.map(({ ruleId, line, message }) => `${name}:${line} ${ruleId}: ${message}`)), []);
}

const SCREENS = [{ width: 1280, colorScheme: 'light' }, { width: 360, colorScheme: 'dark' }];
const screen = ({ width, colorScheme }) => ({ viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' });

for (const lang of ['fr', 'en']) {
  for (const [path, expected] of [['privacy', PRIVACY], ['opt-out', OPT_OUT]]) {
    test(`/${path} is whole, valid, accessible and fits every screen, ${lang}`, { timeout: 60_000 }, async () => {
      const url = new URL(`/${path}?lang=${lang}`, collector);
      await valid(await (await fetch(url)).text(), path);
      for (const given of SCREENS) {
        await look(url.href, screen(given), async (tab) => {
          assert.equal(await tab.locator('html').getAttribute('lang'), lang);
          assert.deepEqual(await headings(tab, 'h1, h2'), expected[lang]);
          await stands(tab, given);
        });
      }
    });
  }

  for (const [profile, text] of Object.entries(PROFILES)) {
    test(`the notices are whole, valid, accessible and fit every screen, ${lang}, ${profile}`, { timeout: 60_000 }, async () => {
      const file = join(folder, 'notice.toml');
      writeFileSync(file, text);
      const html = execFileSync(program, ['notice', '--lang', lang, '--format', 'html', '--config', file], { encoding: 'utf8' });
      await valid(html, 'notice');
      const shelf = await serve({ '/': html });
      try {
        for (const given of SCREENS) {
          await look(shelf.origin, screen(given), async (tab) => {
            assert.deepEqual(await headings(tab, 'h1, h2'), NOTICE[lang]);
            assert.equal(await tab.locator('dt', { hasText: /^R\d+ · / }).count(), 23);
            assert.equal(await tab.locator('.warning').count() > 0, profile !== 'default');
            await stands(tab, given);
          });
        }
      } finally {
        await shelf.close();
      }
    });
  }
}

test('the language follows the browser, and can be changed on the page', () =>
  look(new URL('/privacy', collector).href, { locale: 'fr-FR' }, async (tab) => {
    assert.equal(await tab.locator('h1').innerText(), PRIVACY.fr[0]);
    const current = tab.locator('nav [aria-current]');
    assert.equal(await current.innerText(), 'Français');
    await tab.getByRole('link', { name: 'English' }).click();
    assert.equal(await tab.locator('h1').innerText(), PRIVACY.en[0]);
    await tab.getByRole('link', { name: 'on a page of its own' }).click();
    assert.equal(await tab.locator('h1').innerText(), OPT_OUT.en[0]);
    await tab.getByRole('link', { name: 'audience measurement and privacy' }).click();
    assert.equal(await tab.locator('h1').innerText(), PRIVACY.en[0]);
  }));

const said = (tab) => tab.locator('.switch p:visible').allInnerTexts();
const flag = (tab) => tab.evaluate(() => localStorage.getItem('sillage_opt_out'));

test('the switch is turned by keyboard, says so, and stays', { timeout: 60_000 }, () =>
  look(new URL('/opt-out?lang=fr', collector).href, {}, async (tab, { requests }) => {
    const button = tab.getByRole('switch', { name: 'Ne pas compter mes visites' });
    await button.waitFor();
    assert.equal(await button.getAttribute('aria-checked'), 'false');
    assert.deepEqual(await said(tab), ['Vos visites sont comptées, anonymement.']);
    for (let press = 0; press < 5 && !(await button.evaluate((element) => element === document.activeElement)); press += 1) {
      await tab.keyboard.press('Tab');
    }
    assert.ok(await button.evaluate((element) => element === document.activeElement), 'the keyboard comes to the switch');
    assert.notEqual(await button.evaluate((element) => getComputedStyle(element).outlineStyle), 'none', 'and one sees it');
    await tab.keyboard.press('Space');
    assert.equal(await button.getAttribute('aria-checked'), 'true');
    assert.equal(await flag(tab), '1');
    assert.deepEqual(await said(tab), ['Vos visites ne sont pas comptées.']);
    assert.deepEqual(await violations(tab), []);
    await tab.reload();
    await button.waitFor();
    assert.equal(await button.getAttribute('aria-checked'), 'true');
    await button.focus();
    await tab.keyboard.press('Enter');
    assert.equal(await button.getAttribute('aria-checked'), 'false');
    assert.equal(await flag(tab), null);
    assert.deepEqual(requests.filter((request) => request.url().includes('/api/event')), [], 'this page is not counted');
  }));

test('a browser that objects by itself finds the switch on, and is told why', () =>
  look(new URL('/opt-out?lang=en', collector).href, {}, async (tab, { context }) => {
    await context.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }));
    await tab.reload();
    const button = tab.getByRole('switch');
    await button.waitFor();
    assert.equal(await button.getAttribute('aria-checked'), 'true');
    assert.deepEqual(await said(tab), ['Your browser already objects, by a signal that it sends to every site: the script sends nothing.']);
    assert.deepEqual(await violations(tab), []);
  }));

for (const [how, options, prepare] of [
  ['without script', { javaScriptEnabled: false }, () => {}],
  ['where the script is blocked', {}, (context) => context.route('**/sillage.js', (route) => route.fulfill({ status: 200, body: '' }))],
]) {
  test(`${how} there is no dead switch but the other ways`, () =>
    look(new URL('/opt-out?lang=en', collector).href, options, async (tab, { context }) => {
      await prepare(context);
      await tab.reload();
      assert.equal(await tab.locator('.switch button').isVisible(), false);
      const [words, ...more] = await said(tab);
      assert.match(words, /^The switch needs the measuring script/);
      assert.deepEqual(more, []);
      assert.match(await tab.locator('main').innerText(), /Sec-GPC: 1/);
    }));
}
