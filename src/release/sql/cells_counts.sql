        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'timing' AS level, metric AS name, '' AS property,
            toString(bucket) AS value, '' AS page, [sum(count)] AS figures,
            sum(count) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_timings{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, metric, bucket
        UNION ALL
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'timing_page' AS level, metric AS name, '' AS property,
            toString(bucket) AS value, page, [sum(count)] AS figures,
            sum(count) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_timings{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, metric, bucket, page
        UNION ALL
        -- A robot is not a person: hits take the place of visitors at the gate.
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'robot' AS level, kind AS name, '' AS property, '' AS value, page,
            [sum(hits)] AS figures,
            sum(hits) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_robots{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, kind, page
        UNION ALL
        SELECT
            day, toDateTime(0, 'UTC') AS hour, site, 'outcome' AS level, outcome AS name, '' AS property, '' AS value,
            '' AS page, [sum(hits)] AS figures,
            sum(hits) AS gate, toInt64(0) AS published, toInt64(0) AS days_reached_before
        FROM {{database}}.waiting_outcomes{{local}}
        WHERE day BETWEEN {first:Date} AND {day:Date} AND origin = {origin:String}
        GROUP BY site, day, outcome
