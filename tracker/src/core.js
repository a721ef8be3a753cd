/*
 * The tracker: sends pageviews, reading time, scroll depth and used features to the collector. It must never store
 * anything on the visitor's device but an opt-out flag, on request; never read more of the device than that flag, the
 * width of the window and whether a program drives the browser; never throw into the page; and never exceed its size
 * bound in tracker/build.mjs.
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *
 *   data-site        name of the site; by default the collector uses the page's host
 *   data-api         URL that events are sent to; by default `/api/event` on the origin that served this script
 *   data-hash        the router lives in the fragment: `#/list` is part of the page
 *   data-query       query parameters that are part of a page, such as "page lang": the site's `query_names_kept`
 *   data-not-found   the page does not exist: an action `404` follows its pageview and does not change the bounce
 *   data-manual      no automatic pageviews; the page calls `sillage('pageview')`
 *   data-init        waits for `sillage.init({ … })`
 *   data-frames      pages in a frame are counted too
 *   data-automation  browsers driven by a program are counted too, for a site's own tests
 *   data-consent     `granted`: hits carry `c: 1`, and campaigns stay in their addresses; `required`: nothing is sent before
 *                    it is `granted`; may be set and removed at any time (docs/consent.md)
 *
 *   sillage('Signup', { props: { plan: 'pro' }, interactive: false, u: '/signup', callback: done })
 *   sillage('pageview', { u: '/step/2' })
 *   sillage('consent', true)  sillage.consent(true)
 *   sillage.optOut()  sillage.optIn()  sillage.isOptedOut()
 *   sillage.init({ site: 'shop.example', notFound: true, transformRequest: (event) => event })
 *
 * `init` takes the same options without `data-`, in camel case, and `transformRequest`, which gets each event before it
 * is sent, and returns the event to send, or nothing to drop it.
 *
 * Rules of counting:
 * - A page opened in a background tab, or prerendered, counts when it is first shown; until then nothing is sent.
 * - Within a single-page site a new pageview counts when the page changed: its path, a kept query parameter or, with
 *   `data-hash`, the route behind `#`, whether the router pushes or replaces. Its referrer is the view before it.
 * - A page restored from the back/forward cache is viewed again. After a reload or a return to a page, its first
 *   referrer is not sent again: the page before is sent if the browser knows it.
 * - Reading time is the time that the page is visible, for at most 60 s after the reader's last activity (scroll,
 *   pointer, key). It needs no timer, and no focus of the window. A film watched without touching anything counts 60 s.
 * - Scroll depth is the lowest point seen, in percent of the content's height at the time of the report: of the
 *   document or, if the document does not scroll, of the scrolling element in the middle of the window.
 * - Both are reported when the page is hidden or left, if a second or some depth was gained since the last report. `sb`
 *   is the depth in an earlier report of the same view.
 * - A page in a frame is part of another page and not counted.
 *
 * An objection stops everything:
 * - By the browser: Global Privacy Control or Do Not Track. This script neither sets nor overrides them.
 * - By choice: `sillage_opt_out` = `1` in the local storage of the site's origin, read before each event, so that a
 *   choice made in another tab applies at once. If storage is denied, the choice lasts as long as the page. Unsent
 *   measurements are dropped; opting in again counts from the next page on.
 * - Every element with `data-sillage-opt-out` becomes a switch for that choice. sillage.extra.js, served beside this
 *   script, does so, and is loaded if the parsed document has such an element.
 *
 * Consent is never stored. Without it, names of campaigns and clicks (`utm_…`, `gclid`, …) are removed from every
 * address before it is sent. Any value other than `granted` is not consent.
 */

/**
 * Starts measuring. `tag` is the script's element; `options` are its `data-` attributes or those given to `init`;
 * `early` is the previous value of `sillage`: its queue `q` and the consent extension's `hold`.
 *
 * WHOLE and CONSENT are constants of the build, false in the smallest script, which ignores `data-consent`,
 * `data-hash`, `data-not-found`, `data-query` and `init`, and sends addresses without their query.
 */
