// Audience: the whole site compared with the previous period, from its pages to the hits that were not counted.
// @ts-check
import { board, fill, interval, listed, page } from './frame.mjs';
import { bars, CLICKHOUSE, DASHED, linkTo, NOTHING, overTime, property, rows, sql, stats, world } from './kit.mjs';
import {
  AGAINST_BEFORE, BOTH_RANGES, BOUNCE_RATE, change, FROM, IN_RANGE, PAGES_CHOSEN, PERIOD, RANGE, SCROLL_DEPTH,
  SECONDS_ON_PAGE, SITE, TO, topValues, VIEWS_PER_VISIT, VISIT_SECONDS,
} from './sql.mjs';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

const DIMENSIONS = `SELECT DISTINCT dimension FROM dimension_days WHERE ${RANGE} ORDER BY dimension`;
const CONSENT = 'Measured where visitors consent and the configuration says so';
const TO_PAGE = [linkTo('sillage-page', 'Everything about this page', '&var-page=${__data.fields.Page:percentencode}')];

const HEADLINES = `SELECT ${AGAINST_BEFORE} AS time,
  sum(visitors) AS "Visitors",
  sum(visits) AS "Visits",
  sum(pageviews) AS "Pageviews",
  ${VIEWS_PER_VISIT} AS "Views per visit",
  ${BOUNCE_RATE} AS "Bounce rate",
  ${VISIT_SECONDS} AS "Visit duration",
  ${SECONDS_ON_PAGE} AS "Time on page",
  ${SCROLL_DEPTH} AS "Scroll depth"
FROM site_days
WHERE ${BOTH_RANGES}
GROUP BY time
ORDER BY time`;

const VISITORS = `SELECT ${PERIOD} AS time,
  sumIf(visitors, period = 'day') AS "Visitors",
  sumIf(visitors, period != 'day') AS "Rest of the week or month, dated on its end"
FROM site_days
WHERE ${RANGE}
GROUP BY time
ORDER BY time`;

const COMPARED = `SELECT time, sum(now) AS "This range", sum(earlier) AS "Period before" FROM
(
  SELECT ${PERIOD} AS time, pageviews AS now, 0 AS earlier FROM site_days WHERE ${RANGE}
  UNION ALL
  SELECT ${PERIOD.replaceAll('(day', '(moved').replaceAll('day)', 'moved)')} AS time, 0 AS now, pageviews AS earlier FROM
    (SELECT day + (dateDiff('day', ${FROM}, ${TO}) + 1) AS moved, pageviews FROM site_days WHERE ${BOTH_RANGES} AND NOT (${IN_RANGE}))
)
GROUP BY time
ORDER BY time`;

const HOURS = `SELECT $__timeInterval(hour) AS time, sum(pageviews) AS "Pageviews", sum(visits) AS "Visits", sum(visitors) AS "Visitors"
FROM site_hours
WHERE ${SITE} AND $__timeFilter(hour)
GROUP BY time
ORDER BY time`;

const pages = (/** @type {string} */ measure, /** @type {string} */ label, more = '') => `SELECT page AS "Page",
  sumIf(${measure}, ${IN_RANGE}) AS "${label}",
  ${change(measure)} AS "Change"${more}
FROM page_days
WHERE ${BOTH_RANGES} AND ${PAGES_CHOSEN}
GROUP BY page
HAVING sumIf(${measure}, ${IN_RANGE}) > 0
ORDER BY 2 DESC, 1
LIMIT 100`;
const OF_PAGE = `,
  sumIf(visitors, ${IN_RANGE}) AS "Visitors",
  if(sumIf(engaged_views, ${IN_RANGE}) >= 100, round(sumIf(engaged_ms, ${IN_RANGE}) / sumIf(engaged_views, ${IN_RANGE}) / 1000), NULL) AS "Time on page"`;

const series = (/** @type {string} */ table, /** @type {string} */ name, where = '') => `SELECT ${PERIOD} AS time, toString(${name}) AS series, sum(hits) AS hits
FROM ${table}
WHERE ${RANGE}${where}
GROUP BY time, series
ORDER BY time`;

const COUNTRIES = `SELECT value AS "Country", sum(visitors) AS "Visitors", sum(pageviews) AS "Pageviews"
FROM dimension_days
WHERE ${RANGE} AND dimension = 'country' AND match(value, '^[A-Z]{2}$')
GROUP BY value
HAVING sum(visitors) > 0
ORDER BY 2 DESC, 1`;

const ANY_DIMENSION = `SELECT value AS "Value",
  sumIf(visitors, ${IN_RANGE}) AS "Visitors",
  ${change('visitors')} AS "Change",
  sumIf(pageviews, ${IN_RANGE}) AS "Pageviews",
  sumIf(visits, ${IN_RANGE}) AS "Visits",
  if(sumIf(visits, ${IN_RANGE}) >= 100, round(100 * sumIf(bounces, ${IN_RANGE}) / sumIf(visits, ${IN_RANGE})), NULL) AS "Bounce rate"
FROM dimension_days
WHERE ${BOTH_RANGES} AND dimension = \${dimension:singlequote}
GROUP BY value
HAVING sumIf(visitors, ${IN_RANGE}) > 0
ORDER BY 2 DESC, 1
LIMIT 200`;

const top = (/** @type {string} */ dimension, /** @type {string} */ title, /** @type {string} */ description, width = 8, measure = 'visitors', noValue = NOTHING) =>
  rows({ title, description, width, noValue }, topValues(dimension, title, measure));

const SECONDS = [property('unit', 's')];
const PERCENT = [property('unit', 'percent')];

