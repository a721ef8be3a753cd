/*
 * The tracker as an ES module, @sillage/tracker: the same functions without a global name of the page's own. It must be
 * importable where there is no window: nothing happens before `init`.
 */
import { begin } from './core.js';
import { addExtra } from './extra.js';

// Calls before `init` wait as they do for the script.
const early = [];
const call = (name, given) => {
  if (typeof window === 'undefined') return;
  if (window.sillage?.moved) window.sillage(name, given);
  else early.push([name, given]);
};

/** Starts measuring, once a page. The options are those of the script's tag, in camel case. */
export function init(options = {}) {
  if (typeof window === 'undefined' || window.sillage?.moved) return;
  const tag = document.createElement('script');
  if (options.consent) tag.dataset.consent = options.consent;
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== false && value != null));
  begin(tag, { api: '/api/event', ...given }, { ...window.sillage, q: early });
  addExtra(window.sillage);
}

/** Tells an action. */
export const track = (name, given) => call(name, given);

/** Tells a pageview by hand, with `manual: true`. */
export const pageview = (given) => call('pageview', given);

/** Tells the visitor's answer, each time that it is known or changes. */
export const consent = (given) => call('consent', given);

/** Stores the visitor's objection on this device. */
export const optOut = () => window.sillage?.optOut?.();

/** Takes it back. */
export const optIn = () => window.sillage?.optIn?.();

/** Whether the visitor or the browser objects. */
export const isOptedOut = () => Boolean(typeof window !== 'undefined' && window.sillage?.isOptedOut?.());
