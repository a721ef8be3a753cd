        -- The digits of `counted` stand in place of a property: they go with the cell to its week and month.
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, level, name, counted AS property, value, page,
            arrayResize(
                [sum(visitors), sum(pageviews), sum(visits), sum(bounces), sum(visit_seconds), sum(engaged_ms),
                    sum(engaged_views), sum(scroll_percent), sum(scroll_views), sum(not_found), sum(exits)],
                transform(level, ['site', 'page', 'dimension'], [10, 11, 5], 2)) AS figures,
            sum(waiting.gate) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_figures{{local}} AS waiting
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY day, site, level, name, counted, value, page
