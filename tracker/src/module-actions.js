import { tellActions } from './actions.js';
import { watchPage } from './watch.js';

/** Sends downloads, outbound links, forms, videos and declared actions; with `problems: true` script errors too. */
export function actions(options = {}) {
  if (typeof window === 'undefined') return;
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== false && value != null));
  tellActions(given, () => watchPage(given));
}
