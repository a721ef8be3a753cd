-- Waiting: figures of other tools, not yet released, with `protection = "tens"`. Placeholders and form as in
-- 0003_waiting.sql; no reading user is ever granted it.
--
-- Partitions: one for each week and import, since a release of an import covers whole weeks.

CREATE TABLE IF NOT EXISTS {{table:waiting_figures}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row',
    day Date COMMENT 'Day in the time zone of the tool' CODEC(Delta, ZSTD(1)),
    level LowCardinality(String) COMMENT 'Level that the cell belongs to',
    name String COMMENT 'Dimension or action' CODEC(ZSTD(1)),
    value String COMMENT 'Value of the dimension' CODEC(ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    counted LowCardinality(String) COMMENT 'A digit a figure: 1 if the export counts it, 0 if it is no zero but absent',
    visitors Int64 COMMENT 'Visitors of the day' CODEC(T64, ZSTD(1)),
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
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY (toMonday(day) + 6, origin)
ORDER BY (site, level, name, value, page, counted, day)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: figures of other tools';
