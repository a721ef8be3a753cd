//! Plans the one report that answers a query. Figures are stored by one dimension at a time: a combination that is
//! never stored together is rejected with the reason.

use crate::console::query::filters::FilterTree;
use crate::console::query::parsed::{OrderKey, ParsedQuery};
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension};
use crate::sites::Site;
use crate::store::report::{Column, Condition, Direction, Filter, FilterColumn, Grain, Metric, Report, Role, Subject};

impl ParsedQuery {
    /// The report for this query; rates have a denominator of at least `rate_base_min`.
    pub(super) fn report(&self, site: &Site, rate_base_min: i64) -> Result<Report, QueryRefusal> {
        let mut columns: Vec<RequestedDimension> = self.dimensions.iter().map(RequestedDimension::stored).collect();
        columns.dedup();
        if columns.len() > 2 {
            return refuse("`dimensions` takes at most two: one stored dimension with `event:page` or a time");
        }
        if self.dimensions.iter().filter(|dimension| matches!(dimension, RequestedDimension::Time(_))).count() > 1 {
            return refuse("`dimensions` takes one time");
        }
        let subject = self.subject()?;
        let mut report = Report {
            site: site.name.to_string(),
            timezone: site.timezone.iana_name().unwrap_or("UTC").to_owned(),
            from: self.range.from,
            to: self.range.to,
            hours: self.range.hours,
            grain: Grain::Whole,
            by_page: columns.iter().any(|dimension| column(dimension, &subject) == Column::Page),
            by_value: columns.iter().any(|dimension| column(dimension, &subject) == Column::Value),
            metrics: self.metrics.clone(),
            condition: self.filters.as_ref().map(|filters| condition(filters, &subject)),
            origins: self.origins(),
            rate_base_min,
            order: self.ordered(|dimension| column(dimension, &subject)),
            limit: self.limit,
            offset: self.offset,
            subject,
        };
        report.grain = self.grain(&report)?;
        if report.table().is_none() {
            return Err(not_stored_by_page(&report));
        }
        for metric in &self.metrics {
            if !report.stores(*metric) {
                return Err(self.not_stored(*metric, &report));
            }
        }
        Ok(report)
    }

    /// The grain: as written, or for plain `time` the finest that is published for the query.
    fn grain(&self, report: &Report) -> Result<Grain, QueryRefusal> {
        let written = self.dimensions.iter().find_map(|dimension| {
            let RequestedDimension::Time(written) = dimension else { return None };
            Some(*written)
        });
        let by_hour = Report { grain: Grain::Hour, ..report.clone() };
        let hours_are_kept = self.metrics.iter().all(|metric| by_hour.stores(*metric));
        let grain = match written {
            None => Grain::Whole,
            Some(Some(grain)) => grain,
            Some(None) => self.range.grain(hours_are_kept),
        };
        if (grain == Grain::Hour || self.range.hours.is_some()) && !hours_are_kept {
            return refuse(
                "hours are published for pageviews, visits and visitors of the site, and for pageviews and visits of a \
                 page; for other figures use `time:day` and a `date_range` of days",
            );
        }
        self.range.check(grain)?;
        Ok(grain)
    }

