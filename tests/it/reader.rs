//! Attacks by a holder of a reading user's password, and of a console token with its own SQL: neither reaches a table
//! that is not published or another site, and no refusal holds a figure or a stored value.

use base64::Engine as _;
use sillage::rollup::counters::Batch;
use sillage::store::Store;
use sillage::store::scope::ReaderScope;

use crate::console::{Served, serve};
use crate::engine::raw;
use crate::query::store;
use crate::support;

/// Part of withheld pages and values; their figures are recognisable too.
const WITHHELD: &str = "zqwithheld";
const FIGURES: [&str; 3] = ["73519", "73521", "2941"];

/// Exact rows that wait, and published ones of two sites; secret ones have their own names and figures.
async fn figures() -> Store {
    let store = store(1, &Batch { token: "none".into(), ..Batch::default() }).await;
    for statement in [
        "INSERT INTO {db}.waiting_pages (site, day, hour, page, pageviews, visit_seconds) VALUES \
         ('shop.example', '2026-03-10', '2026-03-10 09:00:00', '/zqwithheld', 73519, 2941)",
        "INSERT INTO {db}.waiting_breakdowns (site, day, dimension, page, value, pageviews) VALUES \
         ('shop.example', '2026-03-10', 'city', '/', 'zqwithheld', 73521)",
        "INSERT INTO {db}.page_days (site, day, period, page, pageviews, visitors, visits) VALUES \
         ('shop.example', '2026-03-10', 'day', '/shown', 120, 60, 50), \
         ('other.example', '2026-03-10', 'day', '/zqwithheld', 73519, 73521, 2941)",
        "INSERT INTO {db}.site_days (site, day, period, pageviews) VALUES \
         ('shop.example', '2026-03-10', 'day', 120), ('other.example', '2026-03-10', 'day', 73519)",
    ] {
        store.statement(&statement.replace("{db}", store.database())).await.unwrap();
    }
    store
}

/// Whether an answer contains a withheld name or figure.
fn holds_a_secret(answer: &str, asked: &str) -> bool {
    let written = |word: &str| answer.contains(word) && !asked.contains(word);
    written(WITHHELD) || FIGURES.iter().any(|figure| answer.contains(figure))
}

/// Attempts that the engine refuses a user who is granted views alone.
const REFUSED: &[&str] = &[
    "SELECT * FROM waiting_pages",
    "SELECT * FROM waiting_pages FINAL",
    "SELECT count() FROM {db}.waiting_breakdowns",
    "SELECT sum(pageviews) FROM waiting_pages WHERE page LIKE '/z%'",
    "SELECT * FROM schema_migrations",
    "SELECT * FROM imports",
    "SELECT * FROM view(SELECT * FROM waiting_pages)",
    "SELECT * FROM merge('{db}', 'waiting_pages')",
    "SELECT * FROM merge(REGEXP('^t[0-9]+$'), 'waiting_pages')",
    "SELECT * FROM remote('127.0.0.1', '{db}', 'waiting_pages')",
    "SELECT * FROM cluster('default', '{db}', 'waiting_pages')",
    "SELECT * FROM clusterAllReplicas('default', '{db}', 'waiting_pages')",
    "SELECT * FROM mergeTreeIndex('{db}', 'waiting_pages')",
    "SELECT * FROM mergeTreeAnalyzeIndexes('{db}', 'waiting_pages')",
    "SELECT * FROM mergeTreeProjection('{db}', 'waiting_pages', 'x')",
    "SELECT * FROM loop('{db}', 'waiting_pages')",
    "SELECT * FROM dictionary('waiting_pages')",
    "SELECT dictGet('{db}.pages', 'pageviews', 1)",
    "SELECT joinGet('{db}.pages', 'pageviews', 'x')",
    "SELECT hasColumnInTable('{db}', 'waiting_pages', 'pageviews')",
    "SELECT * FROM file('/etc/hostname', 'LineAsString')",
    "SELECT * FROM default.`/etc/hostname`",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/x')",
    "SELECT * FROM executable('ls', 'TSV', 'x String')",
    "SELECT * FROM viewExplain('EXPLAIN ESTIMATE', '', (SELECT * FROM waiting_pages))",
    "SELECT * FROM (EXPLAIN ESTIMATE SELECT * FROM waiting_pages)",
    "EXPLAIN SELECT * FROM waiting_pages",
    "EXPLAIN ESTIMATE SELECT * FROM waiting_pages",
    "EXPLAIN ANALYZE SELECT * FROM waiting_pages",
    "DESCRIBE pages",
    "SHOW CREATE TABLE waiting_pages",
    "SHOW INDEX FROM waiting_pages",
    "SHOW PROCESSLIST",
    "SHOW ACCESS",
    "SHOW CREATE USER sillage",
    "EXISTS TABLE waiting_pages",
    "CHECK TABLE waiting_pages",
    "WATCH pages",
    "SELECT * FROM system.parts",
    "SELECT * FROM system.parts_columns",
    "SELECT * FROM system.part_log",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system.text_log",
    "SELECT * FROM system.asynchronous_insert_log",
    "SELECT * FROM system.processes",
    "SELECT * FROM system.events",
    "SELECT * FROM system.metrics",
    "SELECT * FROM system.errors",
    "SELECT * FROM system.warnings",
    "SELECT * FROM system.mutations",
    "SELECT * FROM system.merges",
    "SELECT * FROM system.users",
    "SELECT * FROM system.grants",
    "SELECT * FROM system.query_cache",
    "SELECT * FROM {view} SETTINGS max_rows_to_read = 1",
    "SELECT * FROM {view} SETTINGS max_result_rows = 1, result_overflow_mode = 'break'",
    "SELECT * FROM {view} SETTINGS additional_result_filter = 'visits = 1'",
    "SELECT * FROM {view} SETTINGS send_logs_level = 'trace'",
    "SELECT * FROM {view} SETTINGS log_queries = 1",
    "SELECT * FROM {view} SETTINGS extremes = 1",
    "SELECT * FROM {view} SETTINGS use_query_cache = 1",
    "SELECT * FROM {view} SETTINGS max_execution_time = 0",
    "SET readonly = 0",
    "SET ROLE ALL; SELECT 1",
    "SELECT * FROM {view} INTO OUTFILE '/tmp/zq'",
    "INSERT INTO waiting_pages (site) VALUES ('x')",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT * FROM waiting_pages",
    "CREATE OR REPLACE VIEW page_days AS SELECT * FROM waiting_pages",
    "CREATE FUNCTION x AS (a) -> a",
    "ALTER TABLE waiting_pages DELETE WHERE 1",
    "OPTIMIZE TABLE waiting_pages",
    "BACKUP TABLE waiting_pages TO Null",
    "GRANT SELECT ON pages TO sillage_reader",
    "KILL QUERY WHERE 1",
    "SYSTEM FLUSH LOGS",
    "SYSTEM STOP LISTEN HTTP",
    "USE system; SELECT 1",
];

