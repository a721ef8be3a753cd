/*
 * The tracker under another tool's script path: reads that tool's attributes and defines its functions, so that a site
 * migrates by changing its script's address: Plausible, Umami, GoatCounter, Matomo, Fathom and Fathom Lite. It must never read or
 * send identifiers of a person: user ids, `identify`, custom dimensions, cookies.
 *
 * | tool | site | read | function |
 * |---|---|---|---|
 * | Plausible | `data-domain` | `data-api`, parts of the file's name (`hash`, `manual`, `outbound-links`, `file-downloads`), `plausible.init` | `plausible(name, { props, u, interactive, callback })` |
 * | Umami | `data-website-id` | `data-auto-track`, `data-domains`, `data-before-send`, `data-umami-event…` | `umami.track(…)` |
 * | GoatCounter | `data-goatcounter` | `data-goatcounter-settings`, `data-goatcounter-click` | `goatcounter.count({ path, event })` |
 * | Matomo | `setSiteId` | `requireConsent`, `enableLinkTracking` | `_paq.push(['trackPageView'])` and its like |
 * | Fathom | `data-site` of `#fathom-script` | `data-auto`, `data-spa` | `fathom.trackPageview({ url })`, `fathom.trackEvent(name)` |
 * | Fathom Lite | `data-site`, `fathom('set', 'siteId', …)` | | `fathom('trackPageview')` |
 *
 * A site's identifier at the other tool is listed in `ids` of its `[[site]]`.
 */

/** Options of the other tool's tag and queues, as ours; `actions` if it tracked links. */
export function adopt(tag) {
  const { plausible, umami, goatcounter, fathom, _paq } = window;
  const { domain, websiteId, autoTrack, domains, beforeSend, hostUrl } = tag.dataset;
  const file = (tag.src || '').split('/').pop();
  const options = { ...tag.dataset };
  const calls = _paq?.slice ? _paq : [];
  const asked = (name) => calls.find((call) => call[0] === name);
  const wanted = plausible?.o || {};
  let actions = /outbound|download/.test(file) || wanted.outboundLinks || wanted.fileDownloads;

  options.site = domain || wanted.domain || websiteId || options.site || asked('setSiteId')?.[1];
  if (wanted.endpoint) options.api = wanted.endpoint;
  if (wanted.transformRequest) options.transformRequest = wanted.transformRequest;
  if (/\.hash\b/.test(file) || wanted.hashBasedRouting) options.hash = '';
  if (/\.manual\b/.test(file) || wanted.autoCapturePageviews === false || autoTrack === 'false') options.manual = '';
  if (hostUrl) options.api = `${hostUrl.replace(/\/$/, '')}/api/event`;
  if (domains && !domains.split(',').some((name) => name.trim() === location.hostname)) options.transformRequest = () => null;
  else if (beforeSend) {
    options.transformRequest = (event) => window[beforeSend]('event', { website: event.d, url: event.u, referrer: event.r, name: event.n, data: event.p }) && event;
  }

  const { goatcounter: counter, goatcounterSettings: settings = '{}' } = tag.dataset;
  if (counter) {
    const chosen = { ...JSON.parse(settings), ...goatcounter };
    const [, code] = /^\w*:?\/\/([\w-]+)\.goatcounter\.com/.exec(counter) || [];
    options.site = code || options.site;
    options.manual = '';
    if (chosen.allow_frame) options.frames = '';
    window.goatcounter = { ...chosen, url: () => '' };
  }
  if (_paq) {
    options.manual = '';
    actions = actions || asked('enableLinkTracking');
    if (asked('requireConsent')) tag.dataset.consent = 'required';
  }
  // Without `data-spa` Fathom sends the first pageview by itself, and the site the others.
  const isFathom = tag.id === 'fathom-script' && !fathom;
  const { auto, spa } = tag.dataset;
  if (isFathom && !spa) options.manual = '';
  if (spa === 'hash') options.hash = '';
  if (fathom) {
    options.manual = '';
    options.site = fathom.q?.find((call) => call[0] === 'set' && call[1] === 'siteId')?.[2] || options.site;
  }
  return { options, actions, tools: { plausible, umami, goatcounter: counter, fathom: fathom || isFathom, first: isFathom && !spa && auto !== 'false', _paq } };
}

