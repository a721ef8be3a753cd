        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'dimension' AS level, dimension AS name, '' AS property, value,
            '' AS page, [sum(visitors), sum(pageviews), sum(visits), sum(bounces), sum(visit_seconds)] AS figures,
            sum(visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_breakdowns{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String} AND dimension != 'previous_page'
        GROUP BY site, day, dimension, value
        UNION ALL
        -- A pageview from a page of the same site is rarely its visitor's first of the day: for previous_page, the
        -- busiest page behind a value gives a lower bound for its visitors.
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'dimension' AS level, 'previous_page' AS name, '' AS property, value,
            '' AS page,
            [sum(visitors_sum), sum(pageviews_sum), sum(visits_sum), sum(bounces_sum), sum(visit_seconds_sum)] AS figures,
            max(page_visitors_sum) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM
        (
            SELECT
                site, day, page, value,
                sum(visitors) AS visitors_sum, sum(page_visitors) AS page_visitors_sum, sum(pageviews) AS pageviews_sum,
                sum(visits) AS visits_sum, sum(bounces) AS bounces_sum, sum(visit_seconds) AS visit_seconds_sum
            FROM {{database}}.waiting_breakdowns{{local}}
            WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String} AND dimension = 'previous_page'
            GROUP BY site, day, page, value
        )
        GROUP BY site, day, value
        UNION ALL
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'dimension_page' AS level, dimension AS name, '' AS property, value,
            page,
            [sum(page_visitors), sum(pageviews)] AS figures,
            sum(page_visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_breakdowns{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, dimension, page, value
        HAVING {{may_show}}
