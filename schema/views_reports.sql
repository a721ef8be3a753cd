-- Earlier releases had four views over exact rows for readers. Readers query the published tables now
-- (0002_published.sql); the views are dropped, so that no old grant bypasses them.

DROP VIEW IF EXISTS {{database}}.report_pages{{on_cluster}};

DROP VIEW IF EXISTS {{database}}.report_breakdowns{{on_cluster}};

DROP VIEW IF EXISTS {{database}}.report_actions{{on_cluster}};

DROP VIEW IF EXISTS {{database}}.report_timings{{on_cluster}};
