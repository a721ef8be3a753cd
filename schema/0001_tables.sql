-- The tables: sums alone. Source of truth for src/store/rows.rs, field by field.
--
-- Placeholders (src/store/migrate.rs): one machine and a cluster use this same text.
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
-- Codecs: 3.5 M generated rows of breakdowns took 19.1 bytes each with LZ4, 7.0 with ZSTD, 6.3 with T64 before it, 5.4
-- with values as LowCardinality too, which did not help pages (6.4 for 6.3). ClickHouse 26.7, one machine.

CREATE TABLE IF NOT EXISTS {{table:pages}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    hour DateTime('UTC') COMMENT 'Start of the UTC hour' CODEC(Delta, ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1)),
    page_visitors Int64 COMMENT 'First pageviews of a visitor and day on this page' CODEC(T64, ZSTD(1)),
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
ORDER BY (site, day, hour, page)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'What happened on a page within an hour; figures are sums';

CREATE TABLE IF NOT EXISTS {{table:breakdowns}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    dimension LowCardinality(String) COMMENT 'Name of the dimension',
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    value LowCardinality(String) COMMENT 'Value of the dimension' CODEC(ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1)),
    page_visitors Int64 COMMENT 'First pageviews of a visitor and day on this page' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1)),
    bounces Int64 COMMENT 'Visits that began here and saw nothing else' CODEC(T64, ZSTD(1)),
    visit_seconds Int64 COMMENT 'Seconds of the visits that began here' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, dimension, day, page, value)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Figures of a page and day by one dimension; no row holds two';

CREATE TABLE IF NOT EXISTS {{table:actions}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    action String COMMENT 'Name of the action' CODEC(ZSTD(1)),
    property String COMMENT 'Declared property, or empty in the row of the action itself' CODEC(ZSTD(1)),
    value String COMMENT 'Value of the property, or empty' CODEC(ZSTD(1)),
    count Int64 COMMENT 'Uses' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First uses of a visitor and day' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, action, property, day, page, value)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Uses of a feature on a page within a day';

CREATE TABLE IF NOT EXISTS {{table:timings}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    hour DateTime('UTC') COMMENT 'Start of the UTC hour' CODEC(Delta, ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    metric LowCardinality(String) COMMENT 'Which time',
    bucket UInt8 COMMENT 'Bucket of the histogram, upper bound 2^(bucket/4) ms' CODEC(ZSTD(1)),
    count Int64 COMMENT 'Times in this bucket' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, metric, day, hour, page, bucket)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 21600
COMMENT 'Histograms of load times of a page and hour';

CREATE TABLE IF NOT EXISTS {{table:imports}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    day Date COMMENT 'Day in the time zone of the site',
    source String COMMENT 'SHA-256 of what was imported, hexadecimal',
    at DateTime('UTC') DEFAULT now() COMMENT 'When'
)
ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY (site, day, source)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Days that an import has brought, so that none is counted twice';
