-- The database and its record of applied files. Runs at every start: each statement is idempotent. Placeholders and
-- form as in 0002_published.sql; {{engine_everywhere:E}} is replicated to all shards.

CREATE DATABASE IF NOT EXISTS {{database}}{{on_cluster}} COMMENT 'Sillage: audience figures, sums alone';

CREATE TABLE IF NOT EXISTS {{database}}.schema_migrations{{on_cluster}}
(
    file String COMMENT 'Name of the file in schema/',
    checksum String COMMENT 'SHA-256 of its statements, hexadecimal',
    at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was applied'
)
ENGINE = {{engine_everywhere:ReplacingMergeTree}}
ORDER BY (file, at)
COMMENT 'Which files of schema/ this database has seen';
