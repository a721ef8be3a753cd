        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'timing' AS level, metric AS name, '' AS property,
            toString(bucket) AS value, '' AS page, [sum(count)] AS figures,
            sum(count) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_timings
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, metric, bucket
        UNION ALL
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'timing_page' AS level, metric AS name, '' AS property,
            toString(bucket) AS value, page, [sum(count)] AS figures,
            sum(count) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_timings
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, metric, bucket, page
