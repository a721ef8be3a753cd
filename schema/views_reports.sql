-- What may leave the database: four parameterised views that return final figures. The reading user is granted these
-- and no table. Counts are rounded in here to the nearest {{rounding}}, rows that round to nothing are withheld, rates
-- and averages come from exact sums and are NULL where their rounded base is 0. A reader supplies parameters only.
--
-- In all views: `from` and `to` are the site's own days, both included. `grain` is '', 'hour' (pages and timings only),
-- 'day', 'week' or 'month' and fills `time` with the period's beginning. `by_page` and `by_value` are 0 or 1. `…_op` is
-- '' (no filter), 'is', 'is_not', 'contains' or 'matches' (RE2); its list holds alternatives. Other words give no rows.

-- Whole-site figures and pages. `role` is '' (pages as they are viewed), 'entry' or 'exit' (visits by where they begin
-- or end; only `visits` and, for entries, the figures of a visit are kept that way). A person counts once a day for the
-- site and once a day for every page: as soon as pages are told apart or filtered, `visitors` is the latter.
CREATE OR REPLACE VIEW {{database}}.report_pages{{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
WITH
    n -> intDiv(n + intDiv({{rounding}}, 2), {{rounding}}) * {{rounding}} AS rounded,
    x -> toInt64(floor(x + 0.5)) AS whole,
    if({{rounding}} = 1, 100, 10) AS decimals
SELECT
    multiIf({grain:String} = '', '', {grain:String} = 'hour', period_hour, toString(period)) AS time,
    shown_page AS page,
    '' AS value,
    if({role:String} = '', rounded(sum_visitors), NULL) AS visitors,
    if({role:String} = '', rounded(sum_pageviews), NULL) AS pageviews,
    CAST(rounded(sum_visits), 'Nullable(Int64)') AS visits,
    CAST(NULL, 'Nullable(Int64)') AS events,
    if({role:String} = '' AND {by_page:UInt8} = 0 AND {page_op:String} = '' AND visits > 0,
        floor(sum_pageviews / sum_visits * decimals + 0.5) / decimals, NULL) AS views_per_visit,
    if({role:String} != 'exit' AND visits > 0, whole(100 * sum_bounces / sum_visits), NULL) AS bounce_rate,
    if({role:String} != 'exit' AND visits > 0, whole(sum_visit_seconds / sum_visits), NULL) AS visit_duration,
    if({role:String} = '' AND rounded(sum_engaged_views) > 0,
        whole(sum_engaged_ms / sum_engaged_views / 1000), NULL) AS time_on_page,
    if({role:String} = '' AND rounded(sum_scroll_views) > 0,
        whole(sum_scroll_percent / sum_scroll_views), NULL) AS scroll_depth
FROM
(
    SELECT
        multiIf(
            {grain:String} = 'day', day,
            {grain:String} = 'week', toMonday(day),
            {grain:String} = 'month', toStartOfMonth(day),
            toDate(0)) AS period,
        if({grain:String} = 'hour', formatDateTime(
            greatest(toStartOfHour(toTimeZone(hour, {timezone:String})), toDateTime(day, {timezone:String})),
            '%Y-%m-%d %H:00:00', {timezone:String}), '') AS period_hour,
        if({by_page:UInt8} = 1, page, '') AS shown_page,
        sum(if({by_page:UInt8} = 0 AND {page_op:String} = '', visitors, page_visitors)) AS sum_visitors,
        sum(pageviews) AS sum_pageviews,
        sum(if({role:String} = 'exit', exits, visits)) AS sum_visits,
        sum(bounces) AS sum_bounces,
        sum(visit_seconds) AS sum_visit_seconds,
        sum(engaged_ms) AS sum_engaged_ms,
        sum(engaged_views) AS sum_engaged_views,
        sum(scroll_percent) AS sum_scroll_percent,
        sum(scroll_views) AS sum_scroll_views
    FROM {{database}}.pages
    WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date}
        AND {role:String} IN ('', 'entry', 'exit') AND {grain:String} IN ('', 'hour', 'day', 'week', 'month')
        AND multiIf(
            {page_op:String} = '', true,
            {page_op:String} = 'is', has({pages:Array(String)}, page),
            {page_op:String} = 'is_not', NOT has({pages:Array(String)}, page),
            {page_op:String} = 'contains', arrayExists(p -> position(page, p) > 0, {pages:Array(String)}),
            {page_op:String} = 'matches', match(page, if({page_op:String} = 'matches',
                arrayStringConcat(arrayMap(p -> concat('(?:', p, ')'), {pages:Array(String)}), '|'), '')),
            false)
    GROUP BY period, period_hour, shown_page
)
WHERE rounded(sum_visits) > 0 OR ({role:String} = '' AND (rounded(sum_pageviews) > 0 OR rounded(sum_visitors) > 0));

-- One dimension, by day: no table crosses two. Exits, engagement and hours are not kept with a dimension.
CREATE OR REPLACE VIEW {{database}}.report_breakdowns{{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
WITH
    n -> intDiv(n + intDiv({{rounding}}, 2), {{rounding}}) * {{rounding}} AS rounded,
    x -> toInt64(floor(x + 0.5)) AS whole,
    if({{rounding}} = 1, 100, 10) AS decimals
SELECT
    if({grain:String} = '', '', toString(period)) AS time,
    shown_page AS page,
    shown_value AS value,
    CAST(rounded(sum_visitors), 'Nullable(Int64)') AS visitors,
    CAST(rounded(sum_pageviews), 'Nullable(Int64)') AS pageviews,
    CAST(rounded(sum_visits), 'Nullable(Int64)') AS visits,
    CAST(NULL, 'Nullable(Int64)') AS events,
    if({by_page:UInt8} = 0 AND {page_op:String} = '' AND {dimension:String} NOT IN ('referrer', 'previous_page', 'source',
        'channel', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content') AND visits > 0,
        floor(sum_pageviews / sum_visits * decimals + 0.5) / decimals, NULL) AS views_per_visit,
    if(visits > 0, whole(100 * sum_bounces / sum_visits), NULL) AS bounce_rate,
    if(visits > 0, whole(sum_visit_seconds / sum_visits), NULL) AS visit_duration,
    CAST(NULL, 'Nullable(Int64)') AS time_on_page,
    CAST(NULL, 'Nullable(Int64)') AS scroll_depth
FROM
(
    SELECT
        multiIf(
            {grain:String} = 'day', day,
            {grain:String} = 'week', toMonday(day),
            {grain:String} = 'month', toStartOfMonth(day),
            toDate(0)) AS period,
        if({by_page:UInt8} = 1, page, '') AS shown_page,
        if({by_value:UInt8} = 1, value, '') AS shown_value,
        sum(if({by_page:UInt8} = 0 AND {page_op:String} = '', visitors, page_visitors)) AS sum_visitors,
        sum(pageviews) AS sum_pageviews,
        sum(visits) AS sum_visits,
        sum(bounces) AS sum_bounces,
        sum(visit_seconds) AS sum_visit_seconds
    FROM {{database}}.breakdowns
    WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date} AND dimension = {dimension:String}
        AND {grain:String} IN ('', 'day', 'week', 'month')
        AND multiIf(
            {page_op:String} = '', true,
            {page_op:String} = 'is', has({pages:Array(String)}, page),
            {page_op:String} = 'is_not', NOT has({pages:Array(String)}, page),
            {page_op:String} = 'contains', arrayExists(p -> position(page, p) > 0, {pages:Array(String)}),
            {page_op:String} = 'matches', match(page, if({page_op:String} = 'matches',
                arrayStringConcat(arrayMap(p -> concat('(?:', p, ')'), {pages:Array(String)}), '|'), '')),
            false)
        AND multiIf(
            {value_op:String} = '', true,
            {value_op:String} = 'is', has({values:Array(String)}, value),
            {value_op:String} = 'is_not', NOT has({values:Array(String)}, value),
            {value_op:String} = 'contains', arrayExists(v -> position(value, v) > 0, {values:Array(String)}),
            {value_op:String} = 'matches', match(value, if({value_op:String} = 'matches',
                arrayStringConcat(arrayMap(v -> concat('(?:', v, ')'), {values:Array(String)}), '|'), '')),
            false)
    GROUP BY period, shown_page, shown_value
)
WHERE rounded(sum_visits) > 0 OR rounded(sum_pageviews) > 0 OR rounded(sum_visitors) > 0;

-- Actions, by day. With `property` empty `value` is the action's name, else the value of that property, for the actions
-- that `action_op` lets through. A person counts once a day for each action, or for each action and value.
CREATE OR REPLACE VIEW {{database}}.report_actions{{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
WITH
    n -> intDiv(n + intDiv({{rounding}}, 2), {{rounding}}) * {{rounding}} AS rounded
SELECT
    if({grain:String} = '', '', toString(period)) AS time,
    shown_page AS page,
    shown_value AS value,
    CAST(rounded(sum_visitors), 'Nullable(Int64)') AS visitors,
    CAST(NULL, 'Nullable(Int64)') AS pageviews,
    CAST(NULL, 'Nullable(Int64)') AS visits,
    CAST(rounded(sum_count), 'Nullable(Int64)') AS events,
    CAST(NULL, 'Nullable(Float64)') AS views_per_visit,
    CAST(NULL, 'Nullable(Int64)') AS bounce_rate,
    CAST(NULL, 'Nullable(Int64)') AS visit_duration,
    CAST(NULL, 'Nullable(Int64)') AS time_on_page,
    CAST(NULL, 'Nullable(Int64)') AS scroll_depth
FROM
(
    SELECT
        multiIf(
            {grain:String} = 'day', day,
            {grain:String} = 'week', toMonday(day),
            {grain:String} = 'month', toStartOfMonth(day),
            toDate(0)) AS period,
        if({by_page:UInt8} = 1, page, '') AS shown_page,
        if({by_value:UInt8} = 1, if({property:String} = '', action, value), '') AS shown_value,
        sum(visitors) AS sum_visitors,
        sum(count) AS sum_count
    FROM {{database}}.actions
    WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date} AND property = {property:String}
        AND {grain:String} IN ('', 'day', 'week', 'month')
        AND multiIf(
            {page_op:String} = '', true,
            {page_op:String} = 'is', has({pages:Array(String)}, page),
            {page_op:String} = 'is_not', NOT has({pages:Array(String)}, page),
            {page_op:String} = 'contains', arrayExists(p -> position(page, p) > 0, {pages:Array(String)}),
            {page_op:String} = 'matches', match(page, if({page_op:String} = 'matches',
                arrayStringConcat(arrayMap(p -> concat('(?:', p, ')'), {pages:Array(String)}), '|'), '')),
            false)
        AND multiIf(
            {action_op:String} = '', true,
            {action_op:String} = 'is', has({actions:Array(String)}, action),
            {action_op:String} = 'is_not', NOT has({actions:Array(String)}, action),
            {action_op:String} = 'contains', arrayExists(a -> position(action, a) > 0, {actions:Array(String)}),
            {action_op:String} = 'matches', match(action, if({action_op:String} = 'matches',
                arrayStringConcat(arrayMap(a -> concat('(?:', a, ')'), {actions:Array(String)}), '|'), '')),
            false)
        AND multiIf(
            {value_op:String} = '', true,
            {value_op:String} = 'is', has({values:Array(String)}, value),
            {value_op:String} = 'is_not', NOT has({values:Array(String)}, value),
            {value_op:String} = 'contains', arrayExists(v -> position(value, v) > 0, {values:Array(String)}),
            {value_op:String} = 'matches', match(value, if({value_op:String} = 'matches',
                arrayStringConcat(arrayMap(v -> concat('(?:', v, ')'), {values:Array(String)}), '|'), '')),
            false)
    GROUP BY period, shown_page, shown_value
)
WHERE rounded(sum_count) > 0 OR rounded(sum_visitors) > 0;

-- Load times: how many were measured, and the upper bound, in milliseconds (`cls`: thousandths), of the histogram
-- bucket that holds the median, the 75th and the 95th of a hundred.
CREATE OR REPLACE VIEW {{database}}.report_timings{{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
WITH
    n -> intDiv(n + intDiv({{rounding}}, 2), {{rounding}}) * {{rounding}} AS rounded,
    bucket -> toInt64(floor(exp2(bucket / 4) + 0.5)) AS upper_bound
SELECT
    multiIf({grain:String} = '', '', {grain:String} = 'hour', period_hour, toString(period)) AS time,
    shown_page AS page,
    metric,
    rounded(sum_count) AS count,
    upper_bound(quantiles[1]) AS p50,
    upper_bound(quantiles[2]) AS p75,
    upper_bound(quantiles[3]) AS p95
FROM
(
    SELECT
        multiIf(
            {grain:String} = 'day', day,
            {grain:String} = 'week', toMonday(day),
            {grain:String} = 'month', toStartOfMonth(day),
            toDate(0)) AS period,
        if({grain:String} = 'hour', formatDateTime(
            greatest(toStartOfHour(toTimeZone(hour, {timezone:String})), toDateTime(day, {timezone:String})),
            '%Y-%m-%d %H:00:00', {timezone:String}), '') AS period_hour,
        if({by_page:UInt8} = 1, page, '') AS shown_page,
        metric,
        sum(count) AS sum_count,
        quantilesExactWeighted(0.5, 0.75, 0.95)(bucket, toUInt64(count)) AS quantiles
    FROM {{database}}.timings
    WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date}
        AND {grain:String} IN ('', 'hour', 'day', 'week', 'month')
        AND multiIf(
            {page_op:String} = '', true,
            {page_op:String} = 'is', has({pages:Array(String)}, page),
            {page_op:String} = 'is_not', NOT has({pages:Array(String)}, page),
            {page_op:String} = 'contains', arrayExists(p -> position(page, p) > 0, {pages:Array(String)}),
            {page_op:String} = 'matches', match(page, if({page_op:String} = 'matches',
                arrayStringConcat(arrayMap(p -> concat('(?:', p, ')'), {pages:Array(String)}), '|'), '')),
            false)
    GROUP BY period, period_hour, shown_page, metric
)
WHERE rounded(sum_count) > 0;
