//! From a question to the one report that answers it. Figures are kept by one dimension at a time: what is never
//! stored together has no answer, and here it is said why.

use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension};
use crate::console::query::{FilterSet, OrderKey, ParsedQuery};
use crate::sites::Site;
use crate::store::report::{Column, Direction, Filter, Grain, Metric, Report, Role, Subject};

impl ParsedQuery {
    /// The report that answers this question.
    pub(super) fn report(&self, site: &Site) -> Result<Report, QueryRefusal> {
        if self.dimensions.len() > 2 {
            return refuse("`dimensions` takes two at most: one stored dimension with `event:page` or a time");
        }
        if self.dimensions.iter().filter(|asked| matches!(asked, RequestedDimension::Time(_))).count() > 1 {
            return refuse("`dimensions` takes one time");
        }
        let (subject, page, value) = self.subject()?;
        let hours_are_kept = matches!(subject, Subject::Pages(_) | Subject::Timings);
        let mut grain = Grain::Whole;
        for asked in &self.dimensions {
            if let RequestedDimension::Time(written) = asked {
                grain = written.unwrap_or_else(|| self.range.grain(hours_are_kept));
            }
        }
        if grain == Grain::Hour && !hours_are_kept {
            return refuse(
                "hours are kept for pages and load times only; everything else is counted by the day: ask for `time:day`",
            );
        }
        self.range.check(grain)?;
        let column = |asked: &RequestedDimension| column(asked, &subject);
        let report = Report {
            site: site.name.to_string(),
            timezone: site.timezone.iana_name().unwrap_or("UTC").to_owned(),
            from: self.range.from,
            to: self.range.to,
            grain,
            by_page: self.dimensions.iter().any(|asked| column(asked) == Column::Page),
            by_value: self.dimensions.iter().any(|asked| column(asked) == Column::Value),
            page,
            value,
            order: self.ordered(column),
            limit: self.limit,
            offset: self.offset,
            subject: subject.clone(),
        };
        for metric in &self.metrics {
            if !report.stores(*metric) {
                return Err(self.not_stored(*metric, &report));
            }
        }
        Ok(report)
    }

    /// What is counted, the filter on pages and the filter on values.
    fn subject(&self) -> Result<(Subject, Option<Filter>, Option<Filter>), QueryRefusal> {
        let mut named: Vec<&RequestedDimension> = Vec::new();
        for asked in self.dimensions.iter().chain(self.filters.iter().map(|(asked, _)| asked)) {
            if !matches!(asked, RequestedDimension::Time(_) | RequestedDimension::Page) && !named.contains(&asked) {
                named.push(asked);
            }
        }
        let page = find(&self.filters, &RequestedDimension::Page);
        match named.as_slice() {
            [] if self.metrics == [Metric::Events] => {
                Ok((Subject::Actions { property: None, action: None }, page, None))
            }
            [] => Ok((Subject::Pages(Role::Viewed), page, None)),
            [one @ (RequestedDimension::EntryPage | RequestedDimension::ExitPage)] => {
                if page.is_some() || self.dimensions.contains(&RequestedDimension::Page) {
                    return Err(together(&one.name(), "event:page"));
                }
                let role = if **one == RequestedDimension::EntryPage { Role::Entry } else { Role::Exit };
                Ok((Subject::Pages(role), find(&self.filters, one), None))
            }
            [one @ RequestedDimension::Stored(stored)] => {
                Ok((Subject::Breakdown(*stored), page, find(&self.filters, one)))
            }
            [RequestedDimension::Timing]
                if !self.dimensions.contains(&RequestedDimension::Timing)
                    || find(&self.filters, &RequestedDimension::Timing).is_some() =>
            {
                refuse("`event:timing` is a dimension and no filter: every load time comes in a row of its own")
            }
            [RequestedDimension::Timing] => Ok((Subject::Timings, page, None)),
            [one @ RequestedDimension::Action] => {
                Ok((Subject::Actions { property: None, action: find(&self.filters, one) }, page, None))
            }
            [one @ RequestedDimension::Property(property)] => {
                let subject = Subject::Actions { property: Some(property.clone()), action: None };
                Ok((subject, page, find(&self.filters, one)))
            }
            [one @ RequestedDimension::Property(property), name @ RequestedDimension::Action]
            | [name @ RequestedDimension::Action, one @ RequestedDimension::Property(property)]
                if !self.dimensions.contains(name) =>
            {
                let action = find(&self.filters, name);
                Ok((Subject::Actions { property: Some(property.clone()), action }, page, find(&self.filters, one)))
            }
            [RequestedDimension::Property(_), RequestedDimension::Action]
            | [RequestedDimension::Action, RequestedDimension::Property(_)] => refuse(
                "ask for the values of one action: keep `event:props:…` as the dimension and filter `event:name`",
            ),
            [one, other, ..] => Err(together(&one.name(), &other.name())),
            [_] => refuse("this dimension cannot be asked for"),
        }
    }

