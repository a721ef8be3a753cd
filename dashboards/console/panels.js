// Panels below the chart, their tabs, and the queries of each tab. A tab without an answer under the filters shows
// the reason.
import { length } from './ranges.js';
import { onlyPage, state, valueFilter } from './state.js';
import { t } from './words.js';

const ROWS = 9;

/** Outcomes of hits that are in the figures. */
export const COUNTED_OUTCOMES = ['counted', 'untagged', 'unanswered'];

const OF_VISITORS = ['visitors', 'pageviews'];
const CAME = ['visits', 'bounce_rate'];

const list = (id, head, dimension, metrics, more = {}) => ({ id, head, dimension, metrics, ...more });
const table = (id, head, name, metrics, more = {}) => ({ id, head, table: name, metrics, ...more });

/** Panels with their tabs, for one site and its settings. */
export function panels(site, marketing) {
  const properties = (site.properties ?? []).map((property) => list(`p:${property}`, property, `event:props:${property}`, ['events', 'visitors'], { title: property, actions: true }));
  const page = onlyPage();
  // How visits began is kept for the whole site; with a page, who saw it is.
  const came = state.filters.some(([, dimension]) => dimension === 'event:page') ? OF_VISITORS : CAME;
  const found = [
    // With a filter on one page, the list of pages would have one row.
    ...(page ? [] : [['pages', [
      list('all_pages', 'page', 'event:page', ['pageviews', 'visitors']),
      list('entry', 'page', 'visit:entry_page', ['visits', 'bounce_rate'], { whole: true, picks: 'event:page' }),
      list('exit', 'page', 'visit:exit_page', ['visits'], { whole: true, picks: 'event:page' }),
      list('reading', 'page', 'event:page', ['time_on_page', 'scroll_depth', 'pageviews'], { whole: false, alone: true, order: 'pageviews' }),
      table('notfound', 'page', 'not_found', ['hits'], { picks: 'event:page' }),
      ...(site.groups?.length ? [{ id: 'groups', head: 'groups', groups: site.groups, metrics: OF_VISITORS, alone: true }] : []),
    ]]]),
    ...(page ? [['way', [
      list('way_from', 'page', 'event:previous_page', ['pageviews'], { picks: 'event:page' }),
      list('way_to', 'page', 'event:page', ['pageviews'], { from: page, picks: 'event:page' }),
    ]]] : []),
    ['sources', [
      list('referrers', 'referrers', 'visit:referrer', came),
      ...(marketing ? [
        list('channels', 'channels', 'visit:channel', came), list('names', 'sources', 'visit:source', came),
        list('campaigns', 'campaigns', 'visit:utm_campaign', came), list('media', 'media', 'visit:utm_medium', came),
      ] : []),
    ]],
    ['places', [
      list('map', 'country', 'visit:country', OF_VISITORS, { map: true }), list('countries', 'country', 'visit:country', OF_VISITORS),
      list('regions', 'regions', 'visit:region', OF_VISITORS), list('cities', 'cities', 'visit:city', OF_VISITORS),
    ]],
    ['devices', [
      list('devices', 'devices', 'visit:device', OF_VISITORS), list('browsers', 'browsers', 'visit:browser', OF_VISITORS),
      list('browser_versions', 'browser_versions', 'visit:browser_version', OF_VISITORS), list('systems', 'systems', 'visit:os', OF_VISITORS),
      list('system_versions', 'system_versions', 'visit:os_version', OF_VISITORS), list('screens', 'screens', 'visit:screen', OF_VISITORS),
      list('languages', 'languages', 'visit:language', OF_VISITORS),
      ...(marketing ? [list('device_models', 'device_models', 'visit:device_model', came)] : []),
    ]],
    ['actions', [
      ...(site.goals?.length ? [{ id: 'goals', head: 'goal', goals: site.goals, metrics: ['visitors', 'rate'], alone: true, whole: true }] : []),
      list('actions', 'actions', 'event:name', ['events', 'visitors'], { actions: true }), ...properties,
      ...(site.search ? [list('searches', 'searches', 'event:props:query', ['events'], { actions: true, under: 'Search' })] : []),
      ...(site.problems ? [list('errors', 'errors', 'event:props:kind', ['events'], { actions: true, under: 'problem' })] : []),
    ]],
    ['load', [
      list('vitals', 'metric', 'event:timing', ['p75', 'events'], { vitals: true, alone: true, spark: true }),
      list('slow', 'page', 'event:page', ['p75', 'events'], { timing: 'lcp', picks: 'event:page', alone: true, order: 'p75' }),
    ]],
    ['robots', [
      table('kinds', 'kind', 'robot_kinds', ['hits'], { names: 'kind', spark: 'robot_days' }),
      table('robot_pages', 'page', 'robot_pages', ['hits', 'ai'], { picks: 'event:page' }),
    ]],
    ['uncounted', [table('uncounted', 'outcome', 'outcomes', ['hits'], { names: 'outcome', whole: true, spark: 'outcome_days', omits: COUNTED_OUTCOMES })]],
  ];
  return found.map(([id, tabs]) => ({ id, tabs, chosen: tabs.find((tab) => tab.id === state.tabs[id]) ?? tabs.find((tab) => !obstacle(tab)) ?? tabs[0] }));
}

/** Of a day that is under way, where figures are in tens: the pages that are busy enough to be published by the hour. */
export function busyPages() {
  const tab = list('all_pages', 'page', 'event:page', ['pageviews', 'visits'], { picks: 'event:page', empty: 'noBusyPage' });
  return [{ id: 'pages', tabs: [tab], chosen: tab }];
}

