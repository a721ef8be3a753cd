-- An import of logs whose days come whole is drawn in memory (src/release/import_release.rs): its sums wait in no table.
-- Rows of an import that was interrupted before this file ran are in its logs; it is run again from its beginning.
-- On a cluster the distributed table goes before the local ones; on one machine both are the same table.

DROP TABLE IF EXISTS {{database}}.waiting_import_cells{{on_cluster}} SYNC;

DROP TABLE IF EXISTS {{table:waiting_import_cells}} SYNC
