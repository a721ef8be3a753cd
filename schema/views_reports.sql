-- Earlier releases let readers ask four views over exact rows. Readers ask the published tables now (0002_published.sql),
-- and the views go, so that no old grant leads around them.

DROP VIEW IF EXISTS {{database}}.report_pages{{on_cluster}};

DROP VIEW IF EXISTS {{database}}.report_breakdowns{{on_cluster}};

DROP VIEW IF EXISTS {{database}}.report_actions{{on_cluster}};

DROP VIEW IF EXISTS {{database}}.report_timings{{on_cluster}};
