// Load times: web vitals at the 75th percentile, beside the usual thresholds.
// @ts-check
import { board, fill, fixed, interval } from './frame.mjs';
import { columns, linkTo, overTime, property, rows, sql, stats } from './kit.mjs';
import { AGAINST_BEFORE, BOTH_RANGES, PERIOD, quantile, RANGE } from './sql.mjs';

/** Good up to the first, poor beyond the second: web.dev's thresholds. Milliseconds; `cls` in thousandths. */
export const THRESHOLDS = /** @type {Record<string, [string, number, number]>} */ ({
  lcp: ['Largest contentful paint', 2500, 4000],
  inp: ['Interaction to next paint', 200, 500],
  cls: ['Layout shift, thousandths', 100, 250],
  fcp: ['First contentful paint', 1800, 3000],
  ttfb: ['First byte', 800, 1800],
});

const colored = (/** @type {number} */ good, /** @type {number} */ poor, /** @type {string} */ unit) => [
  property('unit', unit),
  property('thresholds', { mode: 'absolute', steps: [{ value: null, color: 'green' }, { value: good, color: 'yellow' }, { value: poor, color: 'red' }] }),
];

const of = (/** @type {string} */ metric) =>
  `if(sumIf(count, metric = '${metric}') >= 100, round(exp2(quantileExactWeightedIf(0.75)(bucket, toUInt64(greatest(count, 0)), metric = '${metric}') / 4)), NULL)`;

const VITALS = `SELECT ${AGAINST_BEFORE} AS time,
${Object.entries(THRESHOLDS).map(([metric, [label]]) => `  ${of(metric)} AS "${label}"`).join(',\n')}
FROM timing_days
WHERE ${BOTH_RANGES}
GROUP BY time
ORDER BY time`;

const OVER_TIME = `SELECT ${PERIOD} AS time, ${quantile(0.5)} AS "p50", ${quantile(0.75)} AS "p75", ${quantile(0.95)} AS "p95"
FROM timing_days
WHERE ${RANGE} AND metric = \${metric:singlequote}
GROUP BY time
ORDER BY time`;

const DISTRIBUTION = `SELECT concat('≤ ', toString(round(exp2(bucket / 4)))) AS "Up to", sum(count) AS "Loads"
FROM timing_days
WHERE ${RANGE} AND metric = \${metric:singlequote}
GROUP BY bucket
HAVING sum(count) > 0
ORDER BY bucket`;

const PAGES = `SELECT page AS "Page", sum(count) AS "Measured", ${quantile(0.5)} AS "p50", ${quantile(0.75)} AS "p75", ${quantile(0.95)} AS "p95"
FROM timing_page_days
WHERE ${RANGE} AND metric = \${metric:singlequote}
GROUP BY page
HAVING sum(count) > 0
ORDER BY p75 DESC NULLS LAST, 1
LIMIT 100`;

const MS = [property('unit', 'ms')];

/** The dashboard of load times, for sites in `timezone`. */
export function loadTimes(/** @type {string} */ timezone) {
  const vitals = stats({ title: 'Web vitals at p75, compared with the previous period', description: 'Three quarters of the loads are at or below this value. Green: good, yellow: needs improvement, red: poor. Layout shift in thousandths.' },
    VITALS, Object.fromEntries(Object.entries(THRESHOLDS).map(([metric, [label, good, poor]]) => [label, colored(good, poor, metric === 'cls' ? 'short' : 'ms')])));
  vitals.colorMode(/** @type {any} */ ('background'));
  const metric = fixed({ name: 'metric', label: 'Metric', description: 'Which load time the panels below show; cls is in thousandths' }, [...Object.keys(THRESHOLDS), 'dom', 'load']);
  return fill(board({
    uid: 'sillage-load', title: 'Sillage: load times', timezone,
    description: 'Web vitals measured in visitors’ browsers: p75, over time, distribution, and by page.',
  }, [interval(), metric]), [
    ['Web vitals', [vitals]],
    ['${metric}', [
      overTime({ title: '${metric} over time', description: 'Median, 75th and 95th percentile of each day, week or month; upper bounds of quarter-doubling buckets.', unit: 'ms', width: 12 }, [sql(OVER_TIME, 'timeseries')]),
      columns({ title: 'Distribution of ${metric}', description: 'Loads by the upper bound of their bucket, in milliseconds; four buckets to a doubling.', height: 9 }, DISTRIBUTION, 'Up to'),
      rows({ title: 'Pages by ${metric}', description: 'Slowest pages at p75 first; percentiles are shown from 100 loads.', width: 24, height: 12 }, PAGES,
        { Page: [linkTo('sillage-page', 'Everything about this page', '&var-page=${__data.fields.Page:percentencode}')], p50: MS, p75: MS, p95: MS }),
    ]],
  ]).build();
}
