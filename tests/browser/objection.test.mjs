// Objections: by a switch on the page, by a function, by the browser's own signal. Each must lead to silence.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { launch, only, page, settled, violations, visit as visitWith, withVisibility } from './help.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const visit = (pages, body) => visitWith(browser, pages, body);
const stored = (tab) => tab.evaluate(() => ({ ...localStorage }));
const optedOut = (tab) => tab.evaluate(() => window.sillage.isOptedOut());

/** All events that arrived despite the objection: the visitor opts in again, and a mark follows. */
async function heard(tab, site) {
  await tab.evaluate(() => window.sillage.optIn());
  return (await settled(tab, site)).map((event) => event.n);
}

test('opting out stops everything at once, what was measured before it too', () => visit({ '/': page() }, async ({ site, context, tab }) => {
  await withVisibility(context);
  await context.clock.install({ time: 0 });
  await tab.goto(`${site.origin}/`);
  await site.until((events) => events.length === 1);
  await context.clock.runFor(5000);
  await tab.evaluate(() => window.sillage.optOut());
  assert.deepEqual(await stored(tab), { sillage_opt_out: '1' });
  assert.equal(await optedOut(tab), true);
  await tab.evaluate(() => {
    window.turn(true);
    window.turn(false);
    history.pushState({}, '', '/b');
    return new Promise((callback) => window.sillage('Signup', { callback }));
  });
  await context.clock.runFor(5000);
  assert.deepEqual(await heard(tab, site), ['pageview']);
  assert.deepEqual(await stored(tab), {});
  assert.equal(await optedOut(tab), false);
}));

test('a visitor who opted out is not measured on the next page, and opting in does not report it', () => visit({ '/': page(), '/b': page() }, async ({ site, context, tab }) => {
  await withVisibility(context);
  await context.clock.install({ time: 0 });
  await tab.goto(`${site.origin}/`);
  await site.until((events) => events.length === 1);
  await tab.evaluate(() => window.sillage.optOut());
  await tab.goto(`${site.origin}/b`);
  assert.equal(await optedOut(tab), true);
  await context.clock.runFor(5000);
  await tab.evaluate(() => window.sillage.optIn());
  await context.clock.runFor(5000);
  await tab.evaluate(() => {
    window.turn(true);
    window.turn(false);
    history.pushState({}, '', '/c');
  });
  const events = await settled(tab, site);
  assert.deepEqual(events.map(({ n, u }) => [n, u.replace(site.origin, '')]), [['pageview', '/'], ['pageview', '/c']]);
}));

test('of a page that was objected to, nothing is told after opting in', () => visit({ '/': page() }, async ({ site, context, tab }) => {
  await withVisibility(context);
  await context.clock.install({ time: 0 });
  await tab.goto(`${site.origin}/`);
  await site.until((events) => events.length === 1);
  const turnAndRead = async () => {
    await tab.evaluate(() => window.sillage.optIn());
    await context.clock.runFor(5000);
    await tab.evaluate(() => {
      window.turn(true);
      window.turn(false);
    });
    return only(await settled(tab, site), 'engagement');
  };
  await context.clock.runFor(5000);
  await tab.evaluate(() => window.sillage.optOut());
  await context.clock.runFor(5000);
  assert.deepEqual(await turnAndRead(), []);
  await tab.evaluate(() => {
    window.sillage.optOut();
    history.pushState({}, '', '/b');
  });
  assert.deepEqual(await turnAndRead(), []);
}));

const switches = `<main><h1>Privacy</h1>
  <p><button data-sillage-opt-out>Do not count my visits</button></p>
  <p><span data-sillage-opt-out>Do not count my visits</span></p>
  <p><a href="/elsewhere" data-sillage-opt-out>Do not count my visits</a></p>
  <p><label><input type="checkbox" data-sillage-opt-out> Do not count my visits</label></p>
  <form action="/elsewhere"><button data-sillage-opt-out>Do not count my visits</button></form></main>`;

/** Role, name and state of every switch for assistive technology. */
const told = async (tab) => {
  const seen = await tab.locator('[data-sillage-opt-out]').evaluateAll((all) => all.map((element) => [
    element.getAttribute('role'), element.getAttribute('aria-checked'), element.dataset.sillageState,
    element.type === 'checkbox' ? String(element.checked) : element.getAttribute('aria-checked'), element.tabIndex,
  ].join(' ')));
  return [...new Set(seen)];
};
const measured = ['switch false measured false 0'];
const out = ['switch true opted-out true 0'];

