/*
 * Load times: an extension of the tracker. It must never send the name of an element, a file or a person: seven
 * numbers, once a page load, sent when the page is first hidden (leaving a page hides it).
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *   <script defer src="/js/sillage.timing.js"></script>
 *
 * `ttfb`, `fcp`, `lcp`, `inp` in milliseconds and `cls` in thousandths are measured by Google's web-vitals
 * (Apache-2.0), which tracker/build.mjs puts before this text; `dom` and `load` are the ends of `DOMContentLoaded` and
 * `load`, counted from the navigation or, after prerendering, from the first display. Numbers that the browser lacks
 * are left out. A page that was never shown sends nothing; a page restored from the back/forward cache was not loaded
 * again.
 */
const place = location.href.slice(0, 2e3);
const times = {};
let told;

onTTFB(({ value }) => times.ttfb = value);
onFCP(({ value }) => times.fcp = value);
onLCP(({ value }) => times.lcp = value);
onINP(({ value }) => times.inp = value);
onCLS(({ value }) => times.cls = value * 1e3);

// Registered after the library's listeners, which are on the window and capture.
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
