/*
 * Parts that few pages and old browsers need; the tracker loads this script on demand: switches for the opt-out,
 * navigation by `history`, beacons, content that scrolls in an element of its own.
 *
 * Every element with `data-sillage-opt-out` in the parsed document becomes the switch. On means not counted
 * (`aria-checked="true"`), so its text must read like "Do not count my visits". `data-sillage-state` is `measured`,
 * `opted-out` or `signal`, for style sheets; with `signal` the switch is on and `aria-disabled`, and its title names
 * the browser's signal. Pages that add such an element later use the tracker's three functions.
 */

/** Adds these parts to the tracker's function `sillage`; true if the tracker sends pageviews by itself. */
export function addExtra(sillage) {
  const signal = navigator.globalPrivacyControl ? 'Global Privacy Control' : navigator.doNotTrack === '1' && 'Do Not Track';

  const turn = (event) => {
    if (signal || event.currentTarget.type !== 'checkbox') event.preventDefault();
    if (!signal) (sillage.isOptedOut() ? sillage.optIn : sillage.optOut)();
  };
  const turnByKey = (event) => /^( |Enter)$/.test(event.key) && turn(event);

  // Sets the switches to the current choice.
  sillage.paint = () => {
    const out = sillage.isOptedOut();
    document.querySelectorAll('[data-sillage-opt-out]').forEach((element) => {
      element.setAttribute('role', 'switch');
      element.setAttribute('aria-checked', element.checked = out);
      element.setAttribute('data-sillage-state', signal ? 'signal' : out ? 'opted-out' : 'measured');
      if (signal) {
        element.setAttribute('aria-disabled', true);
        element.title = signal;
      }
      if (element.tabIndex < 0) element.tabIndex = 0;
      element.onclick = turn;
      // Check boxes and buttons turn a key into a click by themselves.
      if (element.type !== 'checkbox' && element.tagName !== 'BUTTON') element.onkeydown = turnByKey;
    });
  };
  sillage.paint();

  // The innermost element in the middle of the window, also in shadow roots.
  const middle = (tree) => {
    const found = tree.elementFromPoint(innerWidth / 2, innerHeight / 2);
    const inner = found?.shadowRoot;
    return inner && inner !== tree ? middle(inner) : found;
  };

  // If the document does not scroll, an element around the middle of the window may: the outermost one of at least half
  // the window's height. It is kept while another element covers it.
  let box;
  sillage.box = () => {
    if (document.scrollingElement.scrollHeight > innerHeight) return box = undefined;
    for (let around = middle(document); around; around = around.assignedSlot || around.parentNode || around.host) {
      if (around.clientHeight > innerHeight / 2 && /auto|scroll/.test(getComputedStyle(around).overflowY)) box = around;
    }
    return box?.isConnected ? box : undefined;
  };

  // Without keepalive (Firefox before 133) a request is cancelled with its page; a beacon is not.
  if (!('keepalive' in Request.prototype) && navigator.sendBeacon) sillage.beacon = (endpoint, body) => navigator.sendBeacon(endpoint, body);

  // Without the Navigation API. `currentEntry` distinguishes it from an element with the id `navigation`.
  if (!window.navigation?.currentEntry) {
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name];
      history[name] = function () {
        const result = original.apply(this, arguments);
        sillage.moved();
        return result;
      };
    }
    addEventListener('popstate', sillage.moved, true);
    sillage.moved();
  }
}
