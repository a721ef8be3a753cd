-- What may leave the database: four parameterised views that return final figures. The reading user is granted these
-- and no table. A reader supplies parameters only.
--
-- Every figure is made of rounded sums and of nothing else (docs/anonymity.md): the innermost SELECT sums and rounds, and
-- what is around it never sees a sum that is not. With the rounding R = {{rounding}}: counts to the nearest R, seconds
-- to R minutes, depths to R whole pages. Rows that round to nothing are withheld; rates and averages are NULL where fewer
-- than five R stand below the line, since their numerator may be wrong by half an R. With R = 1 all of it is exact.
-- The LIMIT at the end of each view is a wall: a reader's conditions cannot be pushed through it to rows that are
-- withheld, where an error or a pause would tell of them. The ORDER BY leaves the order of rows nothing to tell.
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
    x -> toInt64(floor(x + 0.5)) AS whole,
    if({{rounding}} = 1, 100, 10) AS decimals,
    if({{rounding}} = 1, 1, 5 * {{rounding}}) AS base_min
SELECT
    multiIf({grain:String} = '', '', {grain:String} = 'hour', period_hour, toString(period)) AS time,
    shown_page AS page,
    '' AS value,
    if({role:String} = '', of_visitors, NULL) AS visitors,
    if({role:String} = '', of_pageviews, NULL) AS pageviews,
    CAST(of_visits, 'Nullable(Int64)') AS visits,
    CAST(NULL, 'Nullable(Int64)') AS events,
    if({role:String} = '' AND {by_page:UInt8} = 0 AND {page_op:String} = '' AND of_visits >= base_min,
        floor(of_pageviews / of_visits * decimals + 0.5) / decimals, NULL) AS views_per_visit,
    if({role:String} != 'exit' AND of_visits >= base_min, whole(100 * of_bounces / of_visits), NULL) AS bounce_rate,
    if({role:String} != 'exit' AND of_visits >= base_min, whole(of_visit_seconds / of_visits), NULL) AS visit_duration,
    if({role:String} = '' AND of_engaged_views >= base_min,
        whole(of_engaged_ms / of_engaged_views / 1000), NULL) AS time_on_page,
    if({role:String} = '' AND of_scroll_views >= base_min,
        whole(of_scroll_percent / of_scroll_views), NULL) AS scroll_depth