/** Defines the other tool's functions, and replays its queued calls. */
export function answerCalls(sillage, tools) {
  const each = (queue, answer) => [...queue || []].forEach((call) => answer(...call));
  const clickedOn = (attribute, tell) => ['click', 'submit'].forEach((name) => addEventListener(name, ({ target }) => {
    const element = target.closest?.(`[${attribute}]`);
    // A click within a form does not send it.
    if (element && (element.localName === 'form') === name > 'd') tell(element);
  }, true));

  window.plausible = sillage;
  each(tools.plausible?.q, sillage);
  clickedOn('class*=plausible-event-name', (element) => {
    const written = element.getAttribute('class').matchAll(/plausible-event-(\w+)(?:=|--)(\S+)/g);
    const { name, ...props } = Object.fromEntries([...written].map(([, key, value]) => [key, value.replace(/\+/g, ' ')]));
    sillage(name, { props });
  });

  const track = (what, data) => {
    const event = typeof what === 'function' ? what({ url: location.pathname + location.search, referrer: document.referrer }) : what;
    if (typeof event === 'string') sillage(event, { props: data });
    else if (event?.name) sillage(event.name, { props: event.data, u: event.url });
    else sillage('pageview', { u: event?.url });
  };
  window.umami = { track, identify: () => {} };
  clickedOn('data-umami-event', (element) => {
    const props = {};
    for (const { name, value } of element.attributes) {
      if (/^data-umami-event-./.test(name)) props[name.slice(17)] = value;
    }
    sillage(element.getAttribute('data-umami-event'), { props });
  });

  if (tools.goatcounter) {
    const settings = window.goatcounter;
    settings.count = (given = {}) => {
      const value = { ...settings, ...given };
      const path = typeof value.path === 'function' ? value.path(location.pathname) : value.path;
      if (path === null) return;
      if (value.event) sillage(path || value.title, {});
      else sillage('pageview', { u: path });
    };
    settings.bind_events = () => {};
    settings.filter = () => false;
    if (!settings.no_onload) settings.count();
    clickedOn('data-goatcounter-click', (element) => sillage(element.getAttribute('data-goatcounter-click') || element.name || element.id, {}));
  }

  if (tools.fathom) {
    const answer = window.fathom = (command, given) => command === 'trackPageview' && sillage('pageview', { u: given?.path });
    Object.assign(answer, {
      trackPageview: (given) => sillage('pageview', { u: given?.url }),
      trackEvent: (name) => sillage(name, {}),
      trackGoal: (code) => sillage(`Goal ${code}`, {}),
      blockTrackingForMe: sillage.optOut,
      enableTrackingForMe: sillage.optIn,
      setSite: () => {},
    });
    if (tools.first) sillage('pageview', {});
    each(tools.fathom.q, answer);
  }

  if (tools._paq) {
    let u;
    const matomo = {
      trackPageView: () => sillage('pageview', { u }),
      setCustomUrl: (url) => u = url,
      trackEvent: (category, action, name, value) => sillage(action, { props: { category, name, value } }),
      trackSiteSearch: (query, category) => sillage('Search', { props: { query, category } }),
      trackGoal: (id) => sillage(`Goal ${id}`, {}),
      trackLink: (url, kind) => {
        const { pathname, hostname } = new URL(url, location);
        if (kind === 'download') sillage('Download', { props: { file: pathname } });
        else sillage('Outbound', { props: { host: hostname } });
      },
      optUserOut: () => sillage.optOut(),
      forgetUserOptOut: () => sillage.optIn(),
      isUserOptedOut: () => sillage.isOptedOut(),
      setConsentGiven: () => sillage.consent(true),
      rememberConsentGiven: () => sillage.consent(true),
      forgetConsentGiven: () => sillage.consent(false),
    };
    const run = (...calls) => calls.forEach(([command, ...given]) => {
      if (typeof command === 'function') command.call(matomo);
      else matomo[command]?.(...given);
    });
    run(...tools._paq);
    window._paq = { push: run };
  }
}