test('every element with the attribute is the same switch, by pointer and by key', () => visit({ '/': page({ body: switches }) }, async ({ site, tab }) => {
  await tab.goto(`${site.origin}/`);
  await site.until((events) => events.length === 1);
  assert.deepEqual(await told(tab), measured);
  assert.deepEqual(await violations(tab), []);
  const all = await tab.locator('[data-sillage-opt-out]').all();
  assert.equal(all.length, 5);
  for (const [index, element] of all.entries()) {
    const turns = [() => element.click(), () => element.press(' ')];
    // Enter does not toggle a check box.
    turns.push(() => element.press(index === 3 ? ' ' : 'Enter'), () => element.click());
    let expected = measured;
    for (const turn of turns) {
      await turn();
      expected = expected === out ? measured : out;
      assert.deepEqual(await told(tab), expected, `element ${index}`);
      assert.deepEqual(await stored(tab), expected === out ? { sillage_opt_out: '1' } : {});
    }
  }
  assert.equal(new URL(tab.url()).pathname, '/');
  await all[0].click();
  assert.deepEqual(await violations(tab), []);
}));

test('a choice made in another tab holds in this one', () => visit({ '/': page({ body: switches }) }, async ({ site, context, tab }) => {
  await tab.goto(`${site.origin}/`);
  const other = await context.newPage();
  await other.goto(`${site.origin}/`);
  await other.locator('button').first().click();
  await tab.waitForFunction(() => document.querySelector('button').dataset.sillageState === 'opted-out');
  assert.deepEqual(await told(tab), out);
  await tab.evaluate(() => window.sillage('Signup'));
  assert.deepEqual(await heard(tab, site), ['pageview', 'pageview']);
  await other.waitForFunction(() => document.querySelector('button').dataset.sillageState === 'measured');
}));

for (const [how, deny] of [
  ['denied', () => Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })],
  ['absent', () => Object.defineProperty(window, 'localStorage', { value: null })],
  ['full', () => { Storage.prototype.setItem = () => { throw new DOMException('no', 'QuotaExceededError'); };
    Object.defineProperty(window, 'localStorage', { value: new Proxy({}, { set() { throw new DOMException('no', 'QuotaExceededError'); } }) }); }],
]) {
  test(`where storage is ${how} the choice lasts as long as the page`, () => visit({ '/': page({ body: switches }) }, async ({ site, tab }) => {
    await tab.addInitScript(deny);
    await tab.goto(`${site.origin}/`);
    await site.until((events) => events.length === 1);
    await tab.locator('button').first().click();
    assert.deepEqual(await told(tab), out);
    await tab.evaluate(() => window.sillage('Signup'));
    assert.deepEqual(await heard(tab, site), ['pageview']);
    assert.deepEqual(await told(tab), measured);
  }));
}

for (const [name, value, title] of [
  ['globalPrivacyControl', true, 'Global Privacy Control'], ['doNotTrack', '1', 'Do Not Track'],
]) {
  test(`${name}: nothing is sent, and the switch is on, cannot be turned and says why`, () => visit({ '/': page({ body: switches }) }, async ({ site, tab }) => {
    await tab.addInitScript(([key, given]) => Object.defineProperty(navigator, key, { value: given }), [name, value]);
    await tab.addInitScript(() => { if (location.protocol === 'http:') localStorage.setItem('sillage_opt_out', '1'); });
    await tab.goto(`${site.origin}/`);
    const signal = ['switch true signal true 0'];
    assert.deepEqual(await told(tab), signal);
    for (const element of await tab.locator('[data-sillage-opt-out]').all()) {
      assert.equal(await element.getAttribute('aria-disabled'), 'true');
      assert.equal(await element.getAttribute('title'), title);
      await element.dispatchEvent('click');
      await element.press('Enter');
      await element.press(' ');
    }
    assert.deepEqual(await stored(tab), { sillage_opt_out: '1' }, 'an earlier choice stays');
    await tab.evaluate(() => {
      window.sillage.optIn();
      return new Promise((callback) => window.sillage('Signup', { callback }));
    });
    assert.deepEqual(await told(tab), signal);
    assert.equal(await optedOut(tab), true);
    assert.deepEqual(await stored(tab), {});
    assert.deepEqual(await violations(tab), []);
    await tab.goto('about:blank');
    assert.deepEqual(site.events, []);
    assert.ok(!site.requests.some((request) => request.path === '/api/event'));
  }));
}

test('the switch is there before the page is shown, and calls before it wait', () => visit({ '/': page({ body: switches }) }, async ({ site, context, tab }) => {
  await withVisibility(context, true);
  await tab.goto(`${site.origin}/`);
  assert.deepEqual(await told(tab), measured);
  await tab.evaluate(() => {
    window.sillage('Early');
    window.sillage.optOut();
    window.turn(false);
  });
  assert.deepEqual(await told(tab), out);
  assert.deepEqual(only(site.events, 'Early'), []);
  assert.deepEqual(await heard(tab, site), []);
}));