FROM
(
    WITH (n, step) -> intDiv(n + intDiv(step, 2), step) * step AS rounded
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
        rounded(sum(if({by_page:UInt8} = 0 AND {page_op:String} = '', visitors, page_visitors)), {{rounding}})
            AS of_visitors,
        rounded(sum(pageviews), {{rounding}}) AS of_pageviews,
        rounded(sum(if({role:String} = 'exit', exits, visits)), {{rounding}}) AS of_visits,
        rounded(sum(bounces), {{rounding}}) AS of_bounces,
        rounded(sum(visit_seconds), if({{rounding}} = 1, 1, 60 * {{rounding}})) AS of_visit_seconds,
        rounded(sum(engaged_ms), if({{rounding}} = 1, 1, 60000 * {{rounding}})) AS of_engaged_ms,
        rounded(sum(engaged_views), {{rounding}}) AS of_engaged_views,
        rounded(sum(scroll_percent), if({{rounding}} = 1, 1, 100 * {{rounding}})) AS of_scroll_percent,
        rounded(sum(scroll_views), {{rounding}}) AS of_scroll_views
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
WHERE of_visits > 0 OR ({role:String} = '' AND (of_pageviews > 0 OR of_visitors > 0))
ORDER BY time, page, value
LIMIT 1000000000;

-- One dimension, by day: no table crosses two. Exits, engagement and hours are not kept with a dimension.
CREATE OR REPLACE VIEW {{database}}.report_breakdowns{{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
WITH
    x -> toInt64(floor(x + 0.5)) AS whole,
    if({{rounding}} = 1, 100, 10) AS decimals,
    if({{rounding}} = 1, 1, 5 * {{rounding}}) AS base_min
SELECT
    if({grain:String} = '', '', toString(period)) AS time,
    shown_page AS page,
    shown_value AS value,
    CAST(of_visitors, 'Nullable(Int64)') AS visitors,
    CAST(of_pageviews, 'Nullable(Int64)') AS pageviews,
    CAST(of_visits, 'Nullable(Int64)') AS visits,
    CAST(NULL, 'Nullable(Int64)') AS events,
    if({by_page:UInt8} = 0 AND {page_op:String} = '' AND {dimension:String} NOT IN ('referrer', 'previous_page', 'source',
        'channel', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content') AND of_visits >= base_min,
        floor(of_pageviews / of_visits * decimals + 0.5) / decimals, NULL) AS views_per_visit,
    if(of_visits >= base_min, whole(100 * of_bounces / of_visits), NULL) AS bounce_rate,
    if(of_visits >= base_min, whole(of_visit_seconds / of_visits), NULL) AS visit_duration,
    CAST(NULL, 'Nullable(Int64)') AS time_on_page,
    CAST(NULL, 'Nullable(Int64)') AS scroll_depth
FROM
(
    WITH (n, step) -> intDiv(n + intDiv(step, 2), step) * step AS rounded
    SELECT
        multiIf(
            {grain:String} = 'day', day,
            {grain:String} = 'week', toMonday(day),
            {grain:String} = 'month', toStartOfMonth(day),
            toDate(0)) AS period,
        if({by_page:UInt8} = 1, page, '') AS shown_page,
        if({by_value:UInt8} = 1, value, '') AS shown_value,
        rounded(sum(if({by_page:UInt8} = 0 AND {page_op:String} = '', visitors, page_visitors)), {{rounding}})
            AS of_visitors,
        rounded(sum(pageviews), {{rounding}}) AS of_pageviews,
        rounded(sum(visits), {{rounding}}) AS of_visits,
        rounded(sum(bounces), {{rounding}}) AS of_bounces,
        rounded(sum(visit_seconds), if({{rounding}} = 1, 1, 60 * {{rounding}})) AS of_visit_seconds
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
WHERE of_visits > 0 OR of_pageviews > 0 OR of_visitors > 0
ORDER BY time, page, value
LIMIT 1000000000;

-- Actions, by day. With `property` empty `value` is the action's name, else the value of that property, for the actions
-- that `action_op` lets through. A person counts once a day for each action, or for each action and value.
CREATE OR REPLACE VIEW {{database}}.report_actions{{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
SELECT
    if({grain:String} = '', '', toString(period)) AS time,
    shown_page AS page,
    shown_value AS value,
    CAST(of_visitors, 'Nullable(Int64)') AS visitors,
    CAST(NULL, 'Nullable(Int64)') AS pageviews,
    CAST(NULL, 'Nullable(Int64)') AS visits,
    CAST(of_count, 'Nullable(Int64)') AS events,
    CAST(NULL, 'Nullable(Float64)') AS views_per_visit,
    CAST(NULL, 'Nullable(Int64)') AS bounce_rate,
    CAST(NULL, 'Nullable(Int64)') AS visit_duration,
    CAST(NULL, 'Nullable(Int64)') AS time_on_page,
    CAST(NULL, 'Nullable(Int64)') AS scroll_depth
FROM
(
    WITH (n, step) -> intDiv(n + intDiv(step, 2), step) * step AS rounded
    SELECT
        multiIf(
            {grain:String} = 'day', day,
            {grain:String} = 'week', toMonday(day),
            {grain:String} = 'month', toStartOfMonth(day),
            toDate(0)) AS period,
        if({by_page:UInt8} = 1, page, '') AS shown_page,
        if({by_value:UInt8} = 1, if({property:String} = '', action, value), '') AS shown_value,
        rounded(sum(visitors), {{rounding}}) AS of_visitors,
        rounded(sum(count), {{rounding}}) AS of_count
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
WHERE of_count > 0 OR of_visitors > 0
ORDER BY time, page, value
LIMIT 1000000000;

-- Load times: how many were measured, and the upper bound, in milliseconds (`cls`: thousandths), of the histogram
-- bucket that holds the median, the 75th and the 95th of a hundred. They are found in rounded cumulative counts.
CREATE OR REPLACE VIEW {{database}}.report_timings{{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
WITH
    bucket -> toInt64(floor(exp2(bucket / 4) + 0.5)) AS upper_bound,
    share -> upper_bound(arrayFirst((bucket, up_to) -> up_to >= share * of_count, buckets, of_counts)) AS quantile
SELECT
    multiIf({grain:String} = '', '', {grain:String} = 'hour', period_hour, toString(period)) AS time,
    shown_page AS page,
    metric,
    of_count AS count,
    quantile(0.5) AS p50,
    quantile(0.75) AS p75,
    quantile(0.95) AS p95
FROM
(
    WITH (n, step) -> intDiv(n + intDiv(step, 2), step) * step AS rounded
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
        rounded(sum(count), {{rounding}}) AS of_count,
        sumMap([bucket], [count]) AS histogram,
        histogram.1 AS buckets,
        arrayMap(up_to -> rounded(up_to, {{rounding}}), arrayCumSum(histogram.2)) AS of_counts
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
WHERE of_count > 0
ORDER BY time, page, metric
LIMIT 1000000000;
