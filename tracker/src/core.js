/*
 * The tracker: tells the collector that a page was seen, how long and how far it was read, and which features were
 * used. It must never store anything on the visitor's device but an opt-out flag, when asked to; never read more of the
 * device than that flag, the width of the window and whether a program drives the browser; never throw into the page that
 * carries it; and never weigh more than its bound in tracker/build.mjs.
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *
 *   data-site        name of the site; without it the collector goes by the page's host
 *   data-api         where events go; without it `/api/event` on the origin that served this script
 *   data-hash        the router lives in the fragment: `#/list` is part of the page
 *   data-query       query parameters that are part of a page, such as "page lang": the site's `query_names_kept`
 *   data-not-found   the page does not exist: an action `404` follows its pageview and leaves the bounce as it is
 *   data-manual      no pageviews by itself; the page calls `sillage('pageview')`
 *   data-init        waits for `sillage.init({ … })`
 *   data-frames      counts the page in a frame too
 *   data-automation  counts browsers that a program drives, for a site's own tests
 *   data-consent     `granted`: hits carry `c: 1`, and campaigns stay in their addresses; `required`: nothing is sent before
 *                    it is `granted`; set and taken away at any time (docs/consent.md)
 *
 *   sillage('Signup', { props: { plan: 'pro' }, interactive: false, u: '/signup', callback: done })
 *   sillage('pageview', { u: '/step/2' })
 *   sillage('consent', true)  sillage.consent(true)
 *   sillage.optOut()  sillage.optIn()  sillage.isOptedOut()
 *   sillage.init({ site: 'shop.example', notFound: true, transformRequest: (event) => event })
 *
 * `init` takes the same options without `data-`, in camel case, and `transformRequest`, which gets each event before it is
 * sent, and returns what is sent instead, or nothing to send nothing.
 *
 * What counts, and when:
 * - A page opened in a background tab, or prerendered, counts when it is first shown; until then nothing is sent.
 * - Within a single-page site a new pageview counts when the page changed: its path, a kept query parameter or, with
 *   `data-hash`, the route behind `#`, whether the router pushes or replaces. Its referrer is the view before it.
 * - A page that comes back from the back/forward cache is viewed again. Where a page was gone back to or loaded again, the
 *   referrer of its first load is not told again: the page before is told where the browser knows it.
 * - Reading time is the time that the page is visible, for at most 60 s after the last sign of the reader (scroll,
 *   pointer, key). It needs no timer and stops by itself when the reader walks away. The window need not have
 *   the focus. A film watched without touching anything counts 60 s.
 * - Scroll depth is the lowest point seen, in percent of the height that the content has when it is reported: of the
 *   document or, where the document does not scroll, of the element in the middle of the window that does.
 * - Both are reported when the page is hidden or left, if a second or some depth was gained since the last report. `sb`
 *   says the depth that an earlier report of the same view told.
 * - A page in a frame is part of another page and not counted.
 *
 * An objection stops everything:
 * - By the browser: Global Privacy Control or Do Not Track. This script neither asks for nor overrules it.
 * - By choice: `sillage_opt_out` = `1` in the local storage of the site's origin, read before anything is sent, so that a
 *   choice made in another tab holds at once. Where storage is denied the choice lasts as long as the page. What was
 *   measured and not yet sent is thrown away; opting in again counts from the next page on.
 * - Every element with `data-sillage-opt-out` becomes a switch for that choice. sillage.switch.js, which stands beside this
 *   script, makes it so, and is loaded where a page has such an element when the document has been read.
 *
 * Consent is never stored. Without it, names of campaigns and clicks (`utm_…`, `gclid`, …) are taken out of every address
 * before it is sent. Anything else than `granted` is not consent.
 */

