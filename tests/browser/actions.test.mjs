// The two extensions: the actions that they send, and the data that they must not send.
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
/** Compares actions in any order: those of one moment use several connections. */
const assertTold = (actual, expected) => {
  const sorted = (actions) => actions.map((action) => JSON.stringify(action)).sort();
  assert.deepEqual(sorted(actual), sorted(expected));
};
/** Prevents clicks from navigating. */
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
      ['Mail', undefined],
      ['Call', undefined],
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
  const away = 'target="away"';
  const body = `<iframe name="away" hidden></iframe><form ${away} name="contact" id="x">${field}</form><form ${away} id="order">${field}</form>
    <form ${away}>${field}</form><form ${away} data-sillage-action="Feedback" data-sillage-prop-mood="good">${field}</form>`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    for (const button of await tab.getByRole('button').all()) await button.click();
    assertTold(await told(tab, site), [
      ['Form', { form: 'contact' }], ['Form', { form: 'order' }], ['Form', { form: '(unnamed)' }], ['Feedback', { mood: 'good' }],
    ]);
    assert.ok(!JSON.stringify(site.events).includes('typed'));
  });
});

test('a form that the page holds back is not sent, a dialog sends nothing, and submit() sends', () => {
  const body = `<iframe name="away" hidden></iframe>
    <form id="held" onsubmit="return false"><button>Held</button></form>
    <form id="checked" target="away"><button>Checked</button></form>
    <dialog open><form method="dialog" id="asked"><button>Close</button></form></dialog>
    <form id="mixed" target="away"><button formmethod="dialog">Mixed</button></form>
    <form id="scripted" target="away"></form>`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    // The page's own check runs after the extension, and sends by itself if the form is valid.
    await tab.evaluate(() => window.addEventListener('submit', (event) => {
      if (event.target.id !== 'checked') return;
      event.preventDefault();
      if (event.target.dataset.tries) event.target.submit();
      event.target.dataset.tries = 1;
    }));
    for (const name of ['Held', 'Held', 'Checked', 'Close', 'Mixed', 'Checked']) await tab.getByRole('button', { name }).click({ force: true });
    await tab.evaluate(() => document.getElementById('scripted').submit());
    assertTold(await told(tab, site), [['Form', { form: 'checked' }], ['Form', { form: 'scripted' }]]);
  });
});

test('links of SVG, areas of a map, and what is in open shadow roots are told like others', () => {
  const body = `${STAY}<svg width="99" height="20"><a href="https://one.example/"><text y="15">one</text></a>
      <a xlink:href="https://two.example/"><text y="15">two</text></a></svg>
    <img usemap="#map" src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" width="40" height="40" alt="">
    <map name="map"><area shape="rect" coords="0,0,40,40" href="https://three.example/" alt="three"></map>
    <iframe name="away" hidden></iframe><div id="host"></div>
    <script>
      const inner = '<div id="inner"></div><form id="deep" target="away"><button>Send</button></form><a href="/list.pdf"><i>file</i></a>';
      const outer = document.getElementById('host').attachShadow({ mode: 'open' });
      outer.innerHTML = inner;
      const nested = outer.getElementById('inner').attachShadow({ mode: 'open' });
      nested.innerHTML = '<a href="https://four.example/">four</a><button data-sillage-action="Vote" data-sillage-prop-choice="yes">v</button>';
    </script>`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => {
      const click = (element) => element.dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true, cancelable: true }));
      document.querySelectorAll('svg text, area').forEach(click);
      const outer = document.getElementById('host').shadowRoot;
      click(outer.querySelector('i'));
      outer.getElementById('inner').shadowRoot.querySelectorAll('a, button').forEach(click);
    });
    await tab.evaluate(() => removeEventListener('click', null));
    assertTold(await told(tab, site), [
      ...['one', 'two', 'three', 'four'].map((name) => ['Outbound', { host: `${name}.example` }]),
      ['Download', { file: '/list.pdf' }], ['Vote', { choice: 'yes' }],
    ]);
  });
});

test('a form in an open shadow root is told', () => {
  const body = `<iframe name="away" hidden></iframe><div id="host"></div><script>
    document.getElementById('host').attachShadow({ mode: 'open' }).innerHTML = '<form id="deep" target="away"><button>Send</button></form>';
  </script>`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.getByRole('button').click();
    assertTold(await told(tab, site), [['Form', { form: 'deep' }]]);
  });
});

test('a file that the page makes itself is a download by the name that it is saved under', () => {
  const body = `${STAY}<a download="figures.csv" href="data:text/csv,a">x</a><a download="" href="data:text/csv,a">x</a>
    <a href="data:text/csv,a">x</a><a id="blob" download="report.pdf">x</a>
    <script>document.getElementById('blob').href = URL.createObjectURL(new Blob(['x']));</script>`;
  return visit({ '/': withActions(body) }, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`);
    await tab.evaluate(() => document.querySelectorAll('a').forEach((link) => link.click()));
    assertTold(await told(tab, site), ['figures.csv', '(unnamed)', 'report.pdf'].map((file) => ['Download', { file }]));
  });
});

test('players in frames tell their marks by what they post, whichever protocol they speak', () => {
  const frame = (path, title) => `<iframe src="${path}" title="${title}" data-test></iframe>`;
  const player = (script) => `<!doctype html><title>x</title><script>const asked = []; addEventListener('message', ({ data }) => asked.push(data));
    const post = (message) => parent.postMessage(typeof message === 'string' ? message : JSON.stringify(message), '*'); ${script}</script>`;
  const pages = {
    '/': withActions(frame('/youtube', 'Tour') + frame('/vimeo', 'Talk') + frame('/other', 'Chat')),
    '/youtube': player(`window.run = () => { post({ event: 'infoDelivery', info: { playerState: 1, duration: 100, currentTime: 1 } });
      post({ event: 'infoDelivery', info: { currentTime: 60 } }); post({ event: 'infoDelivery', info: { playerState: 0, currentTime: 100 } }); };`),
    '/vimeo': player(`window.run = () => { post({ event: 'play', data: { seconds: 0, duration: 10 } });
      post({ event: 'timeupdate', data: { seconds: 3, duration: 10 } }); };`),
    '/other': player(`window.run = () => { post('not JSON'); post('7'); post({ event: 'chat', text: 'secret' }); };`),
  };
  return visit(pages, async ({ site, tab }) => {
    await tab.goto(`${site.origin}/`, { waitUntil: 'load' });
    for (const inside of tab.frames().slice(1)) {
      await inside.waitForFunction('asked.length > 2');
      await inside.evaluate('run()');
    }
    const marks = (video, names) => names.map((name) => [`Video ${name}`, { video }]);
    await site.until((events) => only(events, 'Video end').length === 1 && only(events, 'Video 25%').length === 2);
    assertTold(await told(tab, site), [...marks('Tour', ['start', '25%', '50%', '75%', 'end']), ...marks('Talk', ['start', '25%'])]);
    assert.ok(!JSON.stringify(site.events).includes('secret'));
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

test('the extensions send nothing about a visitor who objects', () => {
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
