// Alert rules, provisioned: the collector's health from Prometheus, the audience from published figures.
// @ts-check
import * as alerting from '@grafana/grafana-foundation-sdk/alerting';
import * as expr from '@grafana/grafana-foundation-sdk/expr';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import { REFUSED } from './operations.mjs';

const FOLDER = 'Sillage';
const EXPRESSION = { type: '__expr__', uid: '__expr__' };

/** Condition C: compares the last value of query A with a limit. */
function compared(/** @type {'gt' | 'lt'} */ type, /** @type {number} */ limit) {
  const last = new expr.TypeReduceBuilder().datasource(EXPRESSION).expression('A').reducer(/** @type {any} */ ('last')).refId('B');
  const params = [{ evaluator: { type, params: [limit] } }];
  const beyond = new expr.TypeThresholdBuilder().datasource(EXPRESSION).expression('B').refId('C')
    .conditions(/** @type {any} */ (params.map((one) => ({ build: () => one }))));
  return [last, beyond].map((model, index) => new alerting.QueryBuilder(index === 0 ? 'B' : 'C')
    .datasourceUid('__expr__').queryType('').relativeTimeRange({ from: 0, to: 0 }).model(model));
}

/** @typedef {{ uid: string, title: string, summary: string, description: string, severity: 'critical' | 'warning', for: string, above?: number, below?: number }} Alert */

function rule(/** @type {Alert} */ alert, /** @type {any} */ query, /** @type {'OK' | 'Alerting' | 'NoData'} */ noData) {
  const made = new alerting.RuleBuilder(alert.title).uid(alert.uid).condition('C').forDuration(alert.for)
    .noDataState(noData).execErrState('Error').isPaused(false)
    .annotations({ summary: alert.summary, description: alert.description }).labels({ service: 'sillage', severity: alert.severity })
    .withQuery(query);
  for (const condition of compared(alert.above === undefined ? 'lt' : 'gt', alert.above ?? alert.below ?? 0)) made.withQuery(condition);
  return made;
}

function watched(/** @type {Alert} */ alert, /** @type {string} */ promql, /** @type {'OK' | 'Alerting'} */ noData = 'OK') {
  const model = new prometheus.DataqueryBuilder().datasource({ type: 'prometheus', uid: 'sillage-prometheus' }).expr(promql).instant().refId('A');
  return rule(alert, new alerting.QueryBuilder('A').datasourceUid('sillage-prometheus').queryType('').relativeTimeRange({ from: 600, to: 0 }).model(model), noData);
}

/** An alert query with one series: for each of the last closed days, its percentage of the same day a week before. */
function audience(/** @type {Alert} */ alert) {
  const rawSql = `SELECT toDateTime(day) AS time, round(100 * people / people_before) AS percent FROM
(
  SELECT day, sum(day_people) OVER (ORDER BY day RANGE BETWEEN CURRENT ROW AND CURRENT ROW) AS people,
    sum(day_people) OVER (ORDER BY day RANGE BETWEEN 7 PRECEDING AND 7 PRECEDING) AS people_before
  FROM
  (
    SELECT day, sumIf(visitors, period = 'day') AS day_people FROM site_days
    WHERE $__dateFilter(day) AND day < today() GROUP BY day
  )
)
WHERE people_before >= 100
ORDER BY time`;
  const model = {
    build: () => /** @type {any} */ ({
      datasource: { type: 'grafana-clickhouse-datasource', uid: 'sillage-clickhouse' },
      editorType: 'sql', format: 0, pluginVersion: '4.20.0', queryType: 'timeseries', rawSql, refId: 'A',
    }),
  };
  return rule(alert, new alerting.QueryBuilder('A').datasourceUid('sillage-clickhouse').queryType('').relativeTimeRange({ from: 15 * 86_400, to: 0 }).model(model), 'OK');
}

const ofRefused = `100 * sum(rate(sillage_hits_total{outcome=~"${REFUSED}"}[5m])) / sum(rate(sillage_received_total[5m]))`;

const health = () => [
  watched({ uid: 'sillage-engine-down', title: 'Database unavailable', severity: 'critical', for: '5m', below: 1, summary: 'The database of Sillage is not responding', description: 'Hits wait in the spool; none is lost until it is full. Read the log of the engine.' }, 'min(sillage_engine_up)', 'Alerting'),
  watched({ uid: 'sillage-spool-waits', title: 'Hits wait too long', severity: 'warning', for: '10m', above: 900, summary: 'Hits have waited for more than 15 minutes', description: 'Inserts into the database are slow or failing.' }, 'max(sillage_spool_oldest_seconds)'),
  watched({ uid: 'sillage-spool-fills', title: 'Spool filling up', severity: 'critical', for: '5m', above: 8e9, summary: 'The spool holds more than 8 GB', description: 'At spool.max_bytes (10 GiB by default) hits are answered 503.' }, 'max(sillage_spool_bytes)'),
  watched({ uid: 'sillage-refused', title: 'Hits rejected', severity: 'warning', for: '15m', above: 5, summary: 'More than 5 % of hits are rejected', description: 'Hits are malformed, too large, late or over a limit: the Operations dashboard shows the outcome.' }, ofRefused),
  watched({ uid: 'sillage-no-hits', title: 'No hits', severity: 'warning', for: '30m', below: 0.0001, summary: 'No hit for half an hour', description: 'The tracker or the proxy in front of the collector may be broken.' }, 'sum(rate(sillage_received_total[30m]))'),
  watched({ uid: 'sillage-set-aside', title: 'Damaged data', severity: 'critical', for: '0s', above: 0, summary: 'Part of a segment was quarantined', description: 'A damaged part of the spool was moved to quarantine/; it is deleted after seven days.' }, 'sum(increase(sillage_quarantined_total[1h]))'),
  watched({ uid: 'sillage-mails-fail', title: 'Mails fail', severity: 'warning', for: '0s', above: 2, summary: 'Mails or webhook calls fail', description: 'More than two attempts failed within five hours: the mail server is unreachable or rejects them. Attempts are up to four hours apart; a mail is abandoned after 24.' }, 'sum(increase(sillage_mails_total{outcome="failed"}[5h]))'),
];

const figures = () => [
  audience({ uid: 'sillage-drop', title: 'Audience drops', severity: 'warning', for: '0s', below: 50, summary: 'Yesterday had less than half of the visitors of the same day a week before', description: 'Published figures of closed days, all sites that the data source’s token may read.' }),
  audience({ uid: 'sillage-spike', title: 'Audience spikes', severity: 'warning', for: '0s', above: 300, summary: 'Yesterday had more than three times the visitors of the same day a week before', description: 'Published figures of closed days, all sites that the data source’s token may read.' }),
];

/** Content of Grafana's file for provisioned alert rules. */
export function alerts() {
  const group = (/** @type {string} */ name, /** @type {string} */ interval, /** @type {alerting.RuleBuilder[]} */ rules) => ({
    orgId: 1, name, folder: FOLDER, interval,
    rules: rules.map((made) => {
      const { folderUID, ruleGroup, orgID, ...kept } = made.build();
      return kept;
    }),
  });
  return { apiVersion: 1, groups: [group('sillage health', '1m', health()), group('sillage audience', '1h', figures())] };
}
