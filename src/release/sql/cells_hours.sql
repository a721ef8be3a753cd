        SELECT
            day, hour, site, 'site_hour' AS level, '' AS name, '' AS property, '' AS value, '' AS page,
            [sum(visitors), sum(pageviews), sum(visits)] AS figures,
            sum(visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_pages{{local}}
        WHERE {{hours}} AND origin = {origin:String}
        GROUP BY site, day, hour
        UNION ALL
        SELECT
            day, hour, site, 'page_hour' AS level, '' AS name, '' AS property, '' AS value, page,
            [sum(page_visitors), sum(pageviews), sum(visits)] AS figures,
            sum(page_visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_pages{{local}}
        WHERE {{hours}} AND origin = {origin:String}
        GROUP BY site, day, hour, page
        HAVING {{may_show}}