    fn ordered(&self, column: impl Fn(&RequestedDimension) -> Column) -> Vec<(Column, Direction)> {
        if !self.order.is_empty() {
            let resolve = |ordered: &OrderKey| match ordered {
                OrderKey::Metric(metric) => Column::Metric(*metric),
                OrderKey::Dimension(asked) => column(asked),
            };
            return self.order.iter().map(|(ordered, direction)| (resolve(ordered), *direction)).collect();
        }
        let mut order = Vec::new();
        if self.dimensions.iter().any(|asked| matches!(asked, RequestedDimension::Time(_))) {
            order.push((Column::Time, Direction::Ascending));
        }
        order.extend(self.metrics.first().map(|metric| (Column::Metric(*metric), Direction::Descending)));
        order
    }

    fn not_stored(&self, metric: Metric, report: &Report) -> QueryRefusal {
        let name = metric.name();
        let subject = match &report.subject {
            Subject::Pages(Role::Viewed) if report.by_page || report.page.is_some() => "`event:page`".to_owned(),
            Subject::Pages(Role::Viewed) => "the other metrics asked for".to_owned(),
            Subject::Pages(Role::Entry) => "`visit:entry_page`".to_owned(),
            Subject::Pages(Role::Exit) => "`visit:exit_page`".to_owned(),
            Subject::Breakdown(dimension) => format!("`{}`", RequestedDimension::Stored(*dimension).name()),
            Subject::Actions { .. } => "actions".to_owned(),
            Subject::Timings => "`event:timing`".to_owned(),
        };
        let stored: Vec<_> = Metric::ALL.into_iter().filter(|other| report.stores(*other)).map(Metric::name).collect();
        let hint = if metric.is_load_time() {
            "; ask for it by `event:timing`"
        } else if metric == Metric::Events {
            "; ask for `events` alone, or by `event:name`"
        } else {
            ""
        };
        QueryRefusal(format!("`{name}` is not stored with {subject}; there are: {}{hint}", stored.join(", ")))
    }
}

/// Which column of a report shows a dimension.
pub(super) fn column(asked: &RequestedDimension, subject: &Subject) -> Column {
    match asked {
        RequestedDimension::Time(_) => Column::Time,
        RequestedDimension::Page => Column::Page,
        RequestedDimension::EntryPage | RequestedDimension::ExitPage if matches!(subject, Subject::Pages(_)) => {
            Column::Page
        }
        RequestedDimension::EntryPage
        | RequestedDimension::ExitPage
        | RequestedDimension::Stored(_)
        | RequestedDimension::Action
        | RequestedDimension::Property(_)
        | RequestedDimension::Timing => Column::Value,
    }
}

fn find(filters: &FilterSet, wanted: &RequestedDimension) -> Option<Filter> {
    filters.iter().find(|(asked, _)| asked == wanted).map(|(_, filter)| filter.clone())
}

fn together(one: &str, other: &str) -> QueryRefusal {
    QueryRefusal(format!(
        "`{one}` and `{other}` are never stored together: each is counted by itself, so that no combination can point \
         at a person"
    ))
}