    /// The subject: the one dimension that is named, beside pages and time.
    fn subject(&self) -> Result<Subject, QueryRefusal> {
        let filtered: Vec<RequestedDimension> =
            self.filters.iter().flat_map(FilterTree::comparisons).map(|filter| filter.dimension.clone()).collect();
        let mut named: Vec<RequestedDimension> = Vec::new();
        for dimension in self.dimensions.iter().chain(&filtered).map(RequestedDimension::stored) {
            if !matches!(dimension, RequestedDimension::Time(_) | RequestedDimension::Page)
                && !named.contains(&dimension)
            {
                named.push(dimension);
            }
        }
        let names_pages =
            self.dimensions.iter().chain(&filtered).any(|dimension| *dimension == RequestedDimension::Page);
        let of_actions = [Metric::Events, Metric::ConversionRate];
        match named.as_slice() {
            [] if self.metrics.iter().any(|metric| of_actions.contains(metric)) => {
                Ok(Subject::Actions { property: None })
            }
            [] => Ok(Subject::Pages(Role::Viewed)),
            [one @ (RequestedDimension::EntryPage | RequestedDimension::ExitPage)] => {
                if names_pages {
                    return Err(never_stored_together(&one.name(), "event:page"));
                }
                let role = if *one == RequestedDimension::EntryPage { Role::Entry } else { Role::Exit };
                Ok(Subject::Pages(role))
            }
            [RequestedDimension::Stored(stored)] => Ok(Subject::Breakdown(*stored)),
            [RequestedDimension::Timing] => Ok(Subject::Timings),
            [RequestedDimension::Robot] => Ok(Subject::Robots),
            [RequestedDimension::Outcome] => Ok(Subject::Outcomes),
            [RequestedDimension::Action] => Ok(Subject::Actions { property: None }),
            [RequestedDimension::Property(property)] => Ok(Subject::Actions { property: Some(property.clone()) }),
            [RequestedDimension::Property(property), RequestedDimension::Action]
            | [RequestedDimension::Action, RequestedDimension::Property(property)]
                if !self.dimensions.contains(&RequestedDimension::Action) =>
            {
                Ok(Subject::Actions { property: Some(property.clone()) })
            }
            [RequestedDimension::Property(_), RequestedDimension::Action]
            | [RequestedDimension::Action, RequestedDimension::Property(_)] => {
                refuse("values need one action: use `event:props:…` as the dimension and filter by `event:name`")
            }
            [one, other, ..] => Err(never_stored_together(&one.name(), &other.name())),
            [_] => refuse("this dimension cannot be queried"),
        }
    }

    fn ordered(&self, column: impl Fn(&RequestedDimension) -> Column) -> Vec<(Column, Direction)> {
        if !self.order.is_empty() {
            let resolve = |ordered: &OrderKey| match ordered {
                OrderKey::Metric(metric) => Column::Metric(*metric),
                OrderKey::Dimension(dimension) => column(dimension),
            };
            return self.order.iter().map(|(ordered, direction)| (resolve(ordered), *direction)).collect();
        }
        let mut order = Vec::new();
        if self.dimensions.iter().any(|dimension| matches!(dimension, RequestedDimension::Time(_))) {
            order.push((Column::Time, Direction::Ascending));
        }
        order.extend(self.metrics.first().map(|metric| (Column::Metric(*metric), Direction::Descending)));
        order
    }

    fn not_stored(&self, metric: Metric, report: &Report) -> QueryRefusal {
        let name = metric.name();
        let subject = match &report.subject {
            Subject::Pages(Role::Viewed) if report.names_pages() => "`event:page`".to_owned(),
            Subject::Pages(Role::Viewed) => "the other metrics of the query".to_owned(),
            Subject::Pages(Role::Entry) => "`visit:entry_page`".to_owned(),
            Subject::Pages(Role::Exit) => "`visit:exit_page`".to_owned(),
            Subject::Breakdown(dimension) => {
                let pages = if report.names_pages() { " and `event:page`" } else { "" };
                format!("`{}`{pages}", RequestedDimension::Stored(*dimension).name())
            }
            Subject::Actions { .. } => "actions".to_owned(),
            Subject::Timings => "`event:timing`".to_owned(),
            Subject::Robots => "`event:robot`".to_owned(),
            Subject::Outcomes => "`event:outcome`".to_owned(),
        };
        let stored: Vec<_> = Metric::ALL.into_iter().filter(|other| report.stores(*other)).map(Metric::name).collect();
        let hint = if metric.is_load_time() {
            "; use it with `event:timing`"
        } else if metric == Metric::Events {
            "; use `events` with `event:name`, or with `visitors` alone"
        } else if metric == Metric::Hits {
            "; use `hits` with `event:robot` or `event:outcome`"
        } else {
            ""
        };
        QueryRefusal(format!("`{name}` is not stored with {subject}; available: {}{hint}", stored.join(", ")))
    }
}

/// The column of a report that shows a dimension.
pub(super) fn column(dimension: &RequestedDimension, subject: &Subject) -> Column {
    match dimension {
        RequestedDimension::Time(_) => Column::Time,
        RequestedDimension::Page => Column::Page,
        RequestedDimension::EntryPage | RequestedDimension::ExitPage if matches!(subject, Subject::Pages(_)) => {
            Column::Page
        }
        RequestedDimension::EntryPage
        | RequestedDimension::ExitPage
        | RequestedDimension::Stored(_)
        | RequestedDimension::CountryName
        | RequestedDimension::Action
        | RequestedDimension::Property(_)
        | RequestedDimension::Timing
        | RequestedDimension::Robot
        | RequestedDimension::Outcome => Column::Value,
    }
}