async fn as_reader(store: &Store, sql: &str, more: &str) -> String {
    let reader = support::endpoint().reader.as_ref().unwrap();
    let headers = format!("X-ClickHouse-User: {}\r\nX-ClickHouse-Key: {}\r\n", reader.user, reader.password);
    raw(&format!("/?database={}{more}", store.database()), &headers, sql).await
}

fn filled(sql: &str, store: &Store) -> String {
    sql.replace("{db}", store.database()).replace("{view}", "page_days")
}

#[tokio::test]
async fn the_reading_user_gets_the_published_tables_and_no_refusal_tells_anything() {
    let store = figures().await;
    for sql in REFUSED {
        let sql = filled(sql, &store);
        let answer = as_reader(&store, &sql, "").await;
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        // Some statements are answered with the visible part of the system: nothing.
        let empty = answer.starts_with("HTTP/1.1 200") && (body.is_empty() || body.starts_with("0\r\n"));
        let refused = !answer.starts_with("HTTP/1.1 200") && body.contains("Exception");
        assert!(empty || refused, "{sql}: {answer}");
        assert!(!holds_a_secret(body, &sql), "{sql}: {answer}");
    }
    for setting in ["readonly=0", "send_progress_in_http_headers=1", "max_rows_to_read=1", "send_logs_level=trace"] {
        let answer =
            as_reader(&store, "SELECT page FROM page_days WHERE site = 'shop.example'", &format!("&{setting}")).await;
        assert!(!answer.starts_with("HTTP/1.1 200") && !holds_a_secret(&answer, ""), "{setting}: {answer}");
    }
}