export function begin(tag, options, early) {
  const has = (name) => name in options;
  const h = CONSENT && has('hash') ? 1 : undefined;
  const answer = WHOLE ? tag.dataset : options;
  const { navigation = {}, navigator } = window;
  const signal = navigator.globalPrivacyControl || navigator.doNotTrack == 1;
  const mute = location.protocol[0] !== 'h' || (parent !== window && (!WHOLE || !has('frames')))
    || ((navigator.webdriver || window.Cypress) && (!WHOLE || !has('automation')));
  const waiting = CONSENT ? [] : early.q || [];

  // Page of the measured view (empty if there is none), and its place as `spot` reads it.
  let page;
  let place;
  let visible;
  let ticked;
  let engaged;
  let bottom;
  let height;
  // Depth in the last report of this view, in percent.
  let reported;

  // An objection that storage rejected.
  let untold;
  let started;
  let required;

  const root = document.scrollingElement || document.documentElement;

  const listen = (name, then) => addEventListener(name, then, true);

  const stored = (use) => {
    try {
      return use(localStorage);
    } catch {}
  };

  const isOptedOut = () => !!(signal || untold || stored((storage) => storage.sillage_opt_out == 1));

  const isWithheld = () => {
    const demanded = answer.consent === 'required';
    if (!CONSENT) return demanded;
    required = required || demanded;
    return required && answer.consent !== 'granted';
  };

  // Evaluated before every event. A silenced view stays silent.
  const isSilent = () => (mute || isOptedOut() || isWithheld()) && !(page = 0);

  const choose = (out) => {
    untold = out;
    stored((storage) => {
      if (out) storage.sillage_opt_out = 1;
      else delete storage.sillage_opt_out;
      untold = 0;
    });
    show();
  };

  const load = (ending) => document.head.append(Object.assign(document.createElement('script'), {
    nonce: tag.nonce,
    src: tag.src.replace(PLAIN ? /(\.js)?(\?.*)?$/ : OWN, ending),
  }));

  // Switches, history without the Navigation API, beacons and scrolling elements are rare: a script of their own,
  // loaded on demand.
  const show = () => {
    isSilent();
    if (sillage.paint) sillage.paint();
    // On a short page only the document can scroll.
    else if ((!WHOLE || tag.src) && (document.querySelector('[data-sillage-opt-out]') || !navigation.currentEntry
      || (root.scrollHeight <= innerHeight && document.elementFromPoint(innerWidth / 2, innerHeight / 2) !== root))) {
      sillage.paint = isSilent;
      load('.extra.js');
    }
  };

  // Identity of a page, as the collector reads it.
  const spot = () => {
    const path = CONSENT ? location.pathname + (h && location.hash.replace(/\?.*|^[^?]*=.*/, '')) : location.pathname;
    return WHOLE ? path + location.search.match(RegExp(`\\b(${`${options.query}`.replace(/[ ,]+/g, '|')})=[^&]*`, 'g')) : path;
  };

  // A text body, no headers and no credentials: another origin needs no preflight.
  const send = (event, callback = () => {}) => {
    if (!isSilent()) {
      if (CONSENT && early.hold?.(event, () => send(event, callback), answer.consent)) return;
      const c = CONSENT && (answer.consent === 'granted' ? 1 : undefined);
      // Cut to the collector's bound.
      const clean = (url) => url && new URL(url, location).href
        .replace(CONSENT ? c ? /^$/ : /([?&])(utm_\w+|mc_.id|_g[al]|\w*cl(k|ick)?id|[gw]braid)=[^&#]*/gi : /[?#].*/, CONSENT ? '$1' : '')
        .replace(!CONSENT || h ? '' : /#.*/, '').slice(0, 2e3);
      try {
        const ours = { u: clean(event.u), r: clean(event.r), d: options.site, w: innerWidth, v: 1 };
        const told = CONSENT ? { ...event, ...ours, c, h } : { ...event, ...ours };
        const endpoint = options.api || new URL('/api/event', tag.src);
        const body = JSON.stringify(WHOLE && options.transformRequest ? options.transformRequest(told) || undefined : told);
        // Without keepalive (Firefox before 133) a request is cancelled with its page; a beacon is not.
        const beacon = WHOLE ? !('keepalive' in Request.prototype) && navigator.sendBeacon?.(endpoint, body) : sillage.beacon?.(endpoint, body);
        if ((!WHOLE || body) && !beacon) {
          return fetch(endpoint, { method: 'POST', body, keepalive: true, credentials: 'omit' }).then(callback, callback);
        }
      } catch {}
    }
    callback();
  };

  const measure = (left) => {
    const now = performance.now();
    if (visible) engaged += Math.min(now - ticked, 6e4);
    ticked = now;
    // The height of a view that was left is not available.
    if (left) return;
    const { scrollHeight, scrollTop, clientHeight } = sillage.box?.() || root;
    height = scrollHeight;
    bottom = Math.max(bottom, scrollTop + clientHeight);
  };

  // A view left before its first measurement reports no depth.
  const report = () => {
    measure(1);
    const sb = reported;
    const sd = Math.max(~~sb, Math.round(bottom / height * 100)) || undefined;
    if (page && (engaged >= 1e3 || sd > ~~sb)) {
      reported = ~~sd;
      send({ n: 'engagement', u: page, e: Math.round(engaged), sd, sb });
      engaged = 0;
    }
  };

  const view = (u, r, callback) => {
    report();
    page = u;
    place = spot();
    visible = !document.hidden;
    reported = undefined;
    engaged = bottom = 0;
    send({ n: 'pageview', u, r }, callback);
  };

  // Referrer of this page. After a reload or a return, `document.referrer` still names that of the first load.
  const origin = (restored) => {
    const before = restored || performance.navigation?.type ? navigation.activation?.from?.url : document.referrer;
    return before && before !== location.href ? before : undefined;
  };

  const sillage = window.sillage = (n, given) => {
    const { u, props: p, interactive: i, callback, t } = given || {};
    if (CONSENT && n === 'consent') consent(given);
    else if (!started) CONSENT && isWithheld() ? callback?.() : waiting.push([n, given]);
    else if (n === 'pageview') view(u || location.href, page || origin(), callback);
    else send({ n, u: u || page || location.href, p, i, t }, callback);
  };

  const arrive = (event) => {
    view(location.href, origin(event));
    if (CONSENT && has('notFound')) sillage('404', { interactive: false });
  };

  const moved = () => spot() === place || view(location.href, page);

  const turned = ({ type }) => {
    if (started) {
      // Reading the height may force a layout: at most four times a second.
      const changed = /g/.test(type);
      if (CONSENT && changed) early.hold?.();
      if (changed || performance.now() - ticked >= 250) measure();
      if (changed) visible = !document.hidden && type > 'q';
      if (!visible) report();
    // A prerendered document is hidden too; when it is shown, `prerendering` changes a moment after `hidden`.
    } else if (!document.prerendering && !document.hidden && !isWithheld()) {
      started = 1;
      if (!has('manual')) {
        arrive();
        navigation.addEventListener?.('currententrychange', moved);
        listen('pageshow', (event) => event.persisted && arrive(event));
      }
      waiting.forEach((call) => sillage(...call));
    }
  };

  const consent = (given) => {
    isWithheld();
    answer.consent = given ? 'granted' : 'denied';
  };

  Object.assign(sillage, { moved, optOut: () => choose(1), optIn: () => choose(0), isOptedOut });
  if (CONSENT) {
    sillage.consent = consent;
    early.q?.forEach((call) => sillage(...call));
    new MutationObserver(() => {
      early.hold?.();
      turned(early);
    }).observe(tag, { attributes: true });
  }
  // Options of `init` after the start: the site, the collector, the hook.
  if (WHOLE) sillage.init = (more) => Object.assign(options, more);
  show();
  listen('DOMContentLoaded', show);
  listen('storage', show);
  'scroll pointermove pointerdown keydown visibilitychange prerenderingchange pagehide'.split(' ').forEach((name) => listen(name, turned));
  turned(early);
}
