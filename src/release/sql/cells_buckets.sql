        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, level, name, property, value, page,
            arrayResize(
                [sum(visitors), sum(pageviews), sum(visits), sum(bounces), sum(visit_seconds), sum(engaged_ms),
                    sum(engaged_views), sum(scroll_percent), sum(scroll_views), sum(not_found), sum(exits)],
                transform(
                    level, ['site', 'page', 'dimension', 'timing', 'timing_page', 'robot', 'outcome'],
                    [10, 11, 5, 1, 1, 1, 1], 2)) AS figures,
            sum(waiting.gate) AS gate, sum(waiting.published) AS published,
            sum(waiting.days_reached) AS days_reached_before
        FROM {{database}}.waiting_cells{{local}} AS waiting
        WHERE scope = {kind:String} AND day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
            AND (level = 'timing_page') = {timings:UInt8}
        GROUP BY day, site, level, name, property, value, page