/**
 * Starts measuring. `tag` is the script's element, `options` are its `data-` attributes or what `init` was given, and
 * `early` is what stood in `sillage` before: its queue `q` and the consent extension's `hold`.
 *
 * WHOLE and CONSENT are constants of the build: the smallest script has neither. It knows nothing of
 * `data-consent`, `data-hash`, `data-not-found`, `data-query` and `init`, and sends addresses without their query.
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

  // The view that is being measured: the page it counts for (empty as long as there is none), and where it began.
  let page;
  let place;
  let visible;
  let ticked;
  let engaged;
  let bottom;
  let height;
  // Depth that the last report told.
  let reported;

  // An objection that storage would not take.
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

  // Asked anew before everything. Of a view that may not be told, nothing is told later either.
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

  // What few pages and old browsers need is a script of its own, loaded where it is needed: switches, another history,
  // beacons, content that scrolls in an element of its own.
  const show = () => {
    isSilent();
    if (sillage.paint) sillage.paint();
    // In the middle of a short page is nothing but the document.
    else if ((!WHOLE || tag.src) && (document.querySelector('[data-sillage-opt-out]') || !navigation.currentEntry
      || (root.scrollHeight <= innerHeight && document.elementFromPoint(innerWidth / 2, innerHeight / 2) !== root))) {
      sillage.paint = isSilent;
      load('.extra.js');
    }
  };

  // What makes a page another one, as the collector reads it.
  const spot = () => {
    const path = CONSENT ? location.pathname + (h && location.hash.replace(/\?.*|^[^?]*=.*/, '')) : location.pathname;
    return WHOLE ? path + location.search.match(RegExp(`\\b(${`${options.query}`.replace(/[ ,]+/g, '|')})=[^&]*`, 'g')) : path;
  };

  // A body of text, no headers and no credentials: another origin answers it without being asked first.
  const send = (event, callback = () => {}) => {
    if (!isSilent()) {
      if (CONSENT && early.hold?.(event, () => send(event, callback), answer.consent)) return;
      const c = CONSENT && (answer.consent === 'granted' ? 1 : undefined);
      // No longer than the collector takes.
      const clean = (url) => url && new URL(url, location).href
        .replace(CONSENT ? c ? /^$/ : /([?&])(utm_\w+|mc_.id|_g[al]|\w*cl(k|ick)?id|[gw]braid)=[^&#]*/gi : /[?#].*/, CONSENT ? '$1' : '')
        .replace(!CONSENT || h ? '' : /#.*/, '').slice(0, 2e3);
      try {
        const ours = { u: clean(event.u), r: clean(event.r), d: options.site, w: innerWidth, v: 1 };
        const told = CONSENT ? { ...event, ...ours, c, h } : { ...event, ...ours };
        const endpoint = options.api || new URL('/api/event', tag.src);
        const body = JSON.stringify(WHOLE && options.transformRequest ? options.transformRequest(told) || undefined : told);
        // Without keepalive (Firefox before 133) a request dies with its page, and a beacon does not.
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
    // The height of a view that is left is no longer to be had.
    if (left) return;
    const { scrollHeight, scrollTop, clientHeight } = sillage.box?.() || root;
    height = scrollHeight;
    bottom = Math.max(bottom, scrollTop + clientHeight);
  };

  // A view left before anything was measured tells no depth.
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

  // Where this page was come from. One that was gone back to, or loaded again, still names what its first load came from.
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
      // Reading the height may cost the page a layout: four times a second at most.
      const changed = /g/.test(type);
      if (CONSENT && changed) early.hold?.();
      if (changed || performance.now() - ticked >= 250) measure();
      if (changed) visible = !document.hidden && type > 'q';
      if (!visible) report();
    // A prerendered document is hidden too, and says that it is prerendered for a moment longer than that it is hidden.
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
  // What `init` is given once it has begun: the site, the collector, the hook.
  if (WHOLE) sillage.init = (more) => Object.assign(options, more);
  show();
  listen('DOMContentLoaded', show);
  listen('storage', show);
  'scroll pointermove pointerdown keydown visibilitychange prerenderingchange pagehide'.split(' ').forEach((name) => listen(name, turned));
  turned(early);
}
