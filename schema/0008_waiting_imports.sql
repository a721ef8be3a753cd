-- Waiting: what an import of logs brings at once, not yet released, with `protection = "tens"`. Placeholders and form
-- as in 0003_waiting.sql; no reading user is ever granted it.
--
-- A row is a cell of a level and day, so that a release does not add up each page and value again. A pair of page and
-- value, or of page and hour, that is too small to be shown is not in it: no bucket would take it.
--
-- Partitions: one for each week and import, since a release of such an import covers whole weeks, and each partition
-- costs an insert and a drop that wait for the disk.
-- Engine: merges add nothing up. A cell's parts have each a gate of its own, and for previous_page the largest counts.

CREATE TABLE IF NOT EXISTS {{table:waiting_import_cells}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    hour DateTime('UTC') COMMENT 'Start of the UTC hour, of a cell of one' CODEC(Delta, ZSTD(1)),
    level LowCardinality(String) COMMENT 'Level that the cell belongs to',
    name LowCardinality(String) COMMENT 'Dimension, action or load time' CODEC(ZSTD(1)),
    property LowCardinality(String) COMMENT 'Declared property' CODEC(ZSTD(1)),
    value LowCardinality(String) COMMENT 'Value, or bucket of a histogram' CODEC(ZSTD(1)),
    page LowCardinality(String) COMMENT 'Page' CODEC(ZSTD(1)),
    visitors Int64 COMMENT 'First pageviews of a visitor and day; else how many' CODEC(T64, ZSTD(1)),
    pageviews Int64 COMMENT 'Pageviews or uses' CODEC(T64, ZSTD(1)),
    visits Int64 COMMENT 'Visits that began here' CODEC(T64, ZSTD(1)),
    bounces Int64 COMMENT 'Visits that began here and saw nothing else' CODEC(T64, ZSTD(1)),
    visit_seconds Int64 COMMENT 'Seconds of the visits that began here' CODEC(T64, ZSTD(1)),
    engaged_ms Int64 COMMENT 'Visible and active time, milliseconds' CODEC(T64, ZSTD(1)),
    engaged_views Int64 COMMENT 'Views with a time' CODEC(T64, ZSTD(1)),
    scroll_percent Int64 COMMENT 'Sum of scroll depths, percent' CODEC(T64, ZSTD(1)),
    scroll_views Int64 COMMENT 'Views with a depth' CODEC(T64, ZSTD(1)),
    not_found Int64 COMMENT 'Views of a page that does not exist' CODEC(T64, ZSTD(1)),
    exits Int64 COMMENT 'Visits whose last page is this one' CODEC(T64, ZSTD(1)),
    gate Int64 COMMENT 'Visitors that decide whether the cell is shown' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:MergeTree}}
PARTITION BY (toMonday(day) + 6, origin)
ORDER BY (site, level, name)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: cells of days that an import of logs brought'
