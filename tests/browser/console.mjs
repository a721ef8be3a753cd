// A tab of the console over a running demonstration, for the console's tests.
import assert from 'node:assert/strict';
import { userAgent } from './help.mjs';

/** Resolves once the view has its figures. */
export const settled = (tab) => tab.waitForFunction(() => document.body.dataset.round && !document.body.classList.contains('waiting'));

/** Ways to open and use the console; `running` gives the browser and the demonstration once they run. */
export function over(running) {
  /** Opens the console signed in, at `hash`, and asserts that no error is thrown and no policy violated. */
  async function look(hash, body, options = {}) {
    const { browser, program } = running();
    const context = await browser.newContext({ userAgent, locale: 'en-GB', viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(60_000);
    const tab = await context.newPage();
    const errors = [];
    const asked = [];
    tab.on('pageerror', (error) => errors.push(error.message));
    tab.on('console', (message) => { if (/Content Security Policy/.test(message.text())) errors.push(message.text()); });
    tab.on('request', (request) => { if (request.url().endsWith('/api/view')) asked.push(request.postDataJSON().queries); });
    try {
      await tab.goto(program.console.href);
      await open(tab, hash);
      await body({ tab, context, asked });
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
    }
  }

  /** Opens a console URL and waits for its figures. */
  async function open(tab, hash) {
    await tab.goto(new URL(`/#${hash}`, running().program.console).href);
    await tab.reload();
    await settled(tab);
  }

  /** Performs an action that changes the view, and waits for its figures. */
  async function then(tab, act) {
    const round = await tab.locator('body').getAttribute('data-round');
    await act();
    await tab.waitForFunction((old) => document.body.dataset.round !== old && !document.body.classList.contains('waiting'), round);
  }

  return { look, open, then };
}
