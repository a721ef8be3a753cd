-- Notes on the days of a site, shown on its charts: texts by the site's own staff, not figures. Placeholders and form
-- as in 0002_published.sql.

CREATE TABLE IF NOT EXISTS {{table:annotations}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site',
    text String COMMENT 'What happened',
    origin LowCardinality(String) COMMENT 'configuration, or api: POST /api/annotations'
)
ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY (site, day, origin, text)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 100, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Published: notes on days';