export const titleOf = (tab) => tab.title ?? t(tab.id);

/** Reason why a tab has no answer under the filters, or undefined. */
export function obstacle(tab) {
  const value = valueFilter();
  if (tab.whole && onlyPage()) return t('only_page');
  if (!value) return '';
  const pages = tab.dimension === 'event:page' && !tab.alone && !tab.from;
  const own = tab.dimension === value[1];
  const acts = tab.actions && (value[1] === 'event:name' || value[1].startsWith('event:props:'));
  return pages || own || acts ? '' : t('only_value');
}

/** Queries of a tab by name; `base` holds site and days. */
export function queries(tab, base, name, rows = ROWS) {
  if (tab.table) {
    // The days hold the sums too.
    return { [tab.spark ? `${name}:days` : name]: { ...base, table: tab.spark ?? tab.table, page: onlyPage() } };
  }
  if (tab.groups) {
    const pattern = (paths) => paths.map((path) => `^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
    return Object.fromEntries(tab.groups.map((group, at) => [`${name}:${at}`, { ...base, metrics: tab.metrics, filters: [['matches', 'event:page', pattern(group.paths)]] }]));
  }
  if (tab.goals) {
    const goal = ({ action, page }) => (action ? { ...base, metrics: ['visitors'], filters: [['is', 'event:name', [action]]], dimensions: ['event:name'] }
      : { ...base, metrics: ['visitors'], dimensions: page.endsWith('*') ? [] : ['event:page'], filters: [page.endsWith('*') ? ['contains', 'event:page', [page.slice(0, -1)]] : ['is', 'event:page', [page]]] });
    const all = state.filters.length ? { [`${name}:all`]: { ...base, metrics: ['visitors'] } } : {};
    return { ...Object.fromEntries(tab.goals.map((one, at) => [`${name}:${at}`, goal(one)])), ...all };
  }
  const filters = [...(tab.from ? [['is', 'event:previous_page', [tab.from]]] : filtersOf(tab)),
    ...(tab.under ? [['is', 'event:name', [tab.under]]] : []), ...(tab.timing ? [['is', 'event:timing', [tab.timing]]] : [])];
  const order = tab.order && { order_by: [[tab.order, 'desc']] };
  const more = tab.vitals && {
    [`${name}:shares`]: { ...base, table: 'histogram', page: onlyPage() },
    [`${name}:days`]: { ...base, metrics: ['p75'], dimensions: [length(base.date_range) <= 92 ? 'time:day' : 'time:week', tab.dimension], filters, pagination: { limit: 5000 } },
  };
  return { ...more, [name]: { ...base, metrics: tab.metrics, dimensions: [tab.dimension], filters, ...order, pagination: { limit: tab.map ? 250 : rows + 1 } } };
}

/** The filters in the API's form. */
const filtersOf = () => state.filters.map(([operator, dimension, value]) => [operator, dimension, [value]]);
export { filtersOf, ROWS };

const STORED = { 'visit:os': 'system', 'visit:os_version': 'system_version' };

/** A tab's query as SQL over the published tables, for Grafana or another client. */
export function asSql(tab, base) {
  const text = (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const [from, to] = base.date_range;
  const days = `site = ${text(base.site_id)} AND day BETWEEN ${text(from)} AND ${text(to)}`;
  const page = onlyPage();
  const ofPage = page ? ` AND page = ${text(page)}` : '';
  const sums = (key, source, figures, where = '') => `SELECT ${key}, ${figures.map((figure) => `sum(${figure}) AS ${figure}`).join(', ')}\nFROM ${source}\nWHERE ${days}${where}\nGROUP BY ${key.split(' AS ')[0]}\nORDER BY 2 DESC\nLIMIT 100`;
  if (tab.table?.startsWith('robot')) return sums(tab.table === 'robot_pages' ? 'page' : 'kind', 'robot_days', ['hits'], ofPage);
  if (tab.table === 'not_found') return sums('page', 'page_days', ['not_found'], ofPage);
  if (tab.table) return sums('outcome', 'outcome_days', ['hits'], ` AND outcome NOT IN (${COUNTED_OUTCOMES.map(text).join(', ')})`);
  if (tab.vitals || tab.timing) return `SELECT metric, round(exp2(quantileExactWeighted(0.75)(bucket, toUInt64(count)) / 4)) AS p75, sum(count) AS measured\nFROM ${page ? 'timing_page_days' : 'timing_days'}\nWHERE ${days}${ofPage}\nGROUP BY metric`;
  if (tab.goals || tab.dimension === 'event:name') return sums('action', page ? 'action_page_days' : 'action_days', ['count', 'visitors'], ofPage);
  if (tab.dimension?.startsWith('event:props:')) return sums('value', 'action_value_days', ['count', 'visitors'], ` AND property = ${text(tab.dimension.slice(12))}`);
  if (tab.from) return sums('page', 'dimension_page_days', ['pageviews', 'visitors'], ` AND dimension = 'previous_page' AND value = ${text(tab.from)}`);
  if (tab.groups || tab.head === 'page') return sums('page', 'page_days', tab.id === 'exit' ? ['exits'] : tab.id === 'entry' ? ['visits', 'bounces'] : ['pageviews', 'visitors'], ofPage);
  const dimension = STORED[tab.dimension] ?? tab.dimension.split(':')[1];
  return sums('value', page ? 'dimension_page_days' : 'dimension_days', page ? ['visitors', 'pageviews'] : ['visitors', 'pageviews', 'visits', 'bounces'], ` AND dimension = ${text(dimension)}${ofPage}`);
}