/// Attempts of one site's user to see another's rows; the database answers with its own rows, or not at all.
const OF_ANOTHER_SITE: &[&str] = &[
    "SELECT * FROM page_days",
    "SELECT * FROM {db}.page_days FINAL",
    "SELECT * FROM page_days WHERE site = 'other.example'",
    "SELECT * FROM page_days WHERE site = 'other.example' OR 1",
    "SELECT * FROM page_days PREWHERE site = 'other.example'",
    "SELECT page FROM page_days UNION ALL SELECT page FROM page_days WHERE site != 'shop.example'",
    "SELECT count() FROM page_days WHERE pageviews = 73519 HAVING count() > 0",
    "SELECT max(pageviews) FROM page_days",
    "SELECT * FROM page_days AS a JOIN page_days AS b ON a.day = b.day WHERE b.site = 'other.example'",
    "SELECT page FROM (SELECT site, page FROM page_days) WHERE site = 'other.example'",
    "WITH (SELECT groupArray(page) FROM page_days WHERE site = 'other.example') AS x SELECT x",
    "SELECT * FROM page_days WHERE throwIf(page = '/zqwithheld') = 0",
    "SELECT toInt64(replaceOne(page, '/shown', '1')) FROM page_days",
    "SELECT * FROM page_days SETTINGS additional_table_filters = {'{db}.page_days': 'site = \\'other.example\\''}",
    "SELECT * FROM page_days SETTINGS additional_table_filters = {'{db}.page_days': '1'}",
    "SELECT * FROM page_days SETTINGS optimize_move_to_prewhere = 0",
    "SELECT * FROM merge('{db}', 'page_days')",
    "SELECT * FROM remote('127.0.0.1', '{db}', 'page_days')",
    "SELECT * FROM loop('{db}', 'page_days') LIMIT 5",
    "SELECT * FROM view(SELECT * FROM page_days)",
    "SELECT DISTINCT site FROM site_days",
    "SELECT sum(pageviews) FROM site_days",
    "SELECT min(pageviews), max(pageviews), count() FROM site_days",
    "SELECT _part, _partition_id, page FROM page_days",
    "SELECT uniqExact(site) FROM page_days HAVING uniqExact(site) > 1",
    "SHOW CREATE USER CURRENT_USER",
    "SHOW ROW POLICIES",
];

/// Functions of the engine that read a granted table past its row filter: found here, and left to the guard.
const PAST_THE_FILTER: &[&str] = &[
    "SELECT * FROM mergeTreeIndex('{db}', 'page_days')",
    "SELECT * FROM mergeTreeAnalyzeIndexes('{db}', 'page_days')",
    "SELECT * FROM mergeTreeProjection('{db}', 'page_days', 'x')",
    "SELECT * FROM mergeTreeParts('{db}', 'page_days')",
    "SELECT * FROM mergeTreeTextIndex('{db}', 'page_days', 'x')",
];

#[tokio::test]
async fn the_user_of_one_site_sees_its_rows_alone_whatever_it_sends() {
    let store = figures().await;
    let user = ReaderScope::of(["shop.example"]).user();
    let login = support::endpoint().scoped_readers.iter().find(|login| login.user == user).unwrap();
    let headers = format!("X-ClickHouse-User: {}\r\nX-ClickHouse-Key: {}\r\n", login.user, login.password);
    for sql in REFUSED.iter().chain(OF_ANOTHER_SITE) {
        let sql = filled(sql, &store);
        let answer = raw(&format!("/?database={}", store.database()), &headers, &sql).await;
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        assert!(!holds_a_secret(body, &sql) && !body.contains("other.example\t"), "{sql}: {answer}");
    }
    let own = raw(&format!("/?database={}", store.database()), &headers, "SELECT page, pageviews FROM page_days").await;
    assert!(own.contains("/shown\t120"), "{own}");
    let listed =
        raw(&format!("/?database={}", store.database()), &headers, "SELECT DISTINCT site FROM site_days").await;
    assert!(listed.contains("shop.example") && !listed.contains("other"), "{listed}");
}

impl Served {
    /// A query at `POST /clickhouse` with a token as the password.
    pub(crate) async fn select(&self, token: &str, sql: &str, target: &str) -> crate::console::Reply {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("grafana:{token}"));
        let authorization = format!("Basic {basic}");
        self.send(&format!("POST /clickhouse{target}"), &[("Authorization", &authorization)], sql).await
    }
}

