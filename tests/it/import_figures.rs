//! Figures of other tools: a sample of each export gives the export's own totals, once, marked with its origin, and
//! without a row about a person.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sillage::config::{Config, Protection};
use sillage::import::figures::{self, FigureError, FigureJob, FigureReport};
use sillage::sites::Sites;
use sillage::store::Store;

use crate::import_cases::store;

pub(crate) const NOW: &str = "2026-04-01T12:00:00Z";

pub(crate) fn job(site: &str, files: &[&str], protection: Protection) -> FigureJob {
    let text = format!("site = [{{ name = {site:?}, timezone = \"Europe/Paris\" }}]");
    let sites = Sites::new(&Config::from_toml(&text).unwrap().site).unwrap();
    let site = sites.find(site).unwrap().clone();
    let keep_from = site.retained_from(NOW.parse().unwrap(), 25);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/exports");
    let files: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
    FigureJob { files, site, day: None, protection, keep_from, progress: false }
}

async fn run(job: &FigureJob, store: &Store) -> Result<FigureReport, FigureError> {
    figures::run(job, store, NOW.parse().unwrap()).await
}

pub(crate) async fn sums(
    (store, site): (&Store, &str),
    table: &str,
    key: &str,
    columns: &str,
) -> BTreeMap<String, Vec<i64>> {
    let columns: Vec<String> = columns.split(", ").map(|column| format!("sum({column})")).collect();
    let database = store.database();
    let sums = columns.join(", ");
    let sql = format!(
        "SELECT toString({key}) AS name, [{sums}] AS sums FROM {database}.{table} WHERE site = '{site}' GROUP BY name"
    );
    let rows = store.ask_as_owner(&sql).json().await.unwrap();
    let sums_of = |row: &serde_json::Map<String, serde_json::Value>| {
        let sums = row["sums"].as_array().unwrap().iter().map(|sum| sum.as_i64().unwrap());
        (row["name"].as_str().unwrap().to_owned(), sums.collect())
    };
    rows.iter().map(sums_of).collect()
}

