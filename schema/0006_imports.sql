-- Days that imports have brought. Databases of earlier releases have this table from 0001_tables.sql, beside tables of
-- exact rows that `sillage migrate` releases and drops (src/store/former.rs).

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
