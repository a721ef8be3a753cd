// The two extensions: what they tell, and above all what they do not.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { args, launch, only, page, settled, visit as visitWith, withVisibility } from './help.mjs';

let browser;
before(async () => { browser = await launch({ args: [...args, '--autoplay-policy=no-user-gesture-required'] }); });
after(() => browser.close());

const visit = (pages, body) => visitWith(browser, pages, body);
const withActions = (body, attributes = '') =>
  page({ head: `<script defer src="/js/sillage.actions.js" ${attributes}></script>`, body });
/** Name and properties of every action. */
const told = async (tab, site) => (await settled(tab, site)).filter(({ n }) => n !== 'pageview').map(({ n, p }) => [n, p]);
/** The same actions; those of one moment go over several connections, and come in any order. */
const assertTold = (actual, expected) => {
  const sorted = (actions) => actions.map((action) => JSON.stringify(action)).sort();
  assert.deepEqual(sorted(actual), sorted(expected));
};
/** Clicks that go nowhere. */
const STAY = '<script>addEventListener("click", (event) => event.preventDefault());</script>';

test('links: files by their ending or their attribute, other hosts by their name alone', () => {
  const links = [
    '/docs/Price%20list.PDF?customer=7', '/about', '/about.html', '#part', 'mailto:jane@mail.example', 'tel:+33612345678',
    'https://partner.example/offer?customer=7#jane', 'https://partner.example/terms.pdf', 'javascript:void 0',
  ];
  const body = `${STAY}<a href="/export" download id="export">x</a>${links.map((href) => `<p><a href="${href}">x</a>`).join('')}`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => document.querySelectorAll('a').forEach((link) => link.click()));
    assertTold(await told(tab, site), [
      ['Download', { file: '/export' }],
      ['Download', { file: '/docs/Price%20list.PDF' }],
      ['Outbound', { host: 'partner.example' }],
      ['Download', { file: '/terms.pdf' }],
    ]);
  });
});

test('a click with the middle button counts, one with the right does not, and the site may name its own endings', () => {
  const body = `${STAY}<a href="/model.step">x</a><a href="/list.pdf">x</a>`;
  return visit({ '/': withActions(body, 'data-downloads="step stl"') }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => {
      for (const link of document.querySelectorAll('a')) {
        for (const button of [1, 2]) link.dispatchEvent(new MouseEvent('auxclick', { bubbles: true, button }));
      }
    });
    assert.deepEqual(await told(tab, site), [['Download', { file: '/model.step' }]]);
  });
});

test('a form is told by its own name, never by a field, and nothing that was typed', () => {
  const field = '<input name="name" value="typed"><input name="id" value="typed"><button>Send</button>';
  const stay = '<script>addEventListener("submit", (event) => event.preventDefault());</script>';
  const body = `${stay}<form name="contact" id="x">${field}</form><form id="order">${field}</form><form>${field}</form>
    <form data-sillage-action="Feedback" data-sillage-prop-mood="good">${field}</form>`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    for (const button of await tab.getByRole('button').all()) await button.click();
    assertTold(await told(tab, site), [
      ['Form', { form: 'contact' }], ['Form', { form: 'order' }], ['Form', { form: '(unnamed)' }], ['Feedback', { mood: 'good' }],
    ]);
    assert.ok(!JSON.stringify(site.events).includes('typed'));
  });
});

test('an element says what its click means, wherever in it the click lands', () => {
  const body = `${STAY}<a href="https://other.example/" data-sillage-action="Vote" data-sillage-prop-choice="yes" data-sillage-prop-Long-Name="1"><b>yes</b></a>`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.locator('b').click();
    assert.deepEqual(await told(tab, site), [['Vote', { choice: 'yes', 'long-name': '1' }]]);
  });
});

test('a video tells each mark once, and decoration none', () => {
  const body = '<video data-video="tour"></video><video autoplay muted></video>';
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => {
      for (const video of document.querySelectorAll('video')) {
        let at = 0;
        Object.defineProperties(video, { duration: { value: 100 }, currentTime: { get: () => at } });
        const tell = (name, seconds) => {
          at = seconds;
          video.dispatchEvent(new Event(name));
        };
        for (const [name, seconds] of [['play', 0], ['timeupdate', 24], ['timeupdate', 26], ['play', 26], ['timeupdate', 80], ['timeupdate', 10]]) tell(name, seconds);
      }
    });
    assertTold(await told(tab, site), ['start', '25%', '50%', '75%'].map((mark) => [`Video ${mark}`, { video: 'tour' }]));
  });
});

test('problems are told by kind, each once, and only where they are asked for', async () => {
  const body = '<img src="/missing.png" alt="">';
  const fail = () => {
    const report = (error) => window.dispatchEvent(new ErrorEvent('error', { error, message: 'secret', filename: '/secret.js' }));
    [new TypeError('secret'), new TypeError('again'), null, Object.assign(new Error('x'), { name: 'secret' })].forEach(report);
    window.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason: new RangeError('secret') }));
    window.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason: 'secret' }));
  };
  await visit({ '/': withActions(body, 'data-problems') }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => document.querySelector('img').dispatchEvent(new Event('error')));
    await tab.evaluate(fail);
    const problems = only(await settled(tab, site), 'problem');
    assert.deepEqual(problems.map(({ p }) => p.kind).sort(), ['RangeError', 'TypeError', 'other', 'resource']);
    assert.ok(problems.every(({ i }) => i === false));
    assert.ok(!JSON.stringify(site.events).includes('secret'));
  });
  await visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(fail);
    assert.deepEqual(await told(tab, site), []);
  });
});

test('load times go once a load, when the page is first hidden, with the page that was loaded', () => {
  const head = '<script defer src="/js/sillage.timing.js"></script>';
  return visit({ '/': page({ head }) }, async ({ site, context, tab }) => {
    await withVisibility(context);
    await tab.goto(`${site.origin}/?a=b`, { waitUntil: 'load' });
    await tab.evaluate(() => new Promise((painted) => requestAnimationFrame(() => setTimeout(painted))));
    await tab.evaluate(() => {
      history.pushState({}, '', '/moved');
      window.turn(true);
      window.turn(false);
      window.turn(true);
    });
    const [timing, ...more] = only(await settled(tab, site), 'timing');
    assert.deepEqual(more, []);
    assert.equal(timing.u, `${site.origin}/?a=b`);
    assert.deepEqual(Object.keys(timing).sort(), ['d', 'n', 't', 'u', 'v', 'w']);
    assert.ok(Object.values(timing.t).every((time) => Number.isInteger(time) && time >= 0), JSON.stringify(timing.t));
    for (const name of ['ttfb', 'dom', 'load']) assert.ok(name in timing.t, name);
  });
});

test('who objects is not told of by the extensions either', () => {
  const head = '<script defer src="/js/sillage.timing.js"></script><script defer src="/js/sillage.actions.js" data-problems></script>';
  return visit({ '/': page({ head, body: `${STAY}<a href="/list.pdf">x</a>` }) }, async ({ site, context, tab }) => {
    await withVisibility(context);
    await tab.addInitScript(() => localStorage.setItem('sillage_opt_out', '1'));
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    await tab.getByRole('link').click();
    await tab.evaluate(() => {
      window.dispatchEvent(new ErrorEvent('error', { error: new TypeError('x') }));
      window.turn(true);
      window.sillage.optIn();
    });
    assert.deepEqual(await settled(tab, site), []);
  });
});
