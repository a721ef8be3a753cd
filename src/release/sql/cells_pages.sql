        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'site' AS level, '' AS name, '' AS property, '' AS value, '' AS page,
            [sum(visitors), sum(pageviews), sum(visits), sum(bounces), sum(visit_seconds), sum(engaged_ms),
                sum(engaged_views), sum(scroll_percent), sum(scroll_views), sum(not_found)] AS figures,
            sum(visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_pages{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day
        UNION ALL
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'page' AS level, '' AS name, '' AS property, '' AS value, page,
            [sum(page_visitors), sum(pageviews), sum(visits), sum(bounces), sum(visit_seconds), sum(engaged_ms),
                sum(engaged_views), sum(scroll_percent), sum(scroll_views), sum(not_found), sum(exits)] AS figures,
            sum(page_visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_pages{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, page
