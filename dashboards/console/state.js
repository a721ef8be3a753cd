// The view's state. It is stored in the address alone, which can be bookmarked, sent and opened again.
import { COMPARISONS, INTERVALS, RANGES } from './ranges.js';
import { LANGUAGES } from './words.js';

export const VIEWS = ['overview', 'sites', 'now', 'conformity', 'health', 'install'];
export const THEMES = ['auto', 'light', 'dark'];
export const OPERATORS = ['is', 'is_not', 'contains'];
const DATE = /^\d{4}-\d\d-\d\d$/;

const spoken = () => (navigator.languages ?? []).map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? 'en';

export const DEFAULTS = { view: 'overview', site: '', range: '28d', from: '', to: '', cmp: 'before', cmpfrom: '', by: 'auto', metric: 'visitors', lang: '', theme: 'auto' };

export const state = { ...DEFAULTS, filters: [], tabs: {} };

const oneOf = (list, value, otherwise) => (list.includes(value) ? value : otherwise);

/** Reads the address; missing and invalid parts get their defaults. */
export function readAddress(hash) {
  const asked = new URLSearchParams(hash.replace(/^#/, ''));
  const text = (name) => asked.get(name) ?? DEFAULTS[name];
  const date = (name) => (DATE.test(text(name)) ? text(name) : '');
  Object.assign(state, {
    view: oneOf(VIEWS, text('view'), 'overview'), site: text('site'),
    range: oneOf(RANGES, text('range'), '28d'), from: date('from'), to: date('to'),
    cmp: oneOf(COMPARISONS, text('cmp'), 'before'), cmpfrom: date('cmpfrom'), by: oneOf(INTERVALS, text('by'), 'auto'),
    metric: text('metric'), lang: oneOf(Object.keys(LANGUAGES), text('lang'), spoken()), theme: oneOf(THEMES, text('theme'), 'auto'),
    filters: asked.getAll('filter').map(readFilter).filter(Boolean),
    tabs: Object.fromEntries(asked.getAll('tab').map((pair) => pair.split('.')).filter((pair) => pair.length === 2)),
  });
  if (state.range === 'custom' && !(state.from && state.to)) state.range = '28d';
}

function readFilter(text) {
  const [operator, dimension, ...value] = text.split('~');
  return OPERATORS.includes(operator) && dimension ? [operator, dimension, value.join('~')] : undefined;
}

/** Address of the view after a change. */
export function address(change = {}) {
  const next = { ...state, ...change };
  const said = new URLSearchParams();
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const plain = name === 'lang' ? spoken() : standard;
    if (next[name] !== plain) said.set(name, next[name]);
  }
  for (const filter of next.filters) said.append('filter', filter.join('~'));
  for (const [panel, tab] of Object.entries(next.tabs)) said.append('tab', `${panel}.${tab}`);
  return `#${said}`;
}

/** Page of the page filter, or an empty string. */
export const onlyPage = () => state.filters.find(([operator, dimension]) => operator === 'is' && dimension === 'event:page')?.[2] ?? '';

/** The filter on another dimension than the page, if any. */
export const valueFilter = () => state.filters.find(([, dimension]) => dimension !== 'event:page');

/** Filters after a click on a value: at most one on the page and one other, the finest grain that is stored. */
export function filteredBy(operator, dimension, value) {
  const page = dimension === 'event:page';
  return [...state.filters.filter(([, other]) => (other === 'event:page') !== page), [operator, dimension, value]];
}