const overview = () => [
  stats({ title: 'The range compared with the previous period', description: 'Sums of published figures. A visitor counts once a day; a range of several days is the sum of its days. Rates are shown if their denominator is at least 100.' },
    HEADLINES, { 'Bounce rate': PERCENT, 'Scroll depth': PERCENT, 'Visit duration': SECONDS, 'Time on page': SECONDS, 'Views per visit': [property('decimals', 1)] }),
  overTime({ title: 'Visitors', description: 'Visitors of each day, week or month. Figures too small for a day are published with their week or month and dated on its last day.' },
    [sql(VISITORS, 'timeseries')], { bars: true, stacked: true }),
  overTime({ title: 'Pageviews and the previous period', description: 'The previous period is shifted onto this range; with 7, 28 or 91 days, weekdays match.', width: 12 },
    [sql(COMPARED, 'timeseries')]).overrideByName('Period before', DASHED),
  overTime({ title: 'By the hour', description: 'Figures of each hour of the site, rounded to tens once. An hour is published some minutes after its end.', width: 12 },
    [sql(HOURS, 'timeseries')]),
];

const content = () => [
  rows({ title: 'Pages', description: 'Pages by pageviews, with their change from the previous period. A click opens everything about a page.' },
    pages('pageviews', 'Pageviews', OF_PAGE), { Page: TO_PAGE, 'Time on page': SECONDS }),
  rows({ title: 'Entry pages', description: 'Pages on which visits began.' }, pages('visits', 'Entries'), { Page: TO_PAGE }),
  rows({ title: 'Exit pages', description: 'Pages on which visits ended.' }, pages('exits', 'Exits'), { Page: TO_PAGE }),
  rows({ title: 'Not found', description: 'Requested addresses of this site that do not exist, by pageviews.', noValue: 'No missing page in this range' },
    pages('not_found', 'Views'), { Page: TO_PAGE }),
];

const origins = () => [
  bars({ title: 'Referrers', description: 'Hosts of referring pages; (direct) without a referrer.' }, topValues('referrer', 'Referrer', 'visits', 12)),
  top('channel', 'Channels', 'Kinds of sources, as docs/channels.md sorts them.', 8, 'visits', CONSENT),
  top('source', 'Sources', 'Names of sources.', 8, 'visits', CONSENT),
  top('utm_campaign', 'Campaigns', 'utm_campaign of the address that a visit began with.', 12, 'visits', CONSENT),
  top('utm_medium', 'Media', 'utm_medium of the address that a visit began with.', 12, 'visits', CONSENT),
  top('device_model', 'Device models', 'Families of a fixed list, of visitors who consent.', 24, 'visits', CONSENT),
];

const visitors = () => [
  world({ title: 'Countries on the map', description: 'Visitors by country, looked up with the truncated address. The map is a file of Grafana; no tile server is used.' }, COUNTRIES, 'Visitors'),
  top('country', 'Countries', 'Visitors by ISO country code, with their change.', 12),
  top('region', 'Regions', 'First subdivision of the country, by name.', 12),
  top('city', 'Cities', 'City by name: the finest place that is kept.', 12),
  top('device', 'Devices', 'Kind of device.'), top('browser', 'Browsers', 'Browser family.'), top('browser_version', 'Browser versions', 'Major versions only.'),
  top('system', 'Systems', 'Operating system family.'), top('screen', 'Screens', 'Class of the window’s width.'), top('language', 'Languages', 'First language that the browser asks for.'),
  rows({ title: 'By ${dimension}', description: 'One dimension, chosen at the top. Dimensions are stored separately: no table has two of them.', width: 24 },
    ANY_DIMENSION, { 'Bounce rate': PERCENT }),
];

const uncounted = () => [
  overTime({ title: 'Robots by kind', description: 'Hits of AI assistants, AI crawlers, search engines, monitoring and other robots. Robots are counted separately from visitors.', width: 12 },
    [sql(series('robot_days', 'kind'), 'timeseries')], { bars: true, stacked: true }),
  rows({ title: 'Pages read by robots', description: 'Pages by hits of robots.' }, `SELECT page AS "Page", sum(hits) AS "Hits", sumIf(hits, kind IN ('ai_assistant', 'ai_crawler')) AS "From AI"
FROM robot_days
WHERE ${RANGE}
GROUP BY page
HAVING sum(hits) > 0
ORDER BY 2 DESC, 1
LIMIT 100`, { Page: TO_PAGE }),
  overTime({ title: 'Hits not counted, by outcome', description: 'Hits that are not counted, by outcome: robots, objections, exclusions, malformed hits.' },
    [sql(series('outcome_days', 'outcome', " AND outcome NOT IN ('counted', 'untagged', 'unanswered')"), 'timeseries')], { bars: true, stacked: true }),
];

/** The dashboard of the audience, for sites in `timezone`. */
export function audience(/** @type {string} */ timezone) {
  const pageVariable = page().includeAll(true).multi(true).current({ selected: true, text: ['All'], value: ['$__all'] });
  const dimension = listed({ name: 'dimension', label: 'Dimension', description: 'Dimension of the last table under “Visitors”' }, DIMENSIONS);
  const filters = new dashboard.AdHocVariableBuilder('filters').label('Filters').description('Conditions on columns of the published tables').datasource(CLICKHOUSE);
  const made = board({
    uid: 'sillage-audience', title: 'Sillage: audience', timezone,
    description: 'Published figures of a site: visitors over time, pages, sources, places, devices and robots.',
  }, [interval(), pageVariable, dimension, filters]);
  return fill(made, [['Overview', overview()], ['Pages', content()], ['Sources', origins()], ['Visitors', visitors()], ['Not counted as audience', uncounted()]]).build();
}
