// Reading time and depth of a page. The test sets the time: the browser's clocks stand still unless moved.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { launch, only, page, settled, visit as visitWith, withVisibility } from './help.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** A page of `height` pixels in a window of 800, on the test's clock. */
const visit = (height, body) => {
  const tall = `<style>body{margin:0}</style><div style="height:${height}px"></div>`;
  return visitWith(browser, { '/': page({ body: tall }), '/b': page() }, async (all) => {
    await withVisibility(all.context);
    await all.context.clock.install({ time: 0 });
    await all.context.clock.pauseAt(1000);
    await all.tab.goto(`${all.site.origin}/`);
    const pass = (milliseconds) => all.context.clock.runFor(milliseconds);
    const scroll = (y) => all.tab.evaluate((to) => new Promise((resolve) => {
      addEventListener('scroll', () => resolve(), { once: true });
      scrollTo(0, to);
    }), y);
    const turn = (hidden) => all.tab.evaluate((to) => window.turn(to), hidden);
    const reports = async () =>
      only(await settled(all.tab, all.site), 'engagement').map(({ u, e, sd }) => [u.replace(all.site.origin, ''), e, sd]);
    await body({ ...all, pass, scroll, turn, reports });
  });
};

test('time and depth are reported when the page is hidden', () => visit(8000, async ({ pass, scroll, turn, reports, site }) => {
  await pass(5000);
  await scroll(3200);
  await pass(2000);
  await turn(true);
  assert.deepEqual(await reports(), [['/', 7000, 50]]);
  assert.deepEqual(only(site.events, 'engagement'), [
    { n: 'engagement', u: `${site.origin}/`, e: 7000, sd: 50, d: 'shop.example', w: 1280, v: 1 },
  ]);
}));

test('a second report tells what was gained, and time in the background is none', () => visit(8000, async ({ pass, scroll, turn, reports }) => {
  await pass(5000);
  await turn(true);
  await pass(30_000);
  await turn(false);
  await pass(3000);
  await scroll(7200);
  await turn(true);
  assert.deepEqual(await reports(), [['/', 5000, 10], ['/', 3000, 100]]);
}));

test('a later report says what an earlier one of the same view told, however long ago', () => visit(8000, async ({ tab, site, pass, turn, scroll }) => {
  const told = async () => only(await settled(tab, site), 'engagement').map(({ u, e, sd, sb }) => [u.replace(site.origin, ''), e, sd, sb]);
  await pass(60_000);
  await turn(true);
  await pass(2_640_000);
  await turn(false);
  await pass(30_000);
  await scroll(4000);
  await turn(true);
  assert.deepEqual(await told(), [['/', 60_000, 10, undefined], ['/', 30_000, 60, 10]]);
  await turn(false);
  await tab.evaluate(() => history.pushState({}, '', '/second'));
  await pass(2000);
  await turn(true);
  assert.deepEqual((await told()).at(-1), ['/second', 2000, 60, undefined], 'another view begins anew');
}));

test('nothing new, no report', () => visit(8000, async ({ pass, turn, reports }) => {
  await pass(5000);
  await turn(true);
  await turn(false);
  await pass(999);
  await turn(true);
  assert.deepEqual(await reports(), [['/', 5000, 10]]);
  await turn(false);
  await pass(1);
  await turn(true);
  assert.deepEqual(await reports(), [['/', 5000, 10], ['/', 1000, 10]], 'what was too little is not lost');
}));

test('a reader who walks away is counted for a minute', () => visit(8000, async ({ pass, scroll, turn, reports }) => {
  await pass(3_600_000);
  await scroll(100);
  await pass(10_000);
  await turn(true);
  assert.deepEqual((await reports()).map(([, e]) => e), [70_000]);
}));

