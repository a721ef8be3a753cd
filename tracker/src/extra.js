/*
 * What few pages and old browsers need of the tracker, which loads this script where one of them is: switches for the
 * opt-out, navigation by `history`, beacons, content that scrolls in an element of its own.
 *
 * Every element with `data-sillage-opt-out` that is there when the document has been read becomes the switch. On means
 * not counted (`aria-checked="true"`), so its words must read like "Do not count my visits". `data-sillage-state` says
 * `measured`, `opted-out` or `signal`, for style sheets; with `signal` the switch is on, `aria-disabled`, and its title
 * names the browser's signal. Pages that make such an element later build it on the tracker's three functions.
 */

/** Adds all of it to the tracker's function `sillage`; true if the tracker tells pageviews by itself. */
export function addExtra(sillage) {
  const signal = navigator.globalPrivacyControl ? 'Global Privacy Control' : navigator.doNotTrack === '1' && 'Do Not Track';

  const turn = (event) => {
    if (signal || event.currentTarget.type !== 'checkbox') event.preventDefault();
    if (!signal) (sillage.isOptedOut() ? sillage.optIn : sillage.optOut)();
  };
  const turnByKey = (event) => /^( |Enter)$/.test(event.key) && turn(event);

  // Turns the switches to what holds.
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
      // A button and a box make a click of a key by themselves.
      if (element.type !== 'checkbox' && element.tagName !== 'BUTTON') element.onkeydown = turnByKey;
    });
  };
  sillage.paint();

  // The innermost element in the middle of the window.
  const middle = (tree) => {
    const found = tree.elementFromPoint(innerWidth / 2, innerHeight / 2);
    const inner = found?.shadowRoot;
    return inner && inner !== tree ? middle(inner) : found;
  };

  // Where the document does not scroll, its content may, in an element around the middle of the window: the outermost, of
  // half the window's height at least. It stays the same while something lies above it.
  let box;
  sillage.box = () => {
    if (document.scrollingElement.scrollHeight > innerHeight) return box = undefined;
    for (let around = middle(document); around; around = around.assignedSlot || around.parentNode || around.host) {
      if (around.clientHeight > innerHeight / 2 && /auto|scroll/.test(getComputedStyle(around).overflowY)) box = around;
    }
    return box?.isConnected ? box : undefined;
  };

  // Without keepalive (Firefox before 133) a request dies with its page, and a beacon does not.
  if (!('keepalive' in Request.prototype) && navigator.sendBeacon) sillage.beacon = (endpoint, body) => navigator.sendBeacon(endpoint, body);

  // Without the Navigation API. An element with that id answers where the browser has no such interface.
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
