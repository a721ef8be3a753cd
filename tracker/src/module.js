/*
 * The tracker as an ES module, @sillage/tracker: the same functions without a global name. It must be importable
 * without a window: nothing happens before `init`.
 */
import { begin } from './core.js';
import { addExtra } from './extra.js';

// Queue of the calls before `init`, as in the script.
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
  // `actions`, if called first, has a queue of its own.
  const waiting = [...(window.sillage?.q ?? []), ...early];
  begin(tag, { api: '/api/event', ...given }, { ...window.sillage, q: waiting });
  addExtra(window.sillage);
}

/** Sends an action. */
export const track = (name, given) => call(name, given);

/** Sends a pageview, for sites with `manual: true`. */
export const pageview = (given) => call('pageview', given);

/** Passes the visitor's consent on: once it is known, and at each change. */
export const consent = (given) => call('consent', given);

/** Stores the visitor's objection on this device. */
export const optOut = () => window.sillage?.optOut?.();

/** Removes the stored objection. */
export const optIn = () => window.sillage?.optIn?.();

/** Whether the visitor or the browser objects. */
export const isOptedOut = () => Boolean(typeof window !== 'undefined' && window.sillage?.isOptedOut?.());