pub(crate) fn row(of: &[(&str, &[i64])]) -> BTreeMap<String, Vec<i64>> {
    of.iter().map(|(key, sums)| ((*key).to_owned(), sums.to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_export_of_plausible_comes_over_with_its_own_totals() {
    let (store, name) = (store().await, "plausible.example");
    let report = run(&job(name, &["shop_example_20260401.zip"], Protection::Exact), &store).await.unwrap();
    assert!(report.origin.starts_with("plausible:2026-04-01T12:00:00Z"), "{}", report.origin);
    let site =
        sums((&store, name), "site_days", "day", "pageviews, visitors, visits, bounces, visit_seconds, not_found")
            .await;
    assert_eq!(site, row(&[("2026-03-04", &[120, 60, 70, 20, 4_200, 3]), ("2026-03-05", &[50, 30, 31, 10, 900, 0])]));
    let pages =
        sums((&store, name), "page_days", "page", "pageviews, visitors, visits, exits, engaged_ms, scroll_percent")
            .await;
    assert_eq!(pages["/tea"], [120, 71, 61, 101, 2_430_000, 5_100]);
    assert_eq!(pages["/"], [50, 30, 40, 0, 300_000, 900]);
    let of = |dimension: &str| format!("if(dimension = '{dimension}', value, '')");
    for (dimension, value, expected) in [
        ("referrer", "google.com", [80, 40, 45]),
        ("referrer", "(direct)", [40, 20, 25]),
        ("referrer", "news.example", [50, 30, 31]),
        ("country", "FR", [120, 60, 70]),
        ("device", "mobile", [50, 30, 31]),
        ("browser", "Firefox", [120, 60, 70]),
        ("browser_version", "Firefox 128", [120, 60, 70]),
        ("system", "iOS", [50, 30, 31]),
    ] {
        let values = sums((&store, name), "dimension_days", &of(dimension), "pageviews, visitors, visits").await;
        assert_eq!(values[value], expected, "{dimension} {value}");
    }
    let actions = sums((&store, name), "action_days", "action", "count, visitors").await;
    assert_eq!((&actions["Signup"][..], &actions["404"][..]), (&[6, 5][..], &[3, 2][..]));
    let report = report.to_string();
    for left in ["campaigns", "regions and cities", "properties of events", "links of outbound clicks"] {
        assert!(report.contains(left), "{report}");
    }
    assert!(!report.contains("jane"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_compared_with_measured_days_and_nothing_is_written() {
    let (store, name) = (store().await, "compared.example");
    let rows = "('2026-03-04', 'day', '', 117, 60, 77), ('2026-03-04', 'day', 'ga4:x', 900, 900, 900), \
                ('2026-03-08', 'week', '', 800, 800, 800)";
    let rows = rows.replace("('", &format!("('{name}', '"));
    let columns = "site, day, period, origin, pageviews, visitors, visits";
    let measured = format!("INSERT INTO {}.site_days ({columns}) VALUES {rows}", store.database());
    store.statement(&measured).await.unwrap();
    let plausible = job(name, &["shop_example_20260401.zip"], Protection::Exact);
    let comparison = figures::compare::run(&plausible, &store).await.unwrap().to_string();
    let lines: Vec<String> =
        comparison.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).take(5).collect();
    assert_eq!(
        lines,
        [
            "day | pageviews plausible here diff | visitors plausible here diff | visits plausible here diff",
            "2026-03-04 | 120 117 -2.5 % | 60 60 +0.0 % | 70 77 +10.0 %",
            "2026-03-05 | 50 - - | 30 - - | 31 - -",
            "total | 120 117 -2.5 % | 60 60 +0.0 % | 70 77 +10.0 %",
            "1 day(s) without figures here (not measured, or not yet published), left out of the total",
        ]
    );
    assert!(comparison.contains("plausible: visits and visitors") && !comparison.contains("umami:"), "{comparison}");
    for files in
        [&["goatcounter.zip"][..], &["umami-cloud.zip"], &["ga4-days.json"], &["awstats032026.shop.example.txt"]]
    {
        let job = job(name, files, Protection::Exact);
        let comparison = figures::compare::run(&job, &store).await.unwrap().to_string();
        assert!(comparison.contains("total "), "{comparison}");
    }
    assert_eq!(sums((&store, name), "site_days", "origin", "pageviews").await, row(&[("", &[917]), ("ga4:x", &[900])]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_counted_once_and_an_origin_is_removed_whole() {
    let (store, name) = (store().await, "once.example");
    let plausible = job(name, &["shop_example_20260401.zip"], Protection::Exact);
    let measured =
        format!("INSERT INTO {}.site_days (site, day, pageviews) VALUES ('{name}', '2026-03-05', 7)", store.database());
    store.statement(&measured).await.unwrap();
    let report = run(&plausible, &store).await.unwrap();
    assert_eq!((report.days, report.days_left), (1, 1));
    let total = async || sums((&store, name), "site_days", "site", "pageviews").await[name][0];
    assert_eq!(total().await, 127);
    assert!(matches!(run(&plausible, &store).await, Err(FigureError::Known(_))));
    // Another tool's figures of the same days are skipped.
    let ga4 = run(&job(name, &["ga4-days.json"], Protection::Exact), &store).await.unwrap();
    assert_eq!((ga4.days, ga4.days_left), (0, 2));
    assert!(figures::remove(&plausible.site, &report.origin, &store).await.unwrap() > 10);
    assert_eq!(total().await, 7);
    assert!(matches!(figures::remove(&plausible.site, &report.origin, &store).await, Err(FigureError::NoOrigin(_))));
    assert_eq!(run(&plausible, &store).await.unwrap().days, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_of_goatcounter_and_umami_are_added_up_without_their_sessions() {
    let store = store().await;
    run(&job("goat-json.example", &["goatcounter.zip"], Protection::Exact), &store).await.unwrap();
    // 23:00 UTC is the next day in Paris.
    let pages = sums((&store, "goat-json.example"), "page_days", "day", "visitors, pageviews").await;
    assert_eq!(pages, row(&[("2026-03-04", &[5, 0]), ("2026-03-05", &[2, 0])]));
    assert_eq!(
        sums((&store, "goat-json.example"), "action_days", "action", "visitors").await,
        row(&[("signup", &[1])])
    );

    let report = run(&job("goat-csv.example", &["goatcounter.csv.gz"], Protection::Exact), &store).await.unwrap();
    assert_eq!(report.person_rows, 5);
    let site = sums((&store, "goat-csv.example"), "site_days", "day", "pageviews, visitors, visits").await;
    assert_eq!(site, row(&[("2026-03-04", &[3, 2, 2])]));

    let umami = "umami.example";
    let report = run(&job(umami, &["umami-cloud.zip"], Protection::Exact), &store).await.unwrap();
    assert_eq!(report.person_rows, 4);
    let site = sums((&store, umami), "site_days", "day", "pageviews, visitors, visits").await;
    assert_eq!(site, row(&[("2026-03-04", &[2, 1, 1]), ("2026-03-05", &[1, 1, 1])]));

    let of_a_day = job(umami, &["umami-download.json"], Protection::Exact);
    assert!(matches!(run(&of_a_day, &store).await, Err(FigureError::NoDay(_))));
    let of_a_day = FigureJob { day: Some("2026-03-10".parse().unwrap()), ..of_a_day };
    run(&of_a_day, &store).await.unwrap();
    assert_eq!(sums((&store, umami), "page_days", "page", "visitors").await["/tea"], [43]);

    let mut seen = String::new();
    for table in ["imports", "site_days", "page_days", "dimension_days", "action_days"] {
        let sql =
            format!("SELECT * FROM {}.{table} WHERE site IN ('goat-csv.example', 'umami.example')", store.database());
        seen.push_str(&serde_json::to_string(&store.ask_as_owner(&sql).json().await.unwrap()).unwrap());
    }
    assert!(seen.contains("/tea") && !seen.contains("canary"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_matomo_google_and_awstats_come_over_with_their_own_totals() {
    let store = store().await;
    let (matomo, google, awstats) = ("matomo.example", "google.example", "awstats.example");
    let files = ["VisitsSummary.get", "Actions.get", "Actions.getPageUrls", "UserCountry.getCountry"];
    let files = files.map(|method| format!("matomo-{method}.json"));
    let report = run(&job(matomo, &files.each_ref().map(String::as_str), Protection::Exact), &store).await.unwrap();
    let site = sums((&store, matomo), "site_days", "day", "pageviews, visitors, visits, bounces, visit_seconds").await;
    assert_eq!(site, row(&[("2026-03-04", &[120, 60, 70, 20, 4_200])]));
    let pages = sums((&store, matomo), "page_days", "page", "pageviews, visitors, visits, exits").await;
    assert_eq!(pages, row(&[("/", &[50, 30, 40, 0]), ("/tea", &[70, 41, 30, 70])]));
    assert_eq!(sums((&store, matomo), "dimension_days", "value", "visitors, visits").await, row(&[("FR", &[60, 70])]));
    assert!(report.to_string().contains("rows called Others"));

    run(&job(google, &["ga4-days.json", "ga4-pages.json", "ga4-countries.csv"], Protection::Exact), &store)
        .await
        .unwrap();
    let site = sums((&store, google), "site_days", "day", "pageviews, visitors, visits, bounces").await;
    assert_eq!(site, row(&[("2026-03-04", &[120, 60, 70, 20]), ("2026-03-05", &[50, 30, 31, 10])]));
    assert_eq!(sums((&store, google), "page_days", "page", "pageviews, engaged_ms").await["/tea"], [70, 2_330_000]);
    assert_eq!(sums((&store, google), "dimension_days", "value", "visits").await, row(&[("FR", &[70])]));

    let report = run(&job(awstats, &["awstats032026.shop.example.txt"], Protection::Exact), &store).await.unwrap();
    let site = sums((&store, awstats), "site_days", "day", "pageviews, visits").await;
    assert_eq!(site, row(&[("2026-03-04", &[310, 120]), ("2026-03-05", &[100, 60])]));
    assert_eq!(report.person_rows, 1);
    assert!(!report.to_string().contains("203.0.113"));
}

#[tokio::test(flavor = "multi_thread")]
async fn under_tens_brought_figures_are_multiples_of_ten_and_each_row_has_twenty_drawn_visitors() {
    let (store, name) = (store().await, "tens.example");
    run(&job(name, &["shop_example_20260401.zip"], Protection::Tens), &store).await.unwrap();
    for (table, columns) in [
        ("site_days", "pageviews, visitors, visits, bounces"),
        ("page_days", "pageviews, visitors, visits, exits"),
        ("dimension_days", "pageviews, visitors, visits, bounces"),
        ("action_days", "count, visitors"),
    ] {
        let rows = sums((&store, name), table, "tuple(*)", columns).await;
        assert!(rows.values().flatten().all(|number| number % 10 == 0), "{table}: {rows:?}");
    }
    let site = sums((&store, name), "site_days", "day", "visitors").await;
    assert!((site["2026-03-04"][0] - 60).abs() <= 18, "{site:?}");
    // Five people signed up: a row of them is shown only in the rare case that their draw is twenty.
    for table in ["page_days", "dimension_days", "action_days"] {
        let rows = sums((&store, name), table, "concat(toString(period), ' ', toString(tuple(*)))", "visitors").await;
        let mut of_days = rows.iter().filter(|(row, _)| row.starts_with("day "));
        assert!(of_days.all(|(_, visitors)| visitors[0] >= 20), "{table}: {rows:?}");
    }
    // Plausible has no reading times of the site: absent, not drawn.
    let read = sums((&store, name), "site_days", "site", "engaged_ms, engaged_views, scroll_views").await;
    assert_eq!(read[name], [0, 0, 0]);
    // Nothing exact is left behind.
    for table in ["waiting_figures", "waiting_cells", "staged_cells"] {
        let sql = format!("SELECT count() FROM {}.{table} WHERE site = '{name}'", store.database());
        assert_eq!(store.ask_as_owner(&sql).rows::<u64>().await.unwrap(), [0], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_site_s_week_row_stands_for_its_days() {
    let (store, name) = (store().await, "quiet.example");
    // The week of 2 to 8 March: its days were too small to be shown.
    let week = format!(
        "INSERT INTO {}.site_days (site, day, period, pageviews) VALUES ('{name}', '2026-03-08', 'week', 30)",
        store.database()
    );
    store.statement(&week).await.unwrap();
    let report = run(&job(name, &["shop_example_20260401.zip"], Protection::Exact), &store).await.unwrap();
    assert_eq!((report.days, report.days_left), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_no_tool_and_of_two_tools_are_refused_with_a_sentence() {
    let store = store().await;
    let unknown = job("none.example", &["../logs/02-common/access_log"], Protection::Exact);
    assert!(matches!(run(&unknown, &store).await, Err(FigureError::Unknown(_))));
    let mixed = job("none.example", &["ga4-days.json", "awstats032026.shop.example.txt"], Protection::Exact);
    assert!(matches!(run(&mixed, &store).await, Err(FigureError::Mixed("ga4", "awstats"))));
}
