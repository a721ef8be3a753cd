import { tellActions } from './actions.js';
import { watchPage } from './watch.js';

// React's strict mode runs an effect twice, and a layout may be mounted again.
let isStarted = false;

/** Sends downloads, outbound links, forms, videos and declared actions; with `problems: true` script errors too. Once a page. */
export function actions(options = {}) {
  if (isStarted || typeof window === 'undefined') return;
  isStarted = true;
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== false && value != null));
  tellActions(given, () => watchPage(given));
}
