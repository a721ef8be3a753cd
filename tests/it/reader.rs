//! Plays whoever holds the reading user's password, and whoever holds a console token and writes SQL: neither gets at
//! anything that is not rounded, and no refusal holds a figure or a stored value.

use base64::Engine as _;
use sillage::rollup::counters::Batch;
use sillage::store::Store;

use crate::console::{Served, serve};
use crate::engine::raw;
use crate::query::{TEN, breakdown, page, store};
use crate::support;

/// In names of pages and values that are withheld, and as figures of theirs.
const WITHHELD: &str = "zqwithheld";
const FIGURES: [&str; 3] = ["73519", "73521", "2941"];

const PAGES: &str = "report_pages(site = 'shop.example', from = '2026-03-10', to = '2026-03-10', timezone = 'UTC', \
                     grain = '', role = '', by_page = 1, page_op = '', pages = [])";

fn figures() -> Batch {
    Batch {
        token: "reader".into(),
        pages: vec![
            page("shop.example", TEN, "/shown", [73_519, 60, 60, 60, 60, 31, 2_941, 0, 0, 0, 0, 0]),
            page("shop.example", TEN, "/zqwithheld", [2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]),
            page("other.example", TEN, "/zqwithheld", [73_519, 60, 60, 60, 60, 1, 1, 0, 0, 0, 0, 0]),
        ],
        breakdowns: vec![breakdown("city", "/shown", "zqwithheld", [1, 1, 1, 1, 1, 2_941])],
        ..Batch::default()
    }
}

/// What an answer must not hold.
fn holds_a_secret(answer: &str, asked: &str) -> bool {
    let written = |word: &str| answer.contains(word) && !asked.contains(word);
    written(WITHHELD) || FIGURES.iter().any(|figure| answer.contains(figure))
}

/// Attempts that the engine refuses a user who is granted views alone.
const REFUSED: &[&str] = &[
    "SELECT * FROM pages",
    "SELECT * FROM pages FINAL",
    "SELECT count() FROM {db}.breakdowns",
    "SELECT sum(pageviews) FROM pages WHERE page LIKE '/z%'",
    "SELECT * FROM schema_migrations",
    "SELECT * FROM imports",
    "SELECT * FROM view(SELECT * FROM pages)",
    "SELECT * FROM merge('{db}', 'pages')",
    "SELECT * FROM merge(REGEXP('.*'), 'pages')",
    "SELECT * FROM remote('127.0.0.1', '{db}', 'pages')",
    "SELECT * FROM cluster('default', '{db}', 'pages')",
    "SELECT * FROM clusterAllReplicas('default', '{db}', 'pages')",
    "SELECT * FROM mergeTreeIndex('{db}', 'pages')",
    "SELECT * FROM mergeTreeAnalyzeIndexes('{db}', 'pages')",
    "SELECT * FROM mergeTreeProjection('{db}', 'pages', 'x')",
    "SELECT * FROM loop('{db}', 'pages')",
    "SELECT * FROM dictionary('pages')",
    "SELECT dictGet('{db}.pages', 'pageviews', 1)",
    "SELECT joinGet('{db}.pages', 'pageviews', 'x')",
    "SELECT hasColumnInTable('{db}', 'pages', 'pageviews')",
    "SELECT * FROM file('/etc/hostname', 'LineAsString')",
    "SELECT * FROM default.`/etc/hostname`",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/x')",
    "SELECT * FROM executable('ls', 'TSV', 'x String')",
    "SELECT * FROM viewExplain('EXPLAIN ESTIMATE', '', (SELECT * FROM pages))",
    "SELECT * FROM (EXPLAIN ESTIMATE SELECT * FROM pages)",
    "EXPLAIN SELECT * FROM pages",
    "EXPLAIN ESTIMATE SELECT * FROM pages",
    "EXPLAIN ANALYZE SELECT * FROM pages",
    "DESCRIBE pages",
    "SHOW CREATE TABLE pages",
    "SHOW INDEX FROM pages",
    "SHOW COLUMNS FROM pages",
    "SHOW PROCESSLIST",
    "SHOW ACCESS",
    "SHOW CREATE USER sillage",
    "EXISTS TABLE pages",
    "CHECK TABLE pages",
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
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM {view} SETTINGS max_rows_to_read = 1",
    "SELECT * FROM {view} SETTINGS max_result_rows = 1, result_overflow_mode = 'break'",
    "SELECT * FROM {view} SETTINGS additional_table_filters = {'{db}.pages': 'page = 1'}",
    "SELECT * FROM {view} SETTINGS additional_result_filter = 'visits = 1'",
    "SELECT * FROM {view} SETTINGS send_logs_level = 'trace'",
    "SELECT * FROM {view} SETTINGS log_queries = 1",
    "SELECT * FROM {view} SETTINGS extremes = 1",
    "SELECT * FROM {view} SETTINGS use_query_cache = 1",
    "SELECT * FROM {view} SETTINGS max_execution_time = 0",
    "SET readonly = 0",
    "SET ROLE ALL; SELECT 1",
    "SELECT * FROM {view} WITH TOTALS",
    "SELECT _part FROM {view}",
    "SELECT sum_pageviews FROM {view}",
    "SELECT of_bounces FROM {view}",
    "SELECT * FROM {view} INTO OUTFILE '/tmp/zq'",
    "INSERT INTO pages (site) VALUES ('x')",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT * FROM pages",
    "CREATE OR REPLACE VIEW report_pages AS SELECT * FROM pages",
    "CREATE FUNCTION x AS (a) -> a",
    "ALTER TABLE pages DELETE WHERE 1",
    "ALTER VIEW report_pages MODIFY SQL SECURITY INVOKER",
    "DROP VIEW report_pages",
    "OPTIMIZE TABLE pages",
    "BACKUP TABLE pages TO Null",
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
    sql.replace("{db}", store.database()).replace("{view}", PAGES)
}

