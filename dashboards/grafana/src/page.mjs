// One page: all figures published about it.
// @ts-check
import { board, fill, interval, page } from './frame.mjs';
import { bars, linkTo, overTime, property, rows, sql, stats, world } from './kit.mjs';
import {
  AGAINST_BEFORE, BOTH_RANGES, PAGE, PERIOD, quantile, RANGE, rate, SCROLL_DEPTH, SECONDS_ON_PAGE, SITE, topValuesOfPage,
} from './sql.mjs';

const HEADLINES = `SELECT ${AGAINST_BEFORE} AS time,
  sum(visitors) AS "Visitors",
  sum(pageviews) AS "Pageviews",
  sum(visits) AS "Visits that began here",
  sum(exits) AS "Visits that ended here",
  ${rate('bounces', 'visits', 100)} AS "Bounce rate",
  ${SECONDS_ON_PAGE} AS "Time on page",
  ${SCROLL_DEPTH} AS "Scroll depth"
FROM page_days
WHERE ${BOTH_RANGES} AND ${PAGE}
GROUP BY time
ORDER BY time`;

const OVER_TIME = `SELECT ${PERIOD} AS time, sum(pageviews) AS "Pageviews", sum(visitors) AS "Visitors"
FROM page_days
WHERE ${RANGE} AND ${PAGE}
GROUP BY time
ORDER BY time`;

const HOURS = `SELECT $__timeInterval(hour) AS time, sum(pageviews) AS "Pageviews", sum(visits) AS "Visits that began here"
FROM page_hours
WHERE ${SITE} AND ${PAGE} AND $__timeFilter(hour)
GROUP BY time
ORDER BY time`;

const NEXT = `SELECT page AS "Page", sum(pageviews) AS "Pageviews"
FROM dimension_page_days
WHERE ${RANGE} AND dimension = 'previous_page' AND value = \${page:singlequote}
GROUP BY page
HAVING sum(pageviews) > 0
ORDER BY 2 DESC, 1
LIMIT 12`;

const ACTIONS = `SELECT action AS "Action", sum(count) AS "Uses", sum(visitors) AS "Visitors"
FROM action_page_days
WHERE ${RANGE} AND ${PAGE}
GROUP BY action
HAVING sum(count) > 0
ORDER BY 2 DESC, 1
LIMIT 50`;

const TIMES = `SELECT metric AS "Metric", sum(count) AS "Measured", ${quantile(0.75)} AS "p75"
FROM timing_page_days
WHERE ${RANGE} AND ${PAGE}
GROUP BY metric
HAVING sum(count) > 0
ORDER BY 1`;

const ROBOTS = `SELECT toString(kind) AS "Kind", sum(hits) AS "Hits"
FROM robot_days
WHERE ${RANGE} AND ${PAGE}
GROUP BY kind
HAVING sum(hits) > 0
ORDER BY 2 DESC, 1`;

const COUNTRIES = `SELECT value AS "Country", sum(visitors) AS "Visitors"
FROM dimension_page_days
WHERE ${RANGE} AND ${PAGE} AND dimension = 'country' AND match(value, '^[A-Z]{2}$')
GROUP BY value
HAVING sum(visitors) > 0
ORDER BY 2 DESC, 1`;

const ON = [linkTo('sillage-page', 'Everything about this page', '&var-page=${__value.text:percentencode}')];
const SECONDS = [property('unit', 's')];
const PERCENT = [property('unit', 'percent')];
const SMALL = 'Published for days with at least about twenty visitors of this value';

const top = (/** @type {string} */ dimension, /** @type {string} */ title) =>
  rows({ title, description: `Visitors of this page. ${SMALL}.`, width: 8, height: 9, noValue: SMALL }, topValuesOfPage(dimension, title));

const sections = () => /** @type {[string, any[]][]} */ ([
  ['${page}', [
    stats({ title: 'The page compared with the previous period', description: 'Sums of published figures; rates are shown if their denominator is at least 100.' },
      HEADLINES, { 'Bounce rate': PERCENT, 'Scroll depth': PERCENT, 'Time on page': SECONDS }),
    overTime({ title: 'Pageviews and visitors', description: 'By day, week or month.' }, [sql(OVER_TIME, 'timeseries')]),
    overTime({ title: 'By the hour', description: 'Hours in which the page had about twenty visitors or more.', noValue: 'No hour of this page is large enough to be published alone' }, [sql(HOURS, 'timeseries')], { bars: true }),
  ]],
  ['Navigation', [
    rows({ title: 'From', description: 'Previous pages of this site, by pageviews of this page.', noValue: SMALL }, topValuesOfPage('previous_page', 'Page'), { Page: ON }),
    rows({ title: 'To', description: 'Next pages of this site, by their pageviews.', noValue: SMALL }, NEXT, { Page: ON }),
  ]],
  ['Readers', [
    bars({ title: 'Referrers', description: `Hosts that led to this page. ${SMALL}.`, noValue: SMALL }, topValuesOfPage('referrer', 'Referrer')),
    world({ title: 'Countries', description: `Visitors of this page by country. ${SMALL}.`, width: 16, height: 10, noValue: SMALL }, COUNTRIES, 'Visitors'),
    top('device', 'Devices'), top('browser', 'Browsers'), top('language', 'Languages'),
  ]],
  ['Use', [
    rows({ title: 'Actions', description: 'Actions on this page.', width: 8, noValue: 'No action on this page' }, ACTIONS),
    rows({ title: 'Load times', description: '75th percentile in milliseconds; cls in thousandths.', width: 8 }, TIMES, { p75: [property('unit', 'ms')] }),
    rows({ title: 'Robots', description: 'Hits of robots on this page, by kind.', width: 8, noValue: 'No robot on this page' }, ROBOTS),
  ]],
]);

/** The dashboard of one page, for sites in `timezone`. */
export const onePage = (/** @type {string} */ timezone) => fill(board({
  uid: 'sillage-page', title: 'Sillage: one page', timezone,
  description: 'All published figures of one page: visitors, navigation, actions, load times.',
}, [interval(), page()]), sections()).build();
