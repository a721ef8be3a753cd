        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'action' AS level, action AS name, '' AS property, '' AS value,
            '' AS page, [sum(visitors), sum(count)] AS figures,
            sum(visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_actions{{local}} AS waiting
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String} AND waiting.property = ''
        GROUP BY site, day, action
        UNION ALL
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'action_page' AS level, action AS name, '' AS property, '' AS value,
            page, [sum(visitors), sum(count)] AS figures,
            sum(visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_actions{{local}} AS waiting
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String} AND waiting.property = ''
        GROUP BY site, day, action, page
        UNION ALL
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'action_value' AS level, action AS name, property, value,
            '' AS page, [sum(visitors), sum(count)] AS figures,
            sum(visitors) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_actions{{local}} AS waiting
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String} AND waiting.property != ''
        GROUP BY site, day, action, property, value
