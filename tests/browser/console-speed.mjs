// Time from a click in the console to its figures, over the demonstration's year: `make console-speed`. Prints the
// median, the 95th percentile and the longest of 80 clicks on ranges, metrics, tabs and pages.
import { launch, userAgent } from './help.mjs';
import { demonstration } from './program.mjs';

const CLICKS = 80;
const DAYS = 366;

const [browser, program] = await Promise.all([launch(), demonstration(DAYS)]);
try {
  const begun = performance.now();
  await program.filled(1);
  console.log(`opening days there after ${Math.round(performance.now() - begun)} ms`);
  await program.filled();
  console.log(`${DAYS} days there after ${Math.round(performance.now() - begun)} ms`);
  const context = await browser.newContext({ userAgent, viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  const tab = await context.newPage();
  await tab.goto(program.console.href);
  await tab.waitForFunction(() => document.body.dataset.round && !document.body.classList.contains('waiting'));
  const times = await tab.evaluate(async (clicks) => {
    const click = (button) => new Promise((resolve) => {
      const round = document.body.dataset.round;
      const begun = performance.now();
      const watch = new MutationObserver(() => {
        if (document.body.dataset.round === round) return;
        watch.disconnect();
        requestAnimationFrame(() => resolve(performance.now() - begun));
      });
      watch.observe(document.body, { attributes: true, attributeFilter: ['data-round'] });
      button.click();
    });
    const found = [];
    for (let at = 0; at < clicks; at++) {
      const turn = at % 4;
      const buttons = document.querySelectorAll(['#ranges button[aria-pressed="false"]:not([value="today"])', '#figures button[aria-pressed="false"]', '#panels .tab[aria-pressed="false"]', '#filters .plain, #panel-pages .pick'][turn]);
      if (buttons.length) found.push(await click(buttons[at % buttons.length]));
    }
    return found.sort((a, b) => a - b);
  }, CLICKS);
  const at = (share) => Math.round(times[Math.min(times.length - 1, Math.floor(share * times.length))]);
  const answered = await tab.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/api/view')).map(({ duration }) => duration).sort((a, b) => a - b));
  console.log(`requests ${answered.length}  p50 ${Math.round(answered[Math.floor(0.5 * answered.length)])} ms  p95 ${Math.round(answered[Math.floor(0.95 * answered.length)])} ms`);
  console.log(`clicks ${times.length}  p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  longest ${at(1)} ms`);
} finally {
  await browser.close();
  await program.stop();
}