/// The filters, applied to the columns of the report.
fn condition(filters: &FilterTree, subject: &Subject) -> Condition {
    let conditions = |parts: &[FilterTree]| parts.iter().map(|part| condition(part, subject)).collect();
    match filters {
        FilterTree::And(parts) => Condition::And(conditions(parts)),
        FilterTree::Or(parts) => Condition::Or(conditions(parts)),
        FilterTree::Not(part) => Condition::Not(Box::new(condition(part, subject))),
        FilterTree::Compare(comparison) => {
            let column = match (&comparison.dimension, subject) {
                (RequestedDimension::Action, Subject::Actions { property: Some(_) }) => FilterColumn::Action,
                (dimension, subject) if column(dimension, subject) == Column::Page => FilterColumn::Page,
                _ => FilterColumn::Value,
            };
            Condition::Compare(Filter {
                column,
                operator: comparison.operator,
                values: comparison.values.clone(),
                case_sensitive: comparison.case_sensitive,
            })
        }
    }
}

fn never_stored_together(one: &str, other: &str) -> QueryRefusal {
    QueryRefusal(format!(
        "`{one}` and `{other}` are never stored together: each is counted separately, so that no combination can \
         identify a person"
    ))
}

/// The error for page figures that are not stored by page.
fn not_stored_by_page(report: &Report) -> QueryRefusal {
    match report.subject {
        Subject::Actions { .. } => never_stored_together("event:props:…", "event:page"),
        Subject::Pages(_) | Subject::Breakdown(_) | Subject::Timings | Subject::Robots | Subject::Outcomes => {
            never_stored_together("event:outcome", "event:page")
        }
    }
}

