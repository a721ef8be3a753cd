// Operations: the collector's own metrics, from Prometheus. None of their labels comes from a visitor.
// @ts-check
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import { dataSource } from './frame.mjs';
import { overTime, promql, PROMETHEUS, property, siblings, steps } from './kit.mjs';

const SELECTED = 'job=~"$job", instance=~"$instance"';
const RATE = '[$__rate_interval]';

/** Outcomes that mean trouble; all others that are not counted are deliberate. */
export const REFUSED = 'malformed|too_large|unsupported|timed_out|unavailable';

const one = (/** @type {string} */ title, /** @type {string} */ description, /** @type {string} */ expr, unit = 'short', limits = steps([null, 'green'])) =>
  new stat.PanelBuilder().title(title).description(description).datasource(PROMETHEUS).unit(unit).noValue('No sample')
    .span(4).height(4).withTarget(promql(expr, '')).thresholds(limits)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .colorMode(common.BigValueColorMode.Value).graphMode(common.BigValueGraphMode.Area);

const chart = (/** @type {string} */ title, /** @type {string} */ description, /** @type {[string, string][]} */ queries, unit = 'short', options = {}) =>
  overTime({ title, description, unit, width: 12, height: 8, noValue: 'No sample' },
    queries.map(([expr, legend], index) => promql(expr, legend, String.fromCharCode(65 + index))), { datasource: PROMETHEUS, ...options });

const quantiles = (/** @type {string} */ metric) => /** @type {[string, string][]} */ ([0.5, 0.95, 0.99].map((share) =>
  [`histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{${SELECTED}}${RATE})))`, `p${share * 100}`]));

const health = () => [
  one('Engine', '1 while the database answers.', `min(sillage_engine_up{${SELECTED}})`, 'short', steps([null, 'red'], [1, 'green'])),
  one('Hits', 'Hits received a second, over all sites.', `sum(rate(sillage_received_total{${SELECTED}}${RATE}))`, 'reqps'),
  one('Refused', 'Share of hits that were refused with an error: malformed, too large, late, or no room.', `100 * sum(rate(sillage_hits_total{${SELECTED}, outcome=~"${REFUSED}"}${RATE})) / sum(rate(sillage_received_total{${SELECTED}}${RATE}))`, 'percent', steps([null, 'green'], [1, 'yellow'], [5, 'red'])),
  one('Spool', 'Bytes of accepted hits that wait for the database.', `sum(sillage_spool_bytes{${SELECTED}})`, 'bytes', steps([null, 'green'], [1e9, 'yellow'], [5e9, 'red'])),
  one('Oldest wait', 'Age of the oldest hit that is not in the database yet.', `max(sillage_spool_oldest_seconds{${SELECTED}})`, 's', steps([null, 'green'], [120, 'yellow'], [900, 'red'])),
  one('Location file', 'Age of the first location file.', `max(sillage_geo_age_seconds{${SELECTED}})`, 's', steps([null, 'green'], [7.776e6, 'yellow'], [1.5552e7, 'red'])),
];

const hits = () => [
  chart('Hits by outcome', 'Every hit ends in exactly one outcome.', [[`sum by (outcome) (rate(sillage_hits_total{${SELECTED}, site=~"$site"}${RATE}))`, '{{outcome}}']], 'reqps', { stacked: true }),
  chart('Hits by site', 'Hits received a second, by site; empty for hits that belong to none.', [[`sum by (site) (rate(sillage_hits_total{${SELECTED}, site=~"$site"}${RATE}))`, '{{site}}']], 'reqps', { stacked: true }),
  chart('Time to accept', 'From a request’s head to its answer: the answer follows the sync of the disk.', quantiles('sillage_accept_seconds'), 's'),
  chart('Connections', 'Open connections of the public listener, by thread.', [[`sum by (thread) (sillage_connections{${SELECTED}})`, 'thread {{thread}}']]),
];

const database = () => [
  chart('Spool', 'Segments that wait, and their bytes on the right.', [[`sum(sillage_spool_segments{${SELECTED}})`, 'segments'], [`sum(sillage_spool_bytes{${SELECTED}})`, 'bytes']])
    .overrideByName('bytes', [property('unit', 'bytes'), property('custom.axisPlacement', 'right')]),
  chart('Time to store', 'From a sealed segment to its rows in the database.', quantiles('sillage_flush_seconds'), 's'),
  chart('Rows stored', 'Counter rows a second, by table.', [[`sum by (table) (rate(sillage_flush_rows_total{${SELECTED}}${RATE}))`, '{{table}}']], 'wps'),
  chart('Failed inserts', 'Inserts that failed, by what can be done about it.', [[`sum by (kind) (rate(sillage_store_errors_total{${SELECTED}}${RATE}))`, '{{kind}}']], 'ops'),
  chart('Set aside', 'Damaged parts of segments, files that were removed after a week, and segments folded to counters.', [
    [`sum(increase(sillage_quarantined_total{${SELECTED}}${RATE}))`, 'set aside'],
    [`sum(increase(sillage_quarantine_forgotten_total{${SELECTED}}${RATE}))`, 'removed'],
    [`sum(increase(sillage_folded_total{${SELECTED}}${RATE}))`, 'folded'],
  ]),
];

const memory = () => [
  chart('Visits in progress', 'Open visits in memory.', [[`sum(sillage_visits_active{${SELECTED}})`, 'visits']]),
  chart('Tags', 'Tags of the day in memory; they never reach a disk.', [[`sum(sillage_tags{${SELECTED}})`, 'tags']]),
  chart('Rows of the day', 'Distinct rows that the days in memory have made.', [[`sum(sillage_rows{${SELECTED}})`, 'rows']]),
  chart('Bounds met', 'Hits of which a part counts as (other), by the bound that they met.', [[`sum by (bound) (rate(sillage_other_total{${SELECTED}}${RATE}))`, '{{bound}}']], 'reqps'),
];

const labels = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ description, /** @type {string} */ query) =>
  new dashboard.QueryVariableBuilder(name).label(label).description(description).datasource(PROMETHEUS)
    .query({ query, refId: name, qryType: 1 }).definition(query).refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .multi(true).includeAll(true).allValue('.*').current({ selected: true, text: ['All'], value: ['$__all'] });

/** The dashboard of operations, on Prometheus. */
export function operations() {
  const made = new dashboard.DashboardBuilder('Sillage: operations').uid('sillage-operations').tags(['sillage'])
    .description('The collector’s own health, from its /metrics: hits by outcome, spool, database, memory.')
    .timezone('browser').time({ from: 'now-6h', to: 'now' }).refresh('30s').readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair).link(siblings())
    .withVariable(dataSource('prometheus'))
    .withVariable(labels('job', 'Job', 'Prometheus’ name for the collectors', 'label_values(sillage_build_info, job)'))
    .withVariable(labels('instance', 'Instance', 'One collector, or all', 'label_values(sillage_build_info{job=~"$job"}, instance)'))
    .withVariable(labels('site', 'Site', 'Sites of these collectors', 'label_values(sillage_hits_total{job=~"$job"}, site)'));
  for (const [title, panels] of /** @type {[string, any[]][]} */ ([['Health', health()], ['Hits', hits()], ['Database', database()], ['Memory', memory()]])) {
    made.withRow(new dashboard.RowBuilder(title).collapsed(false));
    for (const panel of panels) made.withPanel(panel);
  }
  return made.build();
}
