// A dashboard's frame: identity, range, time zone, variables, annotations.
// @ts-check
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { CLICKHOUSE, siblings, sql } from './kit.mjs';
import { FROM, RANGE, SITE, TO } from './sql.mjs';

/** @typedef {{ name: string, label: string, description: string }} Variable */

/** The data source: a variable, so that a dashboard works after an import into any Grafana. */
export const dataSource = (/** @type {string} */ type) => new dashboard.DatasourceVariableBuilder('datasource')
  .label('Data source').description('Data source of the figures').type(type);

/** A variable whose SQL runs again when the range changes. */
export const listed = (/** @type {Variable} */ variable, /** @type {string} */ rawSql) => new dashboard.QueryVariableBuilder(variable.name)
  .label(variable.label).description(variable.description).datasource(CLICKHOUSE).query(rawSql).definition(rawSql)
  .refresh(dashboard.VariableRefresh.OnTimeRangeChanged).sort(dashboard.VariableSort.Disabled).multi(false).includeAll(false);

/** A variable with fixed values; the first is the default. */
export const fixed = (/** @type {Variable} */ variable, /** @type {string[]} */ values) => new dashboard.CustomVariableBuilder(variable.name)
  .label(variable.label).description(variable.description).values(values.join(','))
  .options(values.map((value, index) => ({ selected: index === 0, text: value, value })))
  .current({ selected: true, text: values[0] ?? '', value: values[0] ?? '' }).multi(false).includeAll(false);

export const site = () => listed(
  { name: 'site', label: 'Site', description: 'Sites that the data source’s token may read' },
  'SELECT DISTINCT site FROM site_days ORDER BY site',
);

export const page = () => listed(
  { name: 'page', label: 'Page', description: 'Pages of this site in this range, busiest first' },
  `SELECT page FROM page_days WHERE ${RANGE} GROUP BY page ORDER BY sum(pageviews) DESC, page LIMIT 500`,
);

export const interval = () => fixed(
  { name: 'interval', label: 'Interval', description: 'Length of one interval in the charts' }, ['day', 'week', 'month'],
);

const timezoneConstant = (/** @type {string} */ timezone) => new dashboard.ConstantVariableBuilder('timezone')
  .label('Time zone').description('Time zone of the site; it determines the days').value(timezone);

/** Notes on the days of a site, from its configuration and from POST /api/annotations. */
const annotations = () => new dashboard.AnnotationQueryBuilder().name('Notes').enable(true).hide(false).iconColor('purple')
  .datasource(CLICKHOUSE).target(sql(
    `SELECT toDateTime(day, '\${timezone}') AS time, text, 'sillage' AS tags FROM annotations WHERE ${SITE} AND day BETWEEN ${FROM} AND ${TO} ORDER BY time`,
    'table', 'Notes',
  ));

/** A dashboard on ClickHouse; `variables` come after data source and site. */
export function board(/** @type {{ uid: string, title: string, description: string, timezone: string }} */ head, /** @type {any[]} */ variables) {
  const made = new dashboard.DashboardBuilder(head.title).uid(head.uid).description(head.description).tags(['sillage'])
    .timezone(head.timezone === 'UTC' ? 'utc' : head.timezone).weekStart('monday').time({ from: 'now-27d/d', to: 'now' }).refresh('5m').readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair).link(siblings()).annotation(annotations())
    .withVariable(dataSource('grafana-clickhouse-datasource')).withVariable(site());
  for (const variable of variables) made.withVariable(variable);
  return made.withVariable(timezoneConstant(head.timezone));
}

/** Adds rows of panels to a dashboard: title → panels. */
export function fill(/** @type {dashboard.DashboardBuilder} */ board, /** @type {[string, any[]][]} */ sections) {
  for (const [title, panels] of sections) {
    board.withRow(new dashboard.RowBuilder(title).collapsed(false));
    for (const panel of panels) board.withPanel(panel);
  }
  return board;
}