#[tokio::test]
async fn a_token_s_sql_reads_the_published_rows_of_its_sites_and_nothing_else() {
    let store = figures().await;
    let served = serve(store.clone(), 10).await;
    let sql = "SELECT page, pageviews FROM page_days ORDER BY pageviews DESC LIMIT 5";
    let answer = served.select(&served.shop, sql, "?default_format=JSONEachRow").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body, serde_json::json!({ "page": "/shown", "pageviews": 120 }));
    // The number of rows read reveals other sites; so do the engine's own headers.
    assert!(!answer.head.contains("summary") && !answer.head.contains("query-id"), "{}", answer.head);

    // Attempts that only the guard refuses, beside those that the engine refuses.
    let more = [
        "SELECT file('/etc/hostname')",
        "SELECT * APPLY file FROM {view}",
        "EXPLAIN ESTIMATE SELECT * FROM {view}",
        "EXPLAIN ANALYZE SELECT * FROM {view}",
        "EXPLAIN indexes = 1 SELECT * FROM {view}",
        "EXPLAIN PIPELINE SELECT * FROM {view}",
        "SELECT throwIf(page = '/zqwithheld') FROM {view}",
        "SELECT sleep(1) FROM {view}",
        "SELECT * FROM {view} FORMAT JSON",
        "SELECT toDateTime(1, 'file:/dev/stdin')",
        "SELECT name, total_rows FROM system.tables",
        "DESCRIBE pages",
    ];
    for sql in REFUSED.iter().chain(&more).chain(PAST_THE_FILTER) {
        let sql = filled(sql, &store);
        let reply = served.select(&served.everything, &sql, "").await;
        assert_eq!(reply.status, 400, "{sql}: {}", reply.body);
        assert!(!holds_a_secret(&reply.body.to_string(), ""), "{sql}: {}", reply.body);
    }
    for sql in OF_ANOTHER_SITE {
        let sql = filled(sql, &store);
        let reply = served.select(&served.shop, &sql, "").await;
        assert!(!holds_a_secret(&reply.body.to_string(), ""), "{sql}: {}", reply.body);
    }
    let everything = served.select(&served.everything, "SELECT uniqExact(site) AS sites FROM page_days", "").await;
    assert_eq!(everything.body, serde_json::json!(2), "{}", everything.body);
    assert_eq!(served.select("sillage_wrong", sql, "").await.status, 401);
    assert_eq!(served.select(&served.shop, sql, "?default_format=JSON").await.status, 400);
    let signed = served
        .send(
            "POST /sign-in",
            &[("Content-Type", "application/x-www-form-urlencoded")],
            &format!("token={}", served.shop),
        )
        .await;
    let cookie = signed.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(
        served.send("POST /clickhouse", &[("Cookie", cookie)], sql).await.status,
        401,
        "a cookie is no password"
    );
    served.stop().await;
}

#[tokio::test]
async fn an_asker_s_own_mistake_is_told_as_such_and_without_a_word_of_the_engine() {
    let store = figures().await;
    let served = serve(store, 10).await;
    for (sql, told) in [
        ("SELECT nothing FROM page_days", "unknown column (code 47)"),
        ("SELECT * FROM nowhere", "unknown table (code 60)"),
        ("SELECT sum(page) FROM page_days", "(code 43)"),
        ("SELECT page FROM page_days GROUP BY day", "not an aggregate (code 215)"),
        ("SELECT page page page FROM page_days", "syntax error (code 62)"),
        ("SELECT match(page, '(') FROM page_days", "(code 427)"),
        ("SELECT intDiv(1, 0) FROM page_days", "(code 153)"),
    ] {
        let reply = served.select(&served.shop, sql, "").await;
        let sentence = reply.body["error"].as_str().unwrap();
        assert_eq!(reply.status, 400, "{sql}: {sentence}");
        assert!(sentence.starts_with("database rejected the query: ") && sentence.ends_with(told), "{sentence}");
    }
    served.stop().await;
}

#[tokio::test]
async fn every_query_of_grafana_s_data_source_is_answered() {
    let store = figures().await;
    let served = serve(store.clone(), 10).await;
    let columns = format!(
        "SELECT name, type FROM system.columns WHERE database = '{0}' AND table = 'page_days'",
        store.database()
    );
    let filtered = format!(
        "SELECT day AS time, sum(visits) FROM page_days WHERE day >= toDate('2026-03-01') AND day <= toDate('2026-03-31') \
         GROUP BY time SETTINGS additional_table_filters={{'{}.page_days' : ' page = \\'/shown\\' '}}",
        store.database()
    );
    for (sql, holds) in [
        ("SELECT displayName(), version(), revision(), timezone()", ""),
        ("SELECT 1", "1"),
        ("SHOW DATABASES", store.database()),
        ("SHOW TABLES", "page_days"),
        ("SELECT name FROM system.databases", store.database()),
        ("DESC TABLE page_days", "pageviews"),
        (&columns, "pageviews"),
        ("SELECT DISTINCT site FROM site_days", "shop.example"),
        (
            "SELECT toStartOfInterval(toDateTime(day), INTERVAL 86400 second) AS time, sum(visits) FROM page_days GROUP BY time",
            "50",
        ),
        (&filtered, "50"),
    ] {
        let reply = served.select(&served.shop, sql, "").await;
        assert_eq!(reply.status, 200, "{sql}: {}", reply.body);
        assert!(reply.body.to_string().contains(holds), "{sql}: {}", reply.body);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_token_without_a_database_user_asks_reports_and_writes_no_sql() {
    let store = figures().await;
    let never = ReaderScope::of(["never.example"]);
    assert!(!store.knows_reader(&never) && store.knows_reader(&ReaderScope::of(["shop.example"])));
    let refused = store.reading_as(&never).ask("SELECT count() FROM page_days").rows::<u64>().await;
    assert!(refused.is_err(), "a user that is not there reads nothing");
    let reports = sillage::store::reports::Reports::new(store);
    assert!(reports.bound(&never).is_none() && reports.bound(&ReaderScope::All).is_some());
}
