/*
 * The tracker: tells the collector that a page was seen, how long and how far it was read, and which features were
 * used. It must never store anything on the visitor's device but an objection, when asked to; never read more of the
 * device than that objection and the width of the window; never throw into the page that carries it; and never weigh
 * more than its bound in tracker/build.mjs.
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *
 *   data-site       name of the site; without it the collector goes by the page's host
 *   data-api        where events go; without it `/api/event` on the origin that served this script
 *   data-hash       the fragment is part of the page
 *   data-not-found  the page does not exist: an action `404` follows its pageview and leaves the bounce as it is
 *   data-manual     no pageviews by itself; the page calls `sillage('pageview')`
 *
 *   data-consent    `granted`: hits carry `c: 1`, and campaigns stay in their addresses; set and taken away at any time
 *
 *   sillage('Signup', { props: { plan: 'pro' }, interactive: false, u: '/signup', callback: done })
 *   sillage('pageview', { u: '/step/2' })
 *   sillage.optOut()  sillage.optIn()  sillage.isOptedOut()
 *   sillage.consent(true)
 *
 * Beside it stand three extensions, each for sites that want it: sillage.actions.js (downloads, forms, videos, …),
 * sillage.timing.js (load times) and sillage.consent.js.
 *
 * What counts, and when:
 * - A page opened in a background tab, or prerendered, counts when it is first shown; until then nothing is sent.
 * - Within a single-page site a new pageview counts when path or query changed; its referrer is the view before it.
 *   `replaceState` is no navigation. A page that comes back from the back/forward cache is viewed again.
 * - Reading time is the time that the page is visible, for at most 60 s after the last sign of the reader (scroll,
 *   pointer, key). It needs no timer and stops by itself when the reader walks away. The window need not have
 *   the focus. A film watched without touching anything counts 60 s.
 * - Scroll depth is the lowest point seen, in percent of the height that the document has when it is reported.
 * - Both are reported when the page is hidden or left, if a second or some depth was gained since the last report.
 *
 * Who objects sends nothing at all:
 * - By their browser: Global Privacy Control or Do Not Track. This script neither asks for nor overrules it.
 * - By choice: `sillage_opt_out` = `1` in the local storage of the site's origin, read before anything is sent, so that a
 *   choice made in another tab holds at once. Where storage is denied the choice lasts as long as the page. What was
 *   measured and not yet sent is thrown away; opting in again counts from the next page on.
 * - Every element with `data-sillage-opt-out` that is there when the document has been read becomes the switch. On means
 *   not counted (`aria-checked="true"`), so its words must read like "Do not count my visits". `data-sillage-state`
 *   says `measured`, `opted-out` or `signal`, for style sheets; with `signal` the switch is on, `aria-disabled`, and its
 *   title names the browser's signal. Pages that make such an element later build it on the three functions.
 *
 * Consent, where a site asks for it (docs/consent.md):
 * - It stands in `data-consent` and nowhere else: nothing of it is stored. It is read before each event, so that
 *   withdrawing it holds at once.
 * - Without it, names of campaigns and clicks (`utm_…`, `gclid`, …) are taken out of every address before it is sent.
 * - Anything else than `granted` is no consent. sillage.consent.js, loaded before, may hold a pageview back until then.
 */
