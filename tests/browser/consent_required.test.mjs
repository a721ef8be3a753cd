// `data-consent="required"`: nothing is sent before the visitor's platform gives consent, and nothing after it refuses.
// The recipes are those of docs/consent.md, word by word, in the form that delays all measurement.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch, only, page, settled, visit as visitWith, withVisibility } from './help.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const root = new URL('../../', import.meta.url);
const modules = new URL('node_modules/', root);
const visit = (pages, body, files) => visitWith(browser, pages, body, files);
const required = (more = '') => page({ attributes: `data-site="shop.example" data-consent="required" id="sillage" ${more}` });
const told = (events, site) => events.map(({ n, u, c }) => [n, u.replace(site.origin, ''), c]);
/** Events posted so far, also those that a closing page still sends. */
const silence = async (tab, site) => {
  await tab.goto('about:blank');
  assert.ok(!site.requests.some(({ path }) => path === '/api/event'), JSON.stringify(site.events));
};

test('nothing is sent before the answer, whatever the visitor does, nor when the page is left', () => visit({ '/': required() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => {
    history.pushState({}, '', '/b');
    return new Promise((callback) => window.sillage('Signup', { callback }));
  });
  await tab.mouse.move(10, 10);
  await silence(tab, site);
}));

test('with the answer the page that is shown counts, and nothing from before', () => visit({ '/': required() }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await tab.evaluate(() => {
    window.sillage('Before');
    history.pushState({}, '', '/b');
    window.sillage('consent', true);
  });
  await site.until((events) => events.length === 1);
  assert.deepEqual(told(await settled(tab, site), site), [['pageview', '/b', 1]]);
}));

for (const [how, set] of [
  ['the attribute', (given) => { document.getElementById('sillage').dataset.consent = given ? 'granted' : 'denied'; }],
  ['the function', (given) => window.sillage.consent(given)],
]) {
  test(`withdrawal by ${how} acts at once, and what was read before it is thrown away`, () => visit({ '/': required() }, async ({ site, context, tab }) => {
    await withVisibility(context);
    await context.clock.install({ time: 0 });
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(set, true);
    await site.until((events) => events.length === 1);
    await context.clock.runFor(5000);
    await tab.evaluate(set, false);
    await tab.evaluate(() => {
      window.sillage('After');
      window.turn(true);
      window.turn(false);
      history.pushState({}, '', '/c');
    });
    await tab.evaluate(set, true);
    const events = await settled(tab, site);
    assert.deepEqual(told(events, site), [['pageview', '/', 1]]);
    await tab.evaluate(() => history.pushState({}, '', '/d'));
    assert.deepEqual(told(await settled(tab, site), site).at(-1), ['pageview', '/d', 1]);
  }));
}

test('an answer that came before the script is heard, and a later no still holds', () => {
  const early = `<script>window.sillage = window.sillage || function () { (sillage.q = sillage.q || []).push(arguments); };
    sillage('Too early'); sillage('consent', true); sillage('Early');</script>`;
  const html = required().replace('<script defer', `${early}<script defer`);
  return visit({ '/': html }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await site.until((events) => events.length === 2);
    assert.deepEqual(told(site.events, site).sort(), [['Early', '/', 1], ['pageview', '/', 1]]);
    await tab.evaluate(() => {
      window.sillage('consent', false);
      window.sillage('After');
      window.sillage('consent', true);
    });
    assert.deepEqual(only(await settled(tab, site), 'After'), []);
  });
});

test('the smallest script, which knows no consent, measures nothing where it is required', () => {
  const html = required().replace('/js/sillage.js', '/js/sillage.core.js');
  return visit({ '/': html }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => window.sillage('Signup'));
    await silence(tab, site);
  });
});

test('the whole script waits like the others', () => {
  const html = required().replace('/js/sillage.js', '/js/sillage.full.js').replace('<h1>Page</h1>', '<a href="/list.pdf">x</a>');
  return visit({ '/': html }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    const click = () => tab.evaluate(() => {
      addEventListener('click', (event) => event.preventDefault());
      document.querySelector('a').click();
    });
    await click();
    await tab.evaluate(() => window.sillage.consent(true));
    await site.until((events) => events.length === 1);
    await click();
    assert.deepEqual(told(await settled(tab, site), site), [['pageview', '/', 1], ['Download', '/', 1]]);
  });
});

// Consent platforms.

