        SELECT
            day, hour, site, level, name, property, value, page,
            arrayResize(
                [sum(visitors), sum(pageviews), sum(visits), sum(bounces), sum(visit_seconds), sum(engaged_ms),
                    sum(engaged_views), sum(scroll_percent), sum(scroll_views), sum(not_found), sum(exits)],
                transform(
                    level,
                    ['site', 'page', 'dimension', 'site_hour', 'page_hour', 'timing', 'timing_page', 'robot', 'outcome'],
                    [10, 11, 5, 3, 3, 1, 1, 1, 1], 2)) AS figures,
            -- Its parts of a day may have seen the same visitors: the largest is a lower bound.
            if(level = 'dimension' AND name = 'previous_page', max(waiting.gate), sum(waiting.gate)) AS gate,
            toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_import_cells{{local}} AS waiting
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
            AND (level = 'timing_page') = {timings:UInt8}
        GROUP BY day, hour, site, level, name, property, value, page
        HAVING level NOT IN ('page_hour', 'dimension_page') OR {{may_show}}
