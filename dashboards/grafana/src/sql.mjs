// SQL that panels share. A range is whole days of the site: the dashboard's time zone is the site's, in the constant
// variable `timezone`. All queries read published tables, where a plain sum() is correct.
// @ts-check

/** First and last day of the dashboard's range. */
export const FROM = "toDate($__fromTime, '${timezone}')";
export const TO = "toDate($__toTime, '${timezone}')";

/** First day of the previous period, which is as long as the range and ends the day before it. */
export const BEFORE = `${FROM} - (dateDiff('day', ${FROM}, ${TO}) + 1)`;

export const SITE = 'site = ${site:singlequote}';
export const RANGE = `${SITE} AND day BETWEEN ${FROM} AND ${TO}`;

/** First day with figures of the site. */
const BEGUN = `(SELECT min(day) FROM site_days WHERE ${SITE})`;

/**
 * Days of the range and of the previous period; of the range alone if that period begins before the first figures: a
 * part of a period is not compared with a whole one.
 */
export const BOTH_RANGES = `${SITE} AND day BETWEEN if(${BEFORE} < ${BEGUN}, ${FROM}, ${BEFORE}) AND ${TO}`;
export const PAGE = 'page = ${page:singlequote}';
export const PAGES_CHOSEN = '$__conditionalAll(page IN (${page:singlequote}), $page)';

/** `1` for rows of the range, `0` for rows of the previous period. */
export const IN_RANGE = `day >= ${FROM}`;

/** Time at which a site's day begins. */
export const moment = (/** @type {string} */ day) => `toDateTime(${day}, '\${timezone}')`;

/** The day, Monday or first of the month of a row's day, by the variable `interval`. */
export const PERIOD = moment(
  "multiIf('${interval}' = 'week', toMonday(day), '${interval}' = 'month', toStartOfMonth(day), day)",
);

/** One row for each of the two periods, so that a stat shows the change between them. */
export const AGAINST_BEFORE = moment(`if(${IN_RANGE}, ${FROM}, ${BEFORE})`);

/** Quotient of published sums; NULL if the divisor is below 100, where rounding to tens would dominate it. */
export const rate = (/** @type {string} */ above, /** @type {string} */ below, factor = 1, digits = 0) =>
  `if(sum(${below}) >= 100, round(${factor} * sum(${above}) / sum(${below}), ${digits}), NULL)`;

export const BOUNCE_RATE = rate('bounces', 'visits', 100);
export const VISIT_SECONDS = rate('visit_seconds', 'visits');
export const VIEWS_PER_VISIT = rate('pageviews', 'visits', 1, 1);
export const SECONDS_ON_PAGE = rate('engaged_ms', 'engaged_views', 0.001);
export const SCROLL_DEPTH = rate('scroll_percent', 'scroll_views');

/** Change from the previous period, in percent; NULL if that period had less than 100. */
export const change = (/** @type {string} */ sum) =>
  `if(sumIf(${sum}, NOT (${IN_RANGE})) >= 100, round(100 * (sumIf(${sum}, ${IN_RANGE}) / sumIf(${sum}, NOT (${IN_RANGE})) - 1), 0), NULL)`;

/** Quantile of a histogram of load times: its bucket's upper bound, 2^(bucket / 4). */
export const quantile = (/** @type {number} */ share) =>
  `if(sum(count) >= 100, round(exp2(quantileExactWeighted(${share})(bucket, toUInt64(greatest(count, 0))) / 4), 0), NULL)`;

/** The `rows` largest values of a dimension in the range, by visitors, with their change. */
export const topValues = (/** @type {string} */ dimension, /** @type {string} */ label, measure = 'visitors', rows = 20) => `SELECT value AS "${label}",
  sumIf(${measure}, ${IN_RANGE}) AS "${measure === 'visits' ? 'Visits' : 'Visitors'}",
  ${change(measure)} AS "Change"
FROM dimension_days
WHERE ${BOTH_RANGES} AND dimension = '${dimension}'
GROUP BY value
HAVING sumIf(${measure}, ${IN_RANGE}) > 0
ORDER BY 2 DESC, 1
LIMIT ${rows}`;

/** The same for one page, for which only visitors and pageviews are published by value. */
export const topValuesOfPage = (/** @type {string} */ dimension, /** @type {string} */ label, rows = 12) => `SELECT value AS "${label}",
  sum(visitors) AS "Visitors",
  sum(pageviews) AS "Pageviews"
FROM dimension_page_days
WHERE ${RANGE} AND ${PAGE} AND dimension = '${dimension}'
GROUP BY value
HAVING sum(visitors) > 0
ORDER BY 2 DESC, 1
LIMIT ${rows}`;