(function (window, document) {
  const here = document.currentScript || document.querySelector('script[data-site]');
  const early = window.sillage;
  if (!here || (early && early.on)) return;

  const options = here.dataset;
  const has = (name) => name in options;
  const endpoint = options.api || new URL('/api/event', here.src || location.href).href;
  const mute = !/^http/.test(location.protocol);
  const signal = navigator.globalPrivacyControl ? 'Global Privacy Control' : navigator.doNotTrack === '1' && 'Do Not Track';
  const flag = 'sillage_opt_out';
  const marketing = /([?&])(utm_\w+|mc_.id|_g[al]|\w*cl(k|ick)?id|[gw]braid)=[^&#]*/gi;
  const idleLimit = 6e4;

  // The view that is being measured: the page it counts for (empty as long as there is none), and where it began.
  let page = '';
  let place;
  let visible;
  let ticked;
  let engaged;
  let bottom;
  let height;
  let reportedDepth;

  // An objection that storage would not take.
  let untold;

  let started;
  const hold = early && early.hold;

  const waiting = early && early.q || [];

  const isOptedOut = () => {
    let told = untold;
    try {
      told = told || localStorage[flag] === '1';
    } catch (_) {}
    return !!(signal || told);
  };

  // Turns the switches to what holds. Of a view that may not be told, nothing is told later either.
  const paint = () => {
    const out = isOptedOut();
    if (out) page = '';
    document.querySelectorAll('[data-sillage-opt-out]').forEach((element) => {
      const isBox = element.type === 'checkbox';
      const set = (name, value) => element.setAttribute(name, value);
      const turn = (event) => {
        if (signal || !isBox) event.preventDefault();
        if (!signal) choose(!isOptedOut());
      };
      set('role', 'switch');
      set('aria-checked', element.checked = out);
      set('data-sillage-state', signal ? 'signal' : out ? 'opted-out' : 'measured');
      if (signal) {
        set('aria-disabled', true);
        element.title = signal;
      }
      if (element.tabIndex < 0) element.tabIndex = 0;
      element.onclick = turn;
      // A button and a box make a click of a key by themselves.
      if (!isBox && element.tagName !== 'BUTTON') element.onkeydown = (event) => /^( |Enter)$/.test(event.key) && turn(event);
    });
  };

  const choose = (out) => {
    untold = out;
    try {
      if (out) localStorage[flag] = '1';
      else delete localStorage[flag];
      untold = 0;
    } catch (_) {}
    paint();
  };

  // No longer than the collector takes.
  const address = () => (has('hash') ? location.href : location.href.split('#')[0]).slice(0, 2e3);

  // A body of text, no headers and no credentials: another origin answers it without being asked first.
  const send = (event, callback) => {
    const done = callback || (() => {});
    if (mute || isOptedOut()) return done();
    if (hold && hold(event, () => send(event, done))) return;
    const consent = options.consent === 'granted';
    const told = (url) => consent ? url : url.replace(marketing, '$1');
    try {
      event.u = told(new URL(event.u, location.href).href);
      if (event.r) event.r = told(event.r);
      event.c = consent ? 1 : undefined;
      event.d = options.site;
      event.h = has('hash') ? 1 : undefined;
      event.w = window.innerWidth;
      event.v = 1;
      const body = JSON.stringify(event);
      // Without keepalive (Firefox before 133) a request dies with its page.
      if (window.fetch && 'keepalive' in Request.prototype) {
        fetch(endpoint, { method: 'POST', body, keepalive: true, credentials: 'omit' }).then(done, done);
      } else {
        navigator.sendBeacon(endpoint, body);
        done();
      }
    } catch (_) {
      done();
    }
  };

  const measure = () => {
    height = (document.scrollingElement || document.documentElement).scrollHeight;
    bottom = Math.max(bottom, window.scrollY + window.innerHeight);
  };

  const tick = () => {
    const now = performance.now();
    if (visible) engaged += Math.min(now - ticked, idleLimit);
    ticked = now;
  };

  // Reading the height may cost the page a layout: four times a second at the most.
  const active = () => {
    if (performance.now() - ticked >= 250) {
      tick();
      measure();
    }
  };

  // A view left before anything was measured tells no depth.
  const report = () => {
    tick();
    const depth = Math.min(100, Math.round(bottom / height * 100));
    if (page && (engaged >= 1e3 || depth > reportedDepth)) {
      reportedDepth = Math.max(depth, reportedDepth);
      send({ n: 'engagement', u: page, e: Math.round(engaged), sd: reportedDepth || undefined });
      engaged = 0;
    }
  };

  const view = (url, referrer, callback) => {
    report();
    page = isOptedOut() ? '' : url;
    place = address();
    visible = !document.hidden;
    engaged = bottom = reportedDepth = 0;
    height = 1;
    send({ n: 'pageview', u: url, r: referrer || undefined }, callback);
  };

  const act = (name, given) => {
    const { u, props, interactive, callback, t } = given || {};
    if (!started) waiting.push([name, given]);
    else if (name === 'pageview') view(u || address(), page || document.referrer, callback);
    else send({ n: name, u: u || page || address(), p: props, i: interactive, t }, callback);
  };

  const arrive = () => {
    view(address(), document.referrer);
    if (has('notFound')) act('404', { interactive: false });
  };

  const moved = () => {
    if (address() !== place) view(address(), page);
  };

  const after = (name, then) => {
    const original = history[name];
    history[name] = function () {
      const result = original.apply(this, arguments);
      then();
      return result;
    };
  };

  const start = () => {
    started = 1;
    if (!has('manual')) {
      arrive();
      after('pushState', moved);
      after('replaceState', () => place = address());
      window.addEventListener('popstate', moved);
      window.addEventListener('hashchange', moved);
      window.addEventListener('pageshow', (event) => event.persisted && arrive());
    }
    waiting.forEach((call) => act.apply(null, call));

    ['scroll', 'pointermove', 'pointerdown', 'keydown'].forEach((sign) =>
      window.addEventListener(sign, active, { capture: true, passive: true }));
    const turned = (event) => {
      measure();
      tick();
      visible = !document.hidden && event.type !== 'pagehide';
      if (!visible) report();
    };
    document.addEventListener('visibilitychange', turned);
    window.addEventListener('pagehide', turned);
  };

  Object.assign(window.sillage = act, {
    on: 1,
    optOut: () => choose(1),
    optIn: () => choose(0),
    isOptedOut,
    consent: (given) => options.consent = given ? 'granted' : 'denied',
  });
  paint();
  document.addEventListener('DOMContentLoaded', paint);
  window.addEventListener('storage', paint);

  // A prerendered document is hidden too. Calls made meanwhile wait in the queue that pages may also bring themselves.
  if (document.hidden) document.addEventListener('visibilitychange', start, { once: true });
  else start();
})(window, document);
