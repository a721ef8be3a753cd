// Cost of the tracker on a long page: `npm run cost`. Chromium traces one reading of a page with and without the
// script: 20 000 paragraphs, scrolled in 200 steps with the pointer moving. Printed are medians: the main thread's
// milliseconds for style, for layout, in total and for the tracker alone, and the number of layouts.
import { launch, page, serve } from '../tests/browser/help.mjs';

const READINGS = 7;
const STEPS = 200;
const body = Array.from({ length: 20_000 }, (_, index) => `<p>Paragraph ${index} of a long page.</p>`).join('');
const html = page({ body });
const pages = { '/with': html, '/without': html.replace(/<script defer.*?<\/script>/, '') };
const KINDS = {
  style: /^(UpdateLayoutTree|RecalculateStyles)$/,
  layout: /^Layout$/,
  all: /^RunTask$/,
};

async function reading(browser, site, path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const tab = await context.newPage();
  const session = await context.newCDPSession(tab);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await session.send('Tracing.start', { categories: 'devtools.timeline,v8,disabled-by-default-devtools.timeline,toplevel', transferMode: 'ReportEvents' });
  await tab.goto(site.origin + path, { waitUntil: 'load' });
  await tab.evaluate(async (steps) => {
    for (let step = 0; step < steps; step += 1) {
      scrollTo(0, step * 400);
      window.dispatchEvent(new PointerEvent('pointermove', { clientX: step, clientY: step }));
      await new Promise((painted) => requestAnimationFrame(painted));
    }
  }, STEPS);
  const ended = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await ended;
  await context.close();
  const main = events.find(({ name, args }) => name === 'EvaluateScript' && args.data?.url) ?? events.find(({ name }) => name === 'ParseHTML');
  const own = events.filter(({ pid, tid, ph }) => pid === main.pid && tid === main.tid && ph === 'X');
  const spent = (kind) => own.filter(({ name }) => kind.test(name)).reduce((sum, { dur = 0 }) => sum + dur / 1000, 0);
  // Style and layout that a script forces count as style and layout, not as script.
  const within = (outer) => ({ ts, dur = 0 }) => ts >= outer.ts && ts + dur <= outer.ts + outer.dur;
  const outermost = (events) => events.filter((event) => !events.some((other) => other !== event && within(other)(event)));
  const engine = own.filter(({ name }) => KINDS.style.test(name) || KINDS.layout.test(name));
  const alone = (events) => outermost(events).reduce((sum, event) => sum + (event.dur - outermost(engine.filter(within(event))).reduce((part, { dur }) => part + dur, 0)) / 1000, 0);
  const ours = own.filter(({ name, args }) => /^(EvaluateScript|FunctionCall|v8\.compile)$/.test(name) && args.data?.url?.includes('/js/sillage'));
  return {
    ...Object.fromEntries(Object.entries(KINDS).map(([name, kind]) => [name, spent(kind)])),
    layouts: own.filter(({ name }) => KINDS.layout.test(name)).length,
    'the tracker alone': alone(ours),
  };
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const site = await serve(pages);
const browser = await launch();
const found = { '/without': [], '/with': [] };
try {
  for (let number = 0; number < READINGS; number += 1) {
    for (const path of Object.keys(found)) found[path].push(await reading(browser, site, path));
  }
} finally {
  await browser.close();
  await site.close();
}
console.log(`ms of the main thread, median of ${READINGS} readings of ${STEPS} steps`);
for (const name of [...Object.keys(KINDS), 'layouts', 'the tracker alone']) {
  const [without, with_] = Object.values(found).map((readings) => median(readings.map((one) => one[name])));
  console.log(`${name.padEnd(18)} without ${without.toFixed(1).padStart(8)}  with ${with_.toFixed(1).padStart(8)}  difference ${(with_ - without).toFixed(1).padStart(7)}`);
}