fn refuse<T>(sentence: &str) -> Result<T, QueryRefusal> {
    Err(QueryRefusal(sentence.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::console::query::{QueryDraft, QuestionError};
    use crate::{config, sites::Sites};

    fn planned(mut question: Value) -> Result<Report, String> {
        let configured =
            config::SiteConfig { name: "shop.example".into(), timezone: "Europe/Paris".into(), ..Default::default() };
        let sites = Sites::new(&[configured]).unwrap();
        question["site_id"] = "shop.example".into();
        if question.get("date_range").is_none() {
            question["date_range"] = "7d".into();
        }
        let (body, site) = QueryDraft::read(question.to_string().as_bytes()).map_err(|QuestionError(why)| why)?;
        let site = sites.find(&site).unwrap();
        // 23:30 UTC is the next day in Paris.
        let question =
            body.question(site, "2026-03-09T23:30:00Z".parse().unwrap(), false).map_err(|refusal| refusal.0)?;
        question.report(site).map_err(|refusal| refusal.0)
    }

    #[test]
    fn today_is_the_sites_own() {
        let report = planned(json!({ "metrics": ["visitors"], "date_range": "day", "dimensions": ["time"] })).unwrap();
        assert_eq!((report.from.to_string(), report.to.to_string()), ("2026-03-10".into(), "2026-03-10".into()));
        assert_eq!((report.grain, report.timezone.as_str()), (Grain::Hour, "Europe/Paris"));
        assert_eq!(report.order.first(), Some(&(Column::Time, Direction::Ascending)));
    }

    #[test]
    fn a_filter_alone_decides_what_is_counted() {
        let report = planned(json!({
            "metrics": ["visits"], "dimensions": ["time:day"], "filters": [["is", "visit:country", ["FR"]]]
        }))
        .unwrap();
        assert_eq!(report.subject, Subject::Breakdown(crate::event::Dimension::Country));
        assert!(!report.by_value && report.value.is_some());
    }

    #[test]
    fn events_alone_are_actions() {
        let report = planned(json!({ "metrics": ["events"] })).unwrap();
        assert_eq!(report.subject, Subject::Actions { property: None, action: None });
    }

    #[test]
    fn the_values_of_a_property_can_be_those_of_one_action() {
        let report = planned(json!({
            "metrics": ["events"], "dimensions": ["event:props:plan"], "filters": [["is", "event:name", ["Signup"]]]
        }))
        .unwrap();
        let action = Some(Filter { operator: crate::store::report::Operator::Is, values: vec!["Signup".into()] });
        assert_eq!(report.subject, Subject::Actions { property: Some("plan".into()), action });
        assert!(report.by_value && report.value.is_none());
    }

    #[test]
    fn entry_pages_are_filtered_as_pages() {
        let report = planned(json!({
            "metrics": ["visits"], "dimensions": ["visit:entry_page"], "filters": [["is", "visit:entry_page", ["/"]]]
        }))
        .unwrap();
        assert_eq!(report.subject, Subject::Pages(Role::Entry));
        assert!(report.by_page && report.page.is_some());
    }

    #[test]
    fn each_refusal_names_what_is_wrong() {
        for (question, word) in [
            (json!({ "metrics": ["visitors"], "dimension": [] }), "`dimension` is no key"),
            (json!({ "metrics": ["visitors"], "include": { "imports": true } }), "`include.imports`"),
            (json!({ "metrics": ["visitors"], "pagination": { "page": 2 } }), "`pagination.page`"),
            (json!({ "metrics": ["visitors"], "pagination": { "limit": 10001 } }), "pagination.limit"),
            (json!({ "metrics": ["visitors"], "pagination": { "limit": 0 } }), "pagination.limit"),
            (json!({ "metrics": ["visitors"], "pagination": { "offset": -1 } }), "pagination.offset"),
            (json!({ "metrics": [] }), "at least one"),
            (json!({}), "at least one"),
            (json!({ "metrics": ["visitors", "visitors"] }), "twice"),
            (json!({ "metrics": ["conversion_rate"] }), "`conversion_rate`"),
            (json!({ "metrics": "visitors" }), "list"),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:utm_source"] }), "not measured"),
            (json!({ "metrics": ["visits"], "filters": [["is", "visit:channel", ["Direct"]]] }), "not measured"),
            (json!({ "metrics": ["visitors"], "dimensions": ["user:id"] }), "`user:id`"),
            (json!({ "metrics": ["visitors"], "dimensions": ["time:day", "time:week"] }), "one time"),
            (json!({ "metrics": ["visitors"], "dimensions": ["time", "event:page", "visit:os"] }), "two at most"),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:os", "visit:browser"] }), "never stored together"),
            (json!({ "metrics": ["visits"], "dimensions": ["visit:entry_page", "event:page"] }), "never stored"),
            (json!({ "metrics": ["events"], "dimensions": ["event:name", "visit:os"] }), "never stored together"),
            (json!({ "metrics": ["events"], "dimensions": ["event:name", "event:props:plan"] }), "filter `event:name`"),
            (
                json!({ "metrics": ["visitors"], "dimensions": ["visit:os"], "filters": [["is", "visit:city", ["x"]]] }),
                "never stored together",
            ),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:os", "time:hour"] }), "by the day"),
            (json!({ "metrics": ["scroll_depth"], "dimensions": ["visit:os"] }), "`scroll_depth` is not stored"),
            (json!({ "metrics": ["time_on_page"], "dimensions": ["visit:os"] }), "`time_on_page` is not stored"),
            (json!({ "metrics": ["views_per_visit"], "dimensions": ["event:page"] }), "`views_per_visit` is not"),
            (json!({ "metrics": ["views_per_visit"], "dimensions": ["visit:referrer"] }), "`views_per_visit` is not"),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:entry_page"] }), "`visitors` is not stored"),
            (json!({ "metrics": ["bounce_rate"], "dimensions": ["visit:exit_page"] }), "`bounce_rate` is not stored"),
            (json!({ "metrics": ["visitors", "events"] }), "`events` is not stored"),
            (json!({ "metrics": ["visits"], "dimensions": ["event:name"] }), "`visits` is not stored"),
            (json!({ "metrics": ["visits"], "order_by": [["visitors", "desc"]] }), "`visitors`, which is no"),
            (json!({ "metrics": ["visits"], "order_by": [["visits", "down"]] }), "`down`"),
            (json!({ "metrics": ["visits"], "order_by": ["visits"] }), "pairs"),
            (json!({ "metrics": ["visits"], "dimensions": ["time:hour"], "date_range": "12mo" }), "92 days"),
            (json!({ "metrics": ["visits"], "date_range": "today" }), "date_range"),
        ] {
            let refusal = planned(question.clone()).expect_err(&question.to_string());
            assert!(refusal.contains(word), "{question}: {refusal}");
        }
    }
}
