-- Waiting: hits of robots and hits by outcome, not yet in robot_days and outcome_days. Placeholders, partitions and
-- form as in 0003_waiting.sql.

CREATE TABLE IF NOT EXISTS {{table:waiting_robots}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    page String COMMENT 'Page' CODEC(ZSTD(1)),
    kind LowCardinality(String) COMMENT 'Kind of robot',
    hits Int64 COMMENT 'Hits' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY (day, origin)
ORDER BY (site, kind, day, page)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: hits of robots on a page and day';

CREATE TABLE IF NOT EXISTS {{table:waiting_outcomes}}
(
    site LowCardinality(String) COMMENT 'Name of the site',
    origin LowCardinality(String) COMMENT 'Import that brought the row; empty: measured',
    day Date COMMENT 'Day in the time zone of the site' CODEC(Delta, ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'Outcome of a hit',
    hits Int64 COMMENT 'Hits' CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:SummingMergeTree}}
PARTITION BY (day, origin)
ORDER BY (site, outcome, day)
TTL day + INTERVAL {{retention}} MONTH DELETE
SETTINGS {{window}} = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30, min_age_to_force_merge_seconds = 21600
COMMENT 'Waiting: hits of a day by outcome';