const text = readFileSync(new URL('docs/consent.md', root), 'utf8');
/** A page with a recipe in the form that delays all measurement. */
function recipe(heading, head = '', body = '') {
  const [, code] = new RegExp(`^## ${heading}$[^]*?^\`\`\`html\n([^]*?)^\`\`\`$`, 'm').exec(text);
  const waiting = code.replace('data-consent="pending"', 'data-consent="required"').replace(/^.*sillage\.consent\.js.*\n/m, '');
  assert.ok(waiting.includes('data-consent="required"') && !waiting.includes('sillage.consent.js'));
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">
${head}${waiting}</head><body><h1>Page</h1>${body}</body></html>`;
}

/** Klaro as published: fetched by npm at a pinned version and checked, since its build tools are its dependencies. */
function klaro() {
  const folder = new URL('target/klaro/', root);
  const file = new URL('package/dist/klaro.js', folder);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', '--json', 'klaro@0.7.22'], { cwd: fileURLToPath(folder), stdio: ['ignore', 'pipe', 'ignore'] }));
    execFileSync('tar', ['xzf', filename], { cwd: fileURLToPath(folder) });
  }
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  assert.equal(sha256, KLARO_SHA256, 'the file that was tried');
  return new URL('package/', folder);
}
const KLARO_SHA256 = 'e388fb66bcf9c945eb03df3225c9b5ef9373b9873086ce84112ea93a4fb0d733';

const AXEPTIO = `<script>window.loaded = () => {
  const listeners = [];
  const sdk = { on: (name, listener) => name === 'cookies:complete' && listeners.push(listener) };
  window._axcb.forEach((ready) => ready(sdk));
  window.decide = (given) => listeners.forEach((listener) => listener({ $$completed: true, sillage: given }));
};</script>`;
const DIDOMI = `<script>window.loaded = () => {
  let enabled;
  window.Didomi = {
    getCurrentUserStatus: () => ({ vendors: { 'c:sillage-XXXXXXXX': { id: 'c:sillage-XXXXXXXX', enabled: Boolean(enabled) } } }),
    shouldUserStatusBeCollected: () => enabled === undefined,
  };
  window.decide = (given) => {
    enabled = given;
    for (const { event, listener } of window.didomiEventListeners) if (event === 'consent.changed') listener({});
  };
  for (const ready of window.didomiOnReady) ready(window.Didomi);
};</script>`;
const COOKIEYES = `<script>window.loaded = () => {
  const detail = (analytics, isUserActionCompleted) => ({ activeLaw: 'GDPR', categories: { necessary: true, analytics }, isUserActionCompleted });
  document.dispatchEvent(new CustomEvent('cookieyes_banner_load', { detail: detail(false, false) }));
  window.decide = (given) => document.dispatchEvent(new CustomEvent('cookieyes_consent_update',
    { detail: { accepted: given ? ['necessary', 'analytics'] : ['necessary'], rejected: given ? [] : ['analytics'] } }));
};</script>`;
const COMPLIANZ = `<script>window.loaded = () => {
  let status = '';
  let allowed = false;
  window.cmplz_get_cookie = (name) => (name === 'banner-status' ? status : '');
  window.cmplz_has_consent = (category) => category === 'statistics' && allowed;
  document.dispatchEvent(new CustomEvent('cmplz_cookie_warning_loaded', { detail: 'eu' }));
  window.decide = (given) => {
    [status, allowed] = ['dismissed', given];
    for (const category of ['functional', 'statistics']) {
      document.dispatchEvent(new CustomEvent('cmplz_status_change', { detail: { category, value: given ? 'allow' : 'deny', categories: [] } }));
    }
  };
};</script>`;
const TARTEAUCITRON = `<script>window.loaded = async () => {
  // Its panel is built once its language file and its style have come.
  while (!document.getElementById('tarteaucitronClosePanel')) await new Promise((resolve) => setTimeout(resolve, 20));
  window.decide = (given) => {
    tarteaucitron.userInterface.openPanel();
    return new Promise((resolve) => {
      const press = () => {
        document.getElementById(given ? 'sillageAllowed' : 'sillageDenied').click();
        if (document.getElementById('sillage').dataset.consent === (given ? 'granted' : 'denied')) resolve();
        else setTimeout(press, 20);
      };
      press();
    });
  };
};</script>`;
const OREJIME = '<script>window.loaded = () => { window.decide = (given) => orejime.manager.setConsent("sillage", given); };</script>';
const KLARO = `<script>window.loaded = () => {
  const manager = klaro.getManager(klaroConfig);
  window.decide = (given) => { manager.updateConsent('sillage', given); manager.saveAndApplyConsents(); };
};</script>`;

for (const [heading, head, files] of [
  ['Axeptio', AXEPTIO], ['Didomi', DIDOMI], ['CookieYes', COOKIEYES], ['Complianz', COMPLIANZ],
  ['tarteaucitron', TARTEAUCITRON, () => ({ path: '/tarteaucitron/', folder: new URL('tarteaucitronjs/', modules) })],
  ['Orejime', OREJIME, () => ({ path: '/orejime/', folder: new URL('orejime/', modules) })],
  ['Klaro', KLARO, () => ({ path: '/klaro/', folder: klaro() })],
]) {
  test(`${heading}: silent until yes, silent again after no`, () => visit({ '/': recipe(heading, head) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => window.loaded());
    await tab.evaluate(() => window.sillage('Before'));
    assert.deepEqual(site.events, [], 'while it asks');
    await tab.evaluate(() => window.decide(true));
    await site.until((events) => events.length === 1);
    assert.deepEqual(told(site.events, site), [['pageview', '/', 1]]);
    await tab.evaluate(() => window.decide(false));
    await tab.evaluate(() => window.sillage('After'));
    await tab.evaluate(() => window.decide(true));
    assert.deepEqual(told(await settled(tab, site), site), [['pageview', '/', 1]]);
  }, files?.()));

  test(`${heading}: a no is silence`, () => visit({ '/': recipe(heading, head) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.evaluate(() => window.loaded());
    await tab.evaluate(() => window.decide(false));
    await tab.evaluate(() => history.pushState({}, '', '/b'));
    await silence(tab, site);
  }, files?.()));
}

test('TCF: purposes 8 and 9 are the audience measurement', () => {
  const TCF = `<script>window.__tcfapi = (command, version, listener) => {
    window.decide = (ids) => listener({ eventStatus: 'useractioncomplete', purpose: { consents: Object.fromEntries(ids.map((id) => [id, true])) } }, true);
  };</script><script defer src="/js/sillage.consent.js"></script>`;
  return visit({ '/': required().replace('<script defer', `${TCF}<script defer`) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    for (const ids of [[], [7, 8], [9]]) await tab.evaluate((given) => window.decide(given), ids);
    assert.deepEqual(site.events, []);
    await tab.evaluate(() => window.decide([8, 9]));
    assert.deepEqual(told(await settled(tab, site), site), [['pageview', '/', 1]]);
  });
});
