//! The peer's older API, asked through the real listener: figures of the worked example, in the shape that its readers
//! know.

use serde_json::{Value, json};

use crate::console::{Served, serve};
use crate::query::{store, worked_example};

/// The answer to `GET /api/v1/stats/…`.
async fn asked(served: &Served, path: &str) -> Value {
    let bearer = format!("Bearer {}", served.shop);
    let request = format!("GET /api/v1/stats/{path}");
    let reply = served.send(&request, &[("Authorization", &bearer)], "").await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.body
}

#[tokio::test]
async fn totals_have_values_and_changes_against_the_period_before() {
    let served = serve(store(1, &worked_example()).await, 1).await;
    let metrics = "metrics=visitors,pageviews,visits,bounce_rate,visit_duration,views_per_visit";
    let answer = asked(&served, &format!("aggregate?site_id=shop.example&period=day&{metrics}")).await;
    let value = |figure: Value| json!({ "value": figure });
    assert_eq!(
        answer,
        json!({ "results": {
            "visitors": value(json!(2)), "pageviews": value(json!(5)), "visits": value(json!(3)),
            "bounce_rate": value(json!(67)), "visit_duration": value(json!(400)), "views_per_visit": value(json!(1.67)),
        } })
    );
    let custom = "period=custom&date=2026-03-11,2026-03-11&metrics=pageviews&compare=previous_period";
    let answer = asked(&served, &format!("aggregate?site_id=shop.example&{custom}")).await;
    let pageviews = &answer["results"]["pageviews"];
    assert_eq!(pageviews, &json!({ "value": 0, "change": -100.0, "comparison_value": 5 }));
    let filtered = "period=7d&metrics=pageviews&filters=event:page%3D%3D/pricing";
    let answer = asked(&served, &format!("aggregate?site_id=shop.example&{filtered}")).await;
    assert_eq!(answer["results"]["pageviews"]["value"], 3);
    served.stop().await;
}

#[tokio::test]
async fn a_series_has_every_period_also_those_without_a_figure() {
    let served = serve(store(1, &worked_example()).await, 1).await;
    let days = asked(&served, "timeseries?site_id=shop.example&period=7d&metrics=visitors,pageviews").await;
    let days = days["results"].as_array().unwrap().clone();
    assert_eq!(days.len(), 7);
    assert_eq!(days[0], json!({ "date": "2026-03-04", "visitors": 0, "pageviews": 0 }));
    assert_eq!(days[6], json!({ "date": "2026-03-10", "visitors": 2, "pageviews": 5 }));
    let hours = asked(&served, "timeseries?site_id=shop.example&period=day&interval=hour&metrics=pageviews").await;
    let hours = hours["results"].as_array().unwrap().clone();
    assert_eq!((hours.len(), &hours[10]), (24, &json!({ "date": "2026-03-10 10:00:00", "pageviews": 4 })));
    let months = asked(&served, "timeseries?site_id=shop.example&period=6mo&interval=month").await;
    let months = months["results"].as_array().unwrap().clone();
    assert_eq!((months.len(), &months[5]), (6, &json!({ "date": "2026-03-01", "visitors": 2 })));
    for (from, count) in [("2026-03-10", 1), ("2026-03-01", 10), ("2019-01-01", 2_626)] {
        let custom =
            asked(&served, &format!("timeseries?site_id=shop.example&period=custom&date={from},2026-03-10")).await;
        let days = custom["results"].as_array().unwrap();
        assert_eq!((days.len(), &days[count - 1]), (count, &json!({ "date": "2026-03-10", "visitors": 2 })), "{from}");
    }
    served.stop().await;
}

#[tokio::test]
async fn lists_name_their_rows_and_entry_pages_answer_readers_that_ask_for_no_metric() {
    let served = serve(store(1, &worked_example()).await, 1).await;
    let list = async |more: &str| asked(&served, &format!("breakdown?site_id=shop.example&period=day&{more}")).await;
    assert_eq!(
        list("property=event:page&metrics=pageviews,visitors").await["results"],
        json!([{ "page": "/pricing", "pageviews": 3, "visitors": 2 }, { "page": "/", "pageviews": 2, "visitors": 1 }])
    );
    assert_eq!(
        list("property=visit:country").await["results"],
        json!([{ "country": "DE", "visitors": 1 }, { "country": "FR", "visitors": 1 }])
    );
    assert_eq!(list("property=event:page&limit=1&page=2").await["results"], json!([{ "page": "/", "visitors": 1 }]));
    assert_eq!(
        list("property=event:goal&metrics=visitors,events").await["results"],
        json!([{ "goal": "Signup", "visitors": 2, "events": 3 }])
    );
    let sources = list("property=visit:source").await;
    assert_eq!(
        sources["results"],
        json!([{ "source": "(direct)", "visitors": 1 }, { "source": "news.example", "visitors": 1 }])
    );
    assert!(sources["warning"].as_str().unwrap().contains("referrers"));
    for property in ["event:entry_page", "visit:entry_page"] {
        let entries = list(&format!("property={property}")).await;
        assert_eq!(
            entries["results"],
            json!([{ "entry_page": "/pricing", "visits": 2 }, { "entry_page": "/", "visits": 1 }])
        );
        assert!(entries["warning"].as_str().unwrap().contains("visits"));
    }
    served.stop().await;
}

#[tokio::test]
async fn visitors_of_now_are_one_number() {
    let served = serve(store(1, &worked_example()).await, 1).await;
    assert_eq!(asked(&served, "realtime/visitors?site_id=shop.example").await, json!(43));
    served.stop().await;
}
