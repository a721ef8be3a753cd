/*
 * Load times: an extension of the tracker. It must never name an element, a file or a person: seven numbers, once a page
 * load, sent when the page is first hidden (leaving hides it).
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *   <script defer src="/js/sillage.timing.js"></script>
 *
 * `ttfb`, `fcp`, `lcp`, `inp` in milliseconds and `cls` in thousandths are measured by Google's web-vitals (Apache-2.0),
 * which tracker/build.mjs puts in front of this text; `dom` and `load` are the ends of `DOMContentLoaded` and `load`, from
 * the moment the page was asked for or, if it was prerendered, first shown. What the browser does not tell is left out. A
 * page that was never shown sends nothing; one back from the back/forward cache was not loaded again.
 */
const place = location.href.slice(0, 2e3);
const times = {};
let told;

onTTFB(({ value }) => times.ttfb = value);
onFCP(({ value }) => times.fcp = value);
onLCP(({ value }) => times.lcp = value);
onINP(({ value }) => times.inp = value);
onCLS(({ value }) => times.cls = value * 1e3);

// After those of the library, which listen on the window and by capture.
const tell = () => {
  if (told || !('ttfb' in times) || !window.sillage) return;
  told = true;
  const entry = performance.getEntriesByType('navigation')[0] || {};
  for (const [name, end] of [['dom', entry.domContentLoadedEventEnd], ['load', entry.loadEventEnd]]) {
    if (end > 0) times[name] = Math.max(0, end - (entry.activationStart || 0));
  }
  for (const name in times) times[name] = Math.round(times[name]);
  window.sillage('timing', { u: place, t: times });
};
document.addEventListener('visibilitychange', () => document.hidden && tell());