#[tokio::test]
async fn the_reading_user_gets_nothing_but_the_views_and_no_refusal_tells_anything() {
    let store = store(10, &figures()).await;
    for sql in REFUSED {
        let sql = filled(sql, &store);
        let answer = as_reader(&store, &sql, "").await;
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        // Some words are answered about what the user may see of it: nothing.
        let empty = answer.starts_with("HTTP/1.1 200") && (body.is_empty() || body.starts_with("0\r\n"));
        let refused = !answer.starts_with("HTTP/1.1 200") && body.contains("Exception");
        assert!(empty || refused, "{sql}: {answer}");
        assert!(!holds_a_secret(body, &sql), "{sql}: {answer}");
    }
    for setting in ["readonly=0", "send_progress_in_http_headers=1", "max_rows_to_read=1", "send_logs_level=trace"] {
        let answer = as_reader(&store, &format!("SELECT * FROM {PAGES}"), &format!("&{setting}")).await;
        assert!(!answer.starts_with("HTTP/1.1 200") && !holds_a_secret(&answer, ""), "{setting}: {answer}");
    }
}

#[tokio::test]
async fn a_reader_s_condition_is_not_tried_on_what_is_withheld() {
    let store = store(10, &figures()).await;
    let rows = async |sql: String| store.ask(&sql).rows::<String>().await;
    assert_eq!(rows(format!("SELECT page FROM {PAGES}")).await.unwrap(), ["/shown"]);
    // If it ran on the row that is withheld, each of these would fail, and so tell of it.
    for condition in [
        "throwIf(page = '/zqwithheld') = 0",
        "toInt64(replaceOne(page, '/shown', '1')) = 1",
        "if(page = '/zqwithheld', toInt64(page), 1) = 1",
    ] {
        assert_eq!(
            rows(format!("SELECT page FROM {PAGES} WHERE {condition}")).await.unwrap(),
            ["/shown"],
            "{condition}"
        );
    }
    let all = as_reader(&store, &format!("SELECT * FROM {PAGES} FORMAT JSON"), "").await;
    let body = all.split_once("\r\n\r\n").unwrap().1;
    assert!(body.contains("/shown") || body.contains("\\/shown"), "{all}");
    assert!(!holds_a_secret(body, "") && !body.contains("rows_read"), "{all}");
}

impl Served {
    /// A query at `POST /clickhouse` with a token as the password.
    async fn select(&self, token: &str, sql: &str, target: &str) -> crate::console::Reply {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("grafana:{token}"));
        let authorization = format!("Basic {basic}");
        self.send(&format!("POST /clickhouse{target}"), &[("Authorization", &authorization)], sql).await
    }
}

#[tokio::test]
async fn a_token_s_sql_reads_the_views_of_its_sites_and_nothing_else() {
    let store = store(10, &figures()).await;
    let served = serve(store.clone(), 10).await;
    let sql = format!("SELECT page, pageviews, bounce_rate FROM {PAGES} ORDER BY pageviews DESC LIMIT 5");
    let told = served.select(&served.shop, &sql, "?default_format=JSONEachRow").await;
    assert_eq!(told.status, 200, "{}", told.body);
    assert_eq!(told.body, serde_json::json!({ "page": "/shown", "pageviews": 73_520, "bounce_rate": 50 }));
    // How many rows were read is an exact number; so is what the engine says about itself.
    assert!(!told.head.contains("summary") && !told.head.contains("query-id"), "{}", told.head);

    // What the engine itself could not refuse, beside all that it does.
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
        "SHOW TABLES",
        "DESCRIBE report_pages",
    ];
    for sql in REFUSED.iter().chain(&more) {
        let sql = filled(sql, &store);
        let reply = served.select(&served.everything, &sql, "").await;
        assert_eq!(reply.status, 400, "{sql}: {}", reply.body);
        assert!(!holds_a_secret(&reply.body.to_string(), ""), "{sql}: {}", reply.body);
    }
    let refused = async |name: &str| served.select(&served.shop, &sql.replace("shop.example", name), "").await;
    let (hidden, missing) = (refused("other.example").await, refused("never.example").await);
    assert_eq!((hidden.status, missing.status), (403, 403));
    assert_eq!(hidden.body, missing.body);
    assert_eq!(served.select("sillage_wrong", &sql, "").await.status, 401);
    assert_eq!(served.select(&served.shop, &sql, "?default_format=JSON").await.status, 400);
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
        served.send("POST /clickhouse", &[("Cookie", cookie)], &sql).await.status,
        401,
        "a cookie is no password"
    );
    served.stop().await;
}
