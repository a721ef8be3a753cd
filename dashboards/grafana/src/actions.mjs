// Actions and goals: the features that visitors used, their properties, and the number of visitors.
// @ts-check
import { board, fill, interval, listed } from './frame.mjs';
import { bars, linkTo, overTime, property, rows, sql, stats } from './kit.mjs';
import { AGAINST_BEFORE, BOTH_RANGES, change, IN_RANGE, PERIOD, RANGE } from './sql.mjs';

const GOALS_CHOSEN = '$__conditionalAll(action IN (${goal:singlequote}), $goal)';

const HEADLINES = `SELECT ${AGAINST_BEFORE} AS time, sum(count) AS "Uses", sum(visitors) AS "Visitors who used something"
FROM action_days
WHERE ${BOTH_RANGES} AND ${GOALS_CHOSEN}
GROUP BY time
ORDER BY time`;

const OVER_TIME = `SELECT ${PERIOD} AS time, action AS series, sum(count) AS uses
FROM action_days
WHERE ${RANGE} AND ${GOALS_CHOSEN}
GROUP BY time, series
ORDER BY time`;

const GOALS = `SELECT action AS "Goal",
  sumIf(visitors, ${IN_RANGE}) AS "Visitors",
  ${change('visitors')} AS "Change",
  if((SELECT sum(visitors) FROM site_days WHERE ${RANGE}) >= 100,
    round(100 * sumIf(visitors, ${IN_RANGE}) / (SELECT sum(visitors) FROM site_days WHERE ${RANGE}), 1), NULL) AS "Rate",
  sumIf(count, ${IN_RANGE}) AS "Uses"
FROM action_days
WHERE ${BOTH_RANGES} AND ${GOALS_CHOSEN}
GROUP BY action
HAVING sumIf(count, ${IN_RANGE}) > 0
ORDER BY 2 DESC, 1
LIMIT 100`;

const PAGES = `SELECT page AS "Page", sum(count) AS "Uses", sum(visitors) AS "Visitors"
FROM action_page_days
WHERE ${RANGE} AND ${GOALS_CHOSEN}
GROUP BY page
HAVING sum(count) > 0
ORDER BY 2 DESC, 1
LIMIT 100`;

const VALUES = `SELECT action AS "Action", property AS "Property", value AS "Value", sum(count) AS "Uses", sum(visitors) AS "Visitors"
FROM action_value_days
WHERE ${RANGE} AND ${GOALS_CHOSEN}
GROUP BY action, property, value
HAVING sum(count) > 0
ORDER BY 4 DESC, 1, 2, 3
LIMIT 200`;

const SEARCHES = `SELECT value AS "Search", sum(count) AS "Uses"
FROM action_value_days
WHERE ${RANGE} AND action = 'Search'
GROUP BY value
HAVING sum(count) > 0
ORDER BY 2 DESC, 1
LIMIT 12`;

const ERRORS = `SELECT value AS "Error", sum(count) AS "Times"
FROM action_value_days
WHERE ${RANGE} AND action = 'problem'
GROUP BY value
HAVING sum(count) > 0
ORDER BY 2 DESC, 1
LIMIT 12`;

const TO_PAGE = [linkTo('sillage-page', 'Everything about this page', '&var-page=${__data.fields.Page:percentencode}')];

/** The dashboard of actions and goals, for sites in `timezone`. */
export function actions(/** @type {string} */ timezone) {
  const goal = listed({ name: 'goal', label: 'Goals', description: 'Actions that count as goals; all by default' },
    `SELECT action FROM action_days WHERE ${RANGE} GROUP BY action ORDER BY sum(count) DESC, action`)
    .includeAll(true).multi(true).current({ selected: true, text: ['All'], value: ['$__all'] });
  return fill(board({
    uid: 'sillage-actions', title: 'Sillage: actions and goals', timezone,
    description: 'Actions of visitors, by page and property, and the share of visitors who used them.',
  }, [interval(), goal]), [
    ['Goals', [
      stats({ title: 'Uses compared with the previous period', description: 'Uses of the chosen actions, and visitors who used one; a visitor counts once a day and action.' }, HEADLINES),
      rows({ title: 'Goals and their rate', description: 'Rate: visitors who used the action divided by all visitors of the site, over the same days.' }, GOALS, { Rate: [property('unit', 'percent'), property('decimals', 1)] }),
      overTime({ title: 'Uses over time', description: 'Uses of each action by day, week or month.', width: 12, height: 10 }, [sql(OVER_TIME, 'timeseries')], { bars: true, stacked: true }),
    ]],
    ['Where and how', [
      rows({ title: 'Pages', description: 'Pages on which the chosen actions were used.' }, PAGES, { Page: TO_PAGE }),
      rows({ title: 'Properties', description: 'Values of declared properties of actions.', noValue: 'No declared property was sent' }, VALUES),
      bars({ title: 'Searches', description: 'Search terms on the site; a term is published once enough visitors have used it.', width: 12, noValue: 'No search on the site, or none frequent enough' }, SEARCHES),
      bars({ title: 'Script errors', description: 'Script errors by kind; their texts are not stored.', width: 12, noValue: 'No script error' }, ERRORS),
    ]],
  ]).build();
}
