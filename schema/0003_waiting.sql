-- Waiting tables: exact sums not yet published, with `protection = "tens"`. No reading user is ever granted one. Source
-- of truth for src/release/.
--
-- Partitions: one for each day (or bucket) and origin, since they are dropped whole, by DROP PARTITION: rows of
-- negative figures would leave the exact ones in their parts until a merge. For the same reason a merged part is
-- removed within half a minute; merges are therefore synced before.
-- TTL: a row that no release reads expires after the retention.

CREATE TABLE IF NOT EXISTS {{table:waiting_pages}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
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
PARTITION BY (day, origin)
ORDER BY (site, day, hour, page)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: figures of a page and hour';

CREATE TABLE IF NOT EXISTS {{table:waiting_breakdowns}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
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
PARTITION BY (day, origin)
ORDER BY (site, dimension, day, page, value)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: figures of a page and day by one dimension';

CREATE TABLE IF NOT EXISTS {{table:waiting_actions}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    action String COMMENT 'Name of the action' CODEC(ZSTD(1)),
    property String COMMENT 'Declared property, or empty in the row of the action itself' CODEC(ZSTD(1)),
    value String COMMENT 'Value of the property, or empty' CODEC(ZSTD(1)),
    count Int64 COMMENT 'Uses' CODEC(T64, ZSTD(1)),
    visitors Int64 COMMENT 'First uses of a visitor and day' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY (day, origin)
ORDER BY (site, action, property, day, page, value)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: uses of a feature on a page and day';

CREATE TABLE IF NOT EXISTS {{table:waiting_timings}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    hour DateTime('UTC') COMMENT 'Start of the UTC hour' CODEC(Delta, ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    metric LowCardinality(String) COMMENT 'Which time',
    bucket UInt8 COMMENT 'Bucket of the histogram, upper bound 2^(bucket/4) ms' CODEC(ZSTD(1)),
    count Int64 COMMENT 'Times in this bucket' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY (day, origin)
ORDER BY (site, metric, day, hour, page, bucket)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: histograms of load times of a page and hour';

CREATE TABLE IF NOT EXISTS {{table:waiting_cells}}
(
    scope Enum8('week' = 2, 'month' = 3) COMMENT 'What the bucket is of',
    day Date COMMENT 'Sunday of the week, or last day of the month' CODEC(Delta, ZSTD(1)),
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    site LowCardinality(String) COMMENT 'Name of the site',
    level LowCardinality(String) COMMENT 'Level that the cell belongs to',
    name String COMMENT 'Dimension, action or load time' CODEC(ZSTD(1)),
    property String COMMENT 'Declared property' CODEC(ZSTD(1)),
    value String COMMENT 'Value, or bucket of a histogram' CODEC(ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day' CODEC(T64, ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews, uses or counts' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1)),
    exits Int64 COMMENT 'Visits whose last page is this one' CODEC(T64, ZSTD(1)),
    bounces Int64 COMMENT 'Visits that began here and saw nothing else' CODEC(T64, ZSTD(1)),
    visit_seconds Int64 COMMENT 'Seconds of the visits that began here' CODEC(T64, ZSTD(1)),
    engaged_ms Int64 COMMENT 'Visible and active time, milliseconds' CODEC(T64, ZSTD(1)),
    engaged_views Int64 COMMENT 'Views with a time' CODEC(T64, ZSTD(1)),
    scroll_percent Int64 COMMENT 'Sum of scroll depths, percent' CODEC(T64, ZSTD(1)),
    scroll_views Int64 COMMENT 'Views with a depth' CODEC(T64, ZSTD(1)),
    not_found Int64 COMMENT 'Views of a page that does not exist' CODEC(T64, ZSTD(1)),
    gate Int64 COMMENT 'Visitors that decide whether the cell is shown' CODEC(T64, ZSTD(1)),
    published Int64 COMMENT 'Of these, published in the same week or month' CODEC(T64, ZSTD(1)),
    days_reached Int64 COMMENT 'Days that were busy enough to open the cell' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY (scope, day, origin)
ORDER BY (site, level, name, property, value, page)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: what is left of cells, for the week or the month to publish';

CREATE TABLE IF NOT EXISTS {{table:staged_cells}}
(
    release String COMMENT 'Name of the release' CODEC(ZSTD(1)),
    day Date COMMENT 'Day that its rows are dated on' CODEC(Delta, ZSTD(1)),
    hour DateTime('UTC') COMMENT 'Hour, of a release of one' CODEC(Delta, ZSTD(1)),
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    site LowCardinality(String) COMMENT 'Name of the site',
    level LowCardinality(String) COMMENT 'Level that the cell belongs to',
    name String COMMENT 'Dimension, action or load time' CODEC(ZSTD(1)),
    property String COMMENT 'Declared property' CODEC(ZSTD(1)),
    value String COMMENT 'Value, or bucket of a histogram' CODEC(ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    shown UInt8 COMMENT 'Whether the cell passes the gate',
    outs Array(Int64) COMMENT 'Drawn figures, in the order of waiting_cells' CODEC(ZSTD(1)),
    rests Array(Int64) COMMENT 'What is left of each' CODEC(ZSTD(1)),
    gate_out Int64 COMMENT 'Drawn gate, where the cell is shown' CODEC(T64, ZSTD(1)),
    gate_rest Int64 COMMENT 'What is left of the gate' CODEC(T64, ZSTD(1)),
    published Int64 COMMENT 'Gate published before in the same week or month' CODEC(T64, ZSTD(1)),
    days_reached Int64 COMMENT 'Days that were busy enough to open the cell' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:MergeTree}}
PARTITION BY release
ORDER BY (level, site, name, property, value, page)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Cells of the release in progress: drawn once, published from here';

CREATE TABLE IF NOT EXISTS {{table:releases}}
(
    site LowCardinality(String) COMMENT 'Empty: a release is of all sites',
    kind Enum8('hour' = 0, 'day' = 1, 'week' = 2, 'month' = 3) COMMENT 'What was released',
    first Date COMMENT 'Its first day, Sunday or last day',
    day Date COMMENT 'Its last',
    hour DateTime('UTC') COMMENT 'Its hour, of a release of one',
    origin LowCardinality(String) COMMENT 'Import that brought the rows; empty: measured',
    state Enum8('staged' = 1, 'published' = 2, 'done' = 3) COMMENT 'How far it is',
    at DateTime('UTC') COMMENT 'When'
)
ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY (kind, first, day, hour, origin, state)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which periods were released';

CREATE TABLE IF NOT EXISTS {{table:collectors}}
(
    site LowCardinality(String) COMMENT 'Empty: a collector is of all sites',
    collector String COMMENT 'Random name of its spool',
    started DateTime64(3, 'UTC') COMMENT 'When it started; the oldest that is alive releases',
    seen DateTime('UTC') COMMENT 'When it wrote this',
    shipped_until DateTime('UTC') COMMENT 'Everything of it until then is in the database',
    day Date COMMENT 'Day of seen, for the TTL'
)
ENGINE = {{engine:ReplacingMergeTree(seen)}}
ORDER BY collector
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Collectors that write here, and how far each is';
