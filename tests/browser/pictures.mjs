// The pictures of README.md, from the demonstration: `make pictures`.
import { fileURLToPath } from 'node:url';
import { launch, userAgent } from './help.mjs';
import { demonstration } from './program.mjs';

const DAYS = 120;
const PICTURES = [
  ['overview', '', { width: 1280, height: 980 }],
  ['one-page-dark', 'filter=is~event:page~/demo/books/tidewater&theme=dark&metric=pageviews', { width: 1280, height: 980 }],
  ['phone-french', 'lang=fr', { width: 390, height: 844 }],
];

const [browser, program] = await Promise.all([launch(), demonstration(DAYS)]);
try {
  await program.filled();
  for (const [name, hash, viewport] of PICTURES) {
    const context = await browser.newContext({ userAgent, viewport, reducedMotion: 'reduce', locale: 'en-GB' });
    const tab = await context.newPage();
    await tab.goto(program.console.href);
    await tab.goto(new URL(`/#${hash}`, program.console).href);
    await tab.reload();
    await tab.waitForFunction(() => document.body.dataset.round && !document.body.classList.contains('waiting'));
    await tab.locator('#chart canvas').waitFor();
    await tab.screenshot({ path: fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url)) });
    await context.close();
  }
} finally {
  await browser.close();
  await program.stop();
}