test('any sign of the reader keeps the time running', () => visit(8000, async ({ tab, pass, turn, reports }) => {
  await pass(50_000);
  await tab.mouse.move(10, 10);
  await pass(50_000);
  await tab.keyboard.press('Shift');
  await pass(50_000);
  await turn(true);
  assert.deepEqual((await reports()).map(([, e]) => e), [150_000]);
}));

// Apps whose content scrolls in an element of its own.
const APPS = {
  'a fixed shell': '<div id="box" style="position:fixed;inset:0;overflow:auto"><div style="height:8000px"></div></div>',
  'a column beside another': `<div style="display:flex;height:100vh"><nav style="width:200px">x</nav>
    <main id="box" style="flex:1;overflow-y:scroll"><div style="height:8000px"></div></main></div>`,
  'a shadow root': `<div id="host" style="display:block;height:100vh"></div><script>
    document.getElementById('host').attachShadow({ mode: 'open' }).innerHTML = '<div id="box" style="height:100vh;overflow:auto"><p style="height:8000px;margin:0"></p></div>';</script>`,
  'content put into a component': `<div id="host" style="display:block;height:100vh"><div style="height:8000px"></div></div><script>
    document.getElementById('host').attachShadow({ mode: 'open' }).innerHTML = '<div id="box" style="height:100vh;overflow:auto"><slot></slot></div>';</script>`,
};
for (const [name, body] of Object.entries(APPS)) {
  test(`depth is that of the content where it scrolls in ${name}`, () => visitWith(browser, { '/': page({ body: `<style>body{margin:0}</style>${body}` }) }, async ({ site, context, tab }) => {
    await withVisibility(context);
    await context.clock.install({ time: 0 });
    await context.clock.pauseAt(1000);
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await context.clock.runFor(2000);
    await tab.evaluate(() => window.turn(true));
    await tab.evaluate(() => {
      window.turn(false);
      const box = document.getElementById('box') ?? document.getElementById('host').shadowRoot.getElementById('box');
      box.scrollTop = 3200;
    });
    await context.clock.runFor(2000);
    await tab.evaluate(() => window.turn(true));
    const reports = only(await settled(tab, site), 'engagement').map(({ e, sd, sb }) => [e, sd, sb]);
    assert.deepEqual(reports, [[2000, 10, undefined], [2000, 50, 10]]);
  }));
}

test('a page shorter than the window is read whole', () => visit(100, async ({ pass, turn, reports }) => {
  await pass(2000);
  await turn(true);
  assert.deepEqual(await reports(), [['/', 2000, 100]]);
}));

test('depth is the deepest point, of the height that the page has grown to', () => visit(2000, async ({ tab, pass, scroll, turn, reports }) => {
  await pass(1000);
  await scroll(1200);
  await pass(1000);
  await scroll(0);
  await tab.evaluate(() => { document.querySelector('div').style.height = '4000px'; });
  await pass(1000);
  await turn(true);
  assert.deepEqual(await reports(), [['/', 3000, 50]]);
}));

test('moving on within the page reports the view that ends', () => visit(8000, async ({ tab, pass, scroll, turn, reports }) => {
  await pass(4000);
  await scroll(800);
  await tab.evaluate(() => history.pushState({}, '', '/second'));
  await pass(2000);
  await turn(true);
  assert.deepEqual(await reports(), [['/', 4000, 20], ['/second', 2000, 20]]);
}));

test('a view left before anything was measured tells its time and no depth', () => visit(8000, async ({ tab, pass, reports }) => {
  await pass(4000);
  await tab.evaluate(() => history.pushState({}, '', '/second'));
  assert.deepEqual(await reports(), [['/', 4000, undefined]]);
}));

test('leaving for another page reports the one that is left', () => visit(8000, async ({ tab, site, pass }) => {
  await pass(6000);
  await tab.goto(`${site.origin}/b`);
  await site.until((events) => only(events, 'engagement').length === 1);
  const [{ u, e, sd }] = only(site.events, 'engagement');
  assert.deepEqual([u, e, sd], [`${site.origin}/`, 6000, 10]);
}));