fn refuse<T>(sentence: &str) -> Result<T, QueryRefusal> {
    Err(QueryRefusal(sentence.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::console::query::parsed::QueryDraft;
    use crate::console::query::vocabulary::QueryRefusal;
    use crate::{config, sites::Sites};

    fn planned(mut query: Value) -> Result<Report, String> {
        let configured =
            config::SiteConfig { name: "shop.example".into(), timezone: "Europe/Paris".into(), ..Default::default() };
        let sites = Sites::new(&[configured]).unwrap();
        query["site_id"] = "shop.example".into();
        if query.get("date_range").is_none() {
            query["date_range"] = "7d".into();
        }
        let (body, site) = QueryDraft::read(query.to_string().as_bytes()).map_err(|QueryRefusal(why)| why)?;
        let site = sites.find(&site).unwrap();
        // 23:30 UTC is the next day in Paris.
        let query = body.parse(site, "2026-03-09T23:30:00Z".parse().unwrap(), false).map_err(|refusal| refusal.0)?;
        query.report(site, 1).map_err(|refusal| refusal.0)
    }

    #[test]
    fn rows_are_ordered_by_a_dimension_under_any_of_its_names() {
        let query = json!({ "metrics": ["events"], "dimensions": ["event:goal"], "order_by": [["event:goal", "asc"]] });
        assert_eq!(planned(query).unwrap().order, [(Column::Value, Direction::Ascending)]);
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
        assert!(!report.by_value && report.condition.is_some());
    }

    #[test]
    fn events_alone_are_actions() {
        let report = planned(json!({ "metrics": ["events"] })).unwrap();
        assert_eq!(report.subject, Subject::Actions { property: None });
    }

    #[test]
    fn the_values_of_a_property_can_be_those_of_one_action() {
        let report = planned(json!({
            "metrics": ["events"], "dimensions": ["event:props:plan"], "filters": [["is", "event:name", ["Signup"]]]
        }))
        .unwrap();
        assert_eq!(report.subject, Subject::Actions { property: Some("plan".into()) });
        let condition = report.condition.unwrap();
        assert!(report.by_value && condition.names(FilterColumn::Action) && !condition.names(FilterColumn::Value));
    }

    #[test]
    fn entry_pages_are_filtered_as_pages() {
        let report = planned(json!({
            "metrics": ["visits"], "dimensions": ["visit:entry_page"], "filters": [["is", "visit:entry_page", ["/"]]]
        }))
        .unwrap();
        assert_eq!(report.subject, Subject::Pages(Role::Entry));
        assert!(report.by_page && report.names_pages());
    }

    #[test]
    fn each_refusal_names_what_is_wrong() {
        for (query, word) in [
            (json!({ "metrics": ["visitors"], "dimension": [] }), "unknown key `dimension`"),
            (json!({ "metrics": ["visitors"], "include": { "cache": true } }), "`include.cache`"),
            (json!({ "metrics": ["visitors"], "pagination": { "page": 2 } }), "`pagination.page`"),
            (json!({ "metrics": ["visitors"], "pagination": { "limit": 10001 } }), "pagination.limit"),
            (json!({ "metrics": ["visitors"], "pagination": { "limit": 0 } }), "pagination.limit"),
            (json!({ "metrics": ["visitors"], "pagination": { "offset": -1 } }), "pagination.offset"),
            (json!({ "metrics": [] }), "at least one"),
            (json!({}), "at least one"),
            (json!({ "metrics": ["visitors", "visitors"] }), "twice"),
            (json!({ "metrics": ["group_conversion_rate"] }), "`group_conversion_rate`"),
            (json!({ "metrics": "visitors" }), "list"),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:utm_source"] }), "not measured"),
            (json!({ "metrics": ["visits"], "filters": [["is", "visit:channel", ["Direct"]]] }), "not measured"),
            (json!({ "metrics": ["visitors"], "dimensions": ["user:id"] }), "`user:id`"),
            (json!({ "metrics": ["visitors"], "dimensions": ["time:day", "time:week"] }), "one time"),
            (json!({ "metrics": ["visitors"], "dimensions": ["time", "event:page", "visit:os"] }), "at most two"),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:os", "visit:browser"] }), "never stored together"),
            (json!({ "metrics": ["visits"], "dimensions": ["visit:entry_page", "event:page"] }), "never stored"),
            (json!({ "metrics": ["events"], "dimensions": ["event:name", "visit:os"] }), "never stored together"),
            (
                json!({ "metrics": ["events"], "dimensions": ["event:name", "event:props:plan"] }),
                "filter by `event:name`",
            ),
            (
                json!({ "metrics": ["visitors"], "dimensions": ["visit:os"], "filters": [["is", "visit:city", ["x"]]] }),
                "never stored together",
            ),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:os", "time:hour"] }), "for other figures use"),
            (json!({ "metrics": ["scroll_depth"], "dimensions": ["visit:os"] }), "`scroll_depth` is not stored"),
            (json!({ "metrics": ["time_on_page"], "dimensions": ["visit:os"] }), "`time_on_page` is not stored"),
            (json!({ "metrics": ["views_per_visit"], "dimensions": ["event:page"] }), "`views_per_visit` is not"),
            (json!({ "metrics": ["views_per_visit"], "dimensions": ["visit:referrer"] }), "`views_per_visit` is not"),
            (json!({ "metrics": ["visitors"], "dimensions": ["visit:entry_page"] }), "`visitors` is not stored"),
            (json!({ "metrics": ["bounce_rate"], "dimensions": ["visit:exit_page"] }), "`bounce_rate` is not stored"),
            (json!({ "metrics": ["pageviews", "events"] }), "`pageviews` is not stored"),
            (json!({ "metrics": ["bounce_rate"], "dimensions": ["visit:os", "event:page"] }), "`bounce_rate` is not"),
            (json!({ "metrics": ["bounce_rate"], "dimensions": ["time:hour"] }), "hours are published"),
            (json!({ "metrics": ["bounce_rate"], "date_range": "24h" }), "hours are published"),
            (
                json!({ "metrics": ["events"], "dimensions": ["event:props:plan", "event:page"] }),
                "never stored together",
            ),
            (json!({ "metrics": ["visits"], "dimensions": ["event:name"] }), "`visits` is not stored"),
            (json!({ "metrics": ["visits"], "order_by": [["visitors", "desc"]] }), "`visitors`, which is not"),
            (json!({ "metrics": ["visits"], "order_by": [["visits", "down"]] }), "`down`"),
            (json!({ "metrics": ["visits"], "order_by": ["visits"] }), "pairs"),
            (json!({ "metrics": ["visits"], "dimensions": ["time:hour"], "date_range": "12mo" }), "92 days"),
            (json!({ "metrics": ["visits"], "date_range": "today" }), "date_range"),
        ] {
            let refusal = planned(query.clone()).expect_err(&query.to_string());
            assert!(refusal.contains(word), "{query}: {refusal}");
        }
    }
}
