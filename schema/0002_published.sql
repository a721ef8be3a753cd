-- Published tables: the only ones that readers query. With `protection = "tens"` the release (src/release/) rounds
-- their figures to tens; with `exact` each flush writes them unchanged. Source of truth for src/rollup/levels/, field
-- by field.
--
-- Placeholders (src/store/table_form.rs): one machine and a cluster use this same text.
--   {{table:T}}      a table of figures: database.T, or database.T_local on every node with a Distributed T over it
--   {{engine:E}}     E, or its replicated form
--   {{window}}       the deduplication window's setting, by its name for that engine
--   {{retention}}    months that rows are kept
-- A statement ends with a semicolon at the end of a line; there is no other semicolon at a line's end.
--
-- Window: the last 10 000 inserts into a table are remembered by their token (a batch that spans months counts one for
-- each). At a flush every 15 seconds that is more than 40 hours. A batch is retried within seconds of a crash, or after
-- an outage of the database, during which no other insert arrives.
-- Sync: an insert is acknowledged when its part is on disk, since its segment is then deleted.
-- Merging: an unmerged part is one flush, whose rows arrived together: on a quiet site, one visitor's. Within six hours
-- it is merged with the rest of its month, which reads and writes a month four times a day.
-- TTL: rows expire one by one, not by whole parts: a whole part would keep its first day a month too long.
-- Keys: a report reads one site, one dimension, some days; so the day comes last (10 ms against 18 with the day first).
-- Codecs: 3.5 M generated rows of page and value took 19.1 bytes each with LZ4, 7.0 with ZSTD, 6.3 with T64 before it,
-- 5.4 with values as LowCardinality too, which did not help pages (6.4 for 6.3). ClickHouse 26.7, one machine.
--
-- Each level has its own table, so that a plain sum() is correct. `day` is the site's own; a row of a week has the date
-- of its Sunday, a row of a month that of its last day, and `period` says which: it is the remainder of that week or
-- month. `origin` is empty for measured rows; otherwise it names the import that wrote the row. A page's `visitors`
-- count a person once a day for that page; all others count a person once a day for the site.

CREATE TABLE IF NOT EXISTS {{table:site_hours}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    hour DateTime('UTC') COMMENT 'Start of the UTC hour' CODEC(Delta, ZSTD(1)),
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, day, hour, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: the site by hour';

CREATE TABLE IF NOT EXISTS {{table:site_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1)),
    bounces Int64 COMMENT 'Visits that began here and saw nothing else' CODEC(T64, ZSTD(1)),
    visit_seconds Int64 COMMENT 'Seconds of the visits that began here' CODEC(T64, ZSTD(1)),
    engaged_ms Int64 COMMENT 'Visible and active time, milliseconds' CODEC(T64, ZSTD(1)),
    engaged_views Int64 COMMENT 'Views with a time' CODEC(T64, ZSTD(1)),
    scroll_percent Int64 COMMENT 'Sum of scroll depths, percent' CODEC(T64, ZSTD(1)),
    scroll_views Int64 COMMENT 'Views with a depth' CODEC(T64, ZSTD(1)),
    not_found Int64 COMMENT 'Views of a page that does not exist' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, day, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: the site by day';

CREATE TABLE IF NOT EXISTS {{table:page_hours}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    hour DateTime('UTC') COMMENT 'Start of the UTC hour' CODEC(Delta, ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, day, hour, page, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: pages by hour';

CREATE TABLE IF NOT EXISTS {{table:page_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1)),
    exits Int64 COMMENT 'Visits whose last page is this one' CODEC(T64, ZSTD(1)),
    bounces Int64 COMMENT 'Visits that began here and saw nothing else' CODEC(T64, ZSTD(1)),
    visit_seconds Int64 COMMENT 'Seconds of the visits that began here' CODEC(T64, ZSTD(1)),
    engaged_ms Int64 COMMENT 'Visible and active time, milliseconds' CODEC(T64, ZSTD(1)),
    engaged_views Int64 COMMENT 'Views with a time' CODEC(T64, ZSTD(1)),
    scroll_percent Int64 COMMENT 'Sum of scroll depths, percent' CODEC(T64, ZSTD(1)),
    scroll_views Int64 COMMENT 'Views with a depth' CODEC(T64, ZSTD(1)),
    not_found Int64 COMMENT 'Views of a page that does not exist' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, day, page, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: pages by day';

CREATE TABLE IF NOT EXISTS {{table:dimension_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    dimension LowCardinality(String) COMMENT 'Name of the dimension',
    value String COMMENT 'Value' CODEC(ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1)),
    bounces Int64 COMMENT 'Visits that began here and saw nothing else' CODEC(T64, ZSTD(1)),
    visit_seconds Int64 COMMENT 'Seconds of the visits that began here' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, dimension, day, value, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: values of a dimension by day';

CREATE TABLE IF NOT EXISTS {{table:dimension_page_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    dimension LowCardinality(String) COMMENT 'Name of the dimension',
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    value String COMMENT 'Value' CODEC(ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, dimension, day, page, value, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: values of a dimension on a page by day; no row holds two';

CREATE TABLE IF NOT EXISTS {{table:action_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    action String COMMENT 'Name of the action' CODEC(ZSTD(1)),
    count Int64 COMMENT 'How often' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First uses of a visitor and day' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, action, day, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: actions by day';

CREATE TABLE IF NOT EXISTS {{table:action_page_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    action String COMMENT 'Name of the action' CODEC(ZSTD(1)),
    count Int64 COMMENT 'How often' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First uses of a visitor and day' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, action, day, page, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: actions on a page by day';

CREATE TABLE IF NOT EXISTS {{table:action_value_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    action String COMMENT 'Name of the action' CODEC(ZSTD(1)),
    property String COMMENT 'Declared property' CODEC(ZSTD(1)),
    value String COMMENT 'Value' CODEC(ZSTD(1)),
    count Int64 COMMENT 'How often' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First uses of a visitor and day' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, action, property, day, value, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: values of a property of an action by day';

CREATE TABLE IF NOT EXISTS {{table:timing_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    metric LowCardinality(String) COMMENT 'Which load time',
    bucket UInt8 COMMENT 'Bucket of the histogram, upper bound 2^(bucket/4) ms' CODEC(ZSTD(1)),
    count Int64 COMMENT 'How often' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, metric, day, bucket, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: histograms of load times by day';

CREATE TABLE IF NOT EXISTS {{table:timing_page_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    metric LowCardinality(String) COMMENT 'Which load time',
    bucket UInt8 COMMENT 'Bucket of the histogram, upper bound 2^(bucket/4) ms' CODEC(ZSTD(1)),
    count Int64 COMMENT 'How often' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, metric, day, page, bucket, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: histograms of load times of a page by day';

CREATE TABLE IF NOT EXISTS {{table:robot_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    kind LowCardinality(String) COMMENT 'Kind of robot',
    hits Int64 COMMENT 'Hits' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, kind, day, page, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: hits of robots by day';

CREATE TABLE IF NOT EXISTS {{table:outcome_days}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    period Enum8('day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What the row is the rest of',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    outcome LowCardinality(String) COMMENT 'Outcome of a hit',
    hits Int64 COMMENT 'Hits' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, outcome, day, period, origin)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Published: outcomes of hits by day';
