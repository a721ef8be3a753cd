//! Figures from Matomo's Reporting API: a real HTTP server on loopback answers with the documented JSON. Its months
//! come over once, the token stands in the bodies of requests alone, and an interrupted import goes on.

use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sillage::config::Protection;
use sillage::import::figures::matomo_api::MatomoSource;
use sillage::import::figures::{self, FigureError, FigureReport};
use sillage::store::Store;
use tokio::net::TcpListener;

use crate::import_cases::store;
use crate::import_figures::{NOW, job, row, sums};

const TOKEN: &str = "0123456789abcdef-canary";

/// Behaviour of the server before it answers as Matomo does.
type Faults = Arc<Mutex<Vec<u16>>>;

/// A server that answers as Matomo's documentation says, and the bodies that it got.
struct Matomo {
    address: String,
    faults: Faults,
    /// Answers until it is overloaded.
    answers_left: Arc<AtomicI64>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn days_of(body: &str) -> String {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if value("token_auth") != TOKEN {
        return r#"{"result":"error","message":"canary-message"}"#.into();
    }
    let day = value("date").split(',').next().unwrap_or_default();
    let rows = match value("method") {
        "VisitsSummary.get" => {
            r#"{"nb_uniq_visitors":60,"nb_visits":70,"bounce_count":"20","sum_visit_length":4200}"#.to_owned()
        }
        "Actions.get" => r#"{"nb_pageviews":120}"#.to_owned(),
        "Actions.getPageUrls" => {
            r#"[{"label":"/tea","nb_hits":70,"nb_uniq_visitors":41,"entry_nb_visits":30,"exit_nb_visits":70,
                "url":"https://shop.example/tea"},{"label":"Others","nb_hits":9}]"#
                .to_owned()
        }
        "UserCountry.getCountry" => {
            r#"[{"label":"France","code":"fr","nb_uniq_visitors":60,"nb_visits":70}]"#.to_owned()
        }
        "Events.getAction" => return r#"{"result":"error","message":"canary-message"}"#.into(),
        _ => return format!("{{\"{day}\":[]}}"),
    };
    format!("{{\"{day}\":{rows}}}")
}

impl Matomo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let answers_left = Arc::new(AtomicI64::new(i64::MAX));
        let matomo = Self { address, faults: Faults::default(), answers_left, asked: Arc::default() };
        let (faults, left, asked) = (matomo.faults.clone(), matomo.answers_left.clone(), matomo.asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (faults, left, asked) = (faults.clone(), left.clone(), asked.clone());
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (faults, left, asked) = (faults.clone(), left.clone(), asked.clone());
                    async move {
                        let target = request.uri().to_string();
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let body = String::from_utf8_lossy(&body).into_owned();
                        asked.lock().unwrap().push(format!("{target} {body}"));
                        let is_overloaded = left.fetch_sub(1, Ordering::SeqCst) <= 0;
                        let fault = faults.lock().unwrap().pop().or(is_overloaded.then_some(503));
                        let answer = Response::builder().status(fault.unwrap_or(200));
                        let text = if fault.is_some() { "busy".to_owned() } else { days_of(&body) };
                        Ok::<_, Infallible>(answer.body(Full::new(Bytes::from(text))).unwrap())
                    }
                });
                tokio::spawn(async move {
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await
                        .ok();
                });
            }
        });
        matomo
    }

    fn source(&self, token: &str) -> MatomoSource {
        let days = ("2026-02-10".parse().unwrap(), "2026-03-04".parse().unwrap());
        let pause = Duration::from_millis(1);
        MatomoSource::new(&self.address, token.to_owned().into(), 7, days, pause).map_err(|e| e.to_string()).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    async fn import(&self, name: &str, protection: Protection, store: &Store) -> Result<FigureReport, FigureError> {
        let job = job(name, &[], protection);
        figures::run_from_matomo(&job, &self.source(TOKEN), store, NOW.parse().unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn months_of_matomo_come_over_with_their_totals_and_the_token_in_bodies_alone() {
    let (store, name, matomo) = (store().await, "matomo-api.example", Matomo::start().await);
    *matomo.faults.lock().unwrap() = vec![503, 429];
    let report = matomo.import(name, Protection::Exact, &store).await.unwrap();
    assert_eq!((report.days, report.days_left), (2, 0));
    let site = sums((&store, name), "site_days", "day", "pageviews, visitors, visits, bounces, visit_seconds").await;
    let day: &[i64] = &[120, 60, 70, 20, 4_200];
    assert_eq!(site, row(&[("2026-02-10", day), ("2026-03-01", day)]));
    assert_eq!(sums((&store, name), "page_days", "page", "pageviews, visitors").await, row(&[("/tea", &[140, 82])]));
    let report = report.to_string();
    assert!(report.contains("rows called Others") && report.contains("Events.getAction: Matomo refuses"), "{report}");
    assert!(!report.contains("canary"), "{report}");
    let asked = matomo.asked();
    // Nine reports of two months, and two that were asked for again.
    assert_eq!(asked.len(), 20);
    assert!(asked.iter().all(|line| line.starts_with("/index.php ") && line.contains("idSite=7&")), "{asked:?}");
    assert!(asked.iter().all(|line| line.contains(&format!("token_auth={TOKEN}"))));
    let notes = store.imported_days(name).await.unwrap();
    assert!(!format!("{notes:?}").contains("canary"), "{notes:?}");
    assert!(matches!(matomo.import(name, Protection::Exact, &store).await, Err(FigureError::Known(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_of_matomo_asks_for_the_missing_months_alone() {
    let (store, name, matomo) = (store().await, "matomo-cut.example", Matomo::start().await);
    // The second month breaks off.
    matomo.answers_left.store(11, Ordering::SeqCst);
    let error = matomo.import(name, Protection::Tens, &store).await.unwrap_err().to_string();
    matomo.answers_left.store(i64::MAX, Ordering::SeqCst);
    assert!(error.contains("run the same import again") && !error.contains("canary"), "{error}");
    assert_eq!(sums((&store, name), "site_days", "day", "pageviews").await.len(), 0);
    matomo.asked();
    let report = matomo.import(name, Protection::Tens, &store).await.unwrap();
    let asked = matomo.asked();
    assert!(asked.len() == 9 && asked.iter().all(|line| line.contains("date=2026-03-01%2C2026-03-04")), "{asked:?}");
    let site = sums((&store, name), "site_days", "site", "pageviews").await;
    // Two days of 120, each drawn once and its rest again for week and month.
    assert!((site[name][0] - 240).abs() <= 36 && site[name][0] % 10 == 0, "{site:?}");
    assert!(figures::remove(&job(name, &[], Protection::Tens).site, &report.origin, &store).await.unwrap() > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_the_right_is_refused_with_a_sentence_that_names_neither() {
    let (store, matomo) = (store().await, Matomo::start().await);
    let job = job("matomo-refused.example", &[], Protection::Exact);
    let source = matomo.source("canary-other");
    let error = figures::run_from_matomo(&job, &source, &store, NOW.parse().unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("no right to view this site") && !error.contains("canary"), "{error}");
    *matomo.faults.lock().unwrap() = vec![302];
    let error = figures::run_from_matomo(&job, &source, &store, NOW.parse().unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("HTTP 302"), "{error}");
}
