/*
 * The tracker: tells the collector that a page was seen, how long and how far it was read, and which features were
 * used. It must never store anything on the visitor's device, never read more of the device than the width of the
 * window, never throw into the page that carries it, and never weigh more than 1 200 bytes compressed.
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *
 *   data-site       name of the site; without it the collector goes by the page's host
 *   data-api        where events go; without it `/api/event` on the origin that served this script
 *   data-hash       the fragment is part of the page
 *   data-not-found  the page does not exist: an action `404` follows its pageview and leaves the bounce as it is
 *   data-manual     no pageviews by itself; the page calls `sillage('pageview')`
 *
 *   sillage('Signup', { props: { plan: 'pro' }, interactive: false, u: '/signup', callback: done })
 *   sillage('pageview', { u: '/step/2' })
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
 * - Somebody who objects (Global Privacy Control, Do Not Track) sends nothing at all.
 */
(function (window, document) {
  const here = document.currentScript || document.querySelector('script[data-site]');
  const early = window.sillage;
  if (!here || (early && early.on)) return;

  const options = here.dataset;
  const has = (name) => name in options;
  const endpoint = options.api || new URL('/api/event', here.src || location.href).href;
  const mute = navigator.globalPrivacyControl || navigator.doNotTrack === '1' || !/^http/.test(location.protocol);
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

  // No longer than the collector takes.
  const address = () => (has('hash') ? location.href : location.href.split('#')[0]).slice(0, 2e3);

  // A body of text, no headers and no credentials: another origin answers it without being asked first.
  const send = (event, callback) => {
    const done = callback || (() => {});
    if (mute) return done();
    try {
      event.u = new URL(event.u, location.href).href;
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
    page = url;
    place = address();
    visible = !document.hidden;
    engaged = bottom = reportedDepth = 0;
    height = 1;
    send({ n: 'pageview', u: page, r: referrer || undefined }, callback);
  };

  const act = (name, given) => {
    const { u, props, interactive, callback } = given || {};
    if (name === 'pageview') view(u || address(), page || document.referrer, callback);
    else send({ n: name, u: u || page || address(), p: props, i: interactive }, callback);
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
    const waiting = window.sillage && window.sillage.q || [];
    (window.sillage = act).on = 1;
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

  // A prerendered document is hidden too. Calls made meanwhile wait in the queue that pages may also bring themselves.
  if (document.hidden) {
    const queue = window.sillage = early || function () {
      (queue.q = queue.q || []).push(arguments);
    };
    queue.on = 1;
    document.addEventListener('visibilitychange', start, { once: true });
  } else {
    start();
  }
})(window, document);
