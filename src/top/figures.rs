//! The answer of a view as the figures of one screen.

use serde_json::Value;

use crate::top::hours::EndedHours;
use crate::top::range::TopRange;

/// A list of the screen.
pub struct TopListPlan {
    /// Title, and name of its query.
    pub(super) title: &'static str,
    dimension: &'static str,
    pub(super) metric: &'static str,
}

/// The lists, in the order of the screen.
pub const LISTS: [TopListPlan; 5] = [
    TopListPlan { title: "Pages", dimension: "event:page", metric: "pageviews" },
    TopListPlan { title: "Sources", dimension: "visit:referrer", metric: "visits" },
    TopListPlan { title: "Places", dimension: "visit:country_name", metric: "visitors" },
    TopListPlan { title: "Devices", dimension: "visit:device", metric: "visitors" },
    TopListPlan { title: "Actions", dimension: "event:name", metric: "events" },
];

/// Titles and units of the headline figures, in the order of their query.
const HEADLINES: [(&str, FigureUnit); 5] = [
    ("Visitors", FigureUnit::Count),
    ("Visits", FigureUnit::Count),
    ("Pageviews", FigureUnit::Count),
    ("Bounce rate", FigureUnit::Percent),
    ("Visit duration", FigureUnit::Seconds),
];

/// Unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FigureUnit {
    Count,
    Percent,
    Seconds,
}

/// A headline figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopHeadline {
    /// Name of the figure on the screen.
    pub title: &'static str,
    /// The figure with its unit; `–` where it is not published.
    pub text: String,
    /// Beside it: the change in percent or points; for today against the same hours a week before.
    pub beside: String,
    /// Whether the change is upwards; `None` without one.
    pub rises: Option<bool>,
}

/// A list with its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopList {
    /// Heading of the list on the screen.
    pub title: &'static str,
    /// Name of the figure in its rows.
    pub metric: &'static str,
    /// Names and figures, the largest first.
    pub rows: Vec<(String, String)>,
    /// Reason for a list without rows; empty with rows.
    pub note: String,
}

/// Figures of one screen.
#[derive(Debug, Clone, PartialEq)]
pub struct TopFigures {
    /// Name of the site.
    pub site: String,
    /// Range that was asked for.
    pub range: TopRange,
    /// First and last day of the range; empty if the console did not say.
    pub days: String,
    /// Headline figures, from left to right.
    pub headlines: Vec<TopHeadline>,
    /// Names of periods and their visitors.
    pub series: Vec<(String, f64)>,
    /// Lists, in the order of the screen.
    pub lists: Vec<TopList>,
    /// Visitors of the last half hour.
    pub now: i64,
    /// Why figures are missing; empty if none are.
    pub note: String,
}

impl TopListPlan {
    /// Its dimension; sources where they are measured, else referrers.
    pub(super) fn dimension(&self, marketing: bool) -> &'static str {
        if marketing && self.dimension == "visit:referrer" { "visit:source" } else { self.dimension }
    }
}

impl TopFigures {
    /// Reads the answer of `POST /api/view`; `None` if it is not one.
    pub(super) fn of(view: &Value, site: &str, range: TopRange, marketing: bool) -> Option<Self> {
        let answers = view.get("answers")?;
        let (total, series) = (answers.get("total")?, answers.get("series")?);
        let row = total.pointer("/results/0").unwrap_or(&Value::Null);
        let today = (range == TopRange::Today).then(|| EndedHours::of(view)).flatten();
        let begun = begun_within(view, today.as_ref());
        let headline = |(at, (title, unit)): (usize, &(&'static str, FigureUnit))| {
            let figure = |list: &str| row.pointer(&format!("{list}/{at}")).and_then(Value::as_f64);
            let change = if begun.is_some() {
                None
            } else {
                today.as_ref().map_or_else(|| figure("/comparison/change"), |hours| hours.change(view, at))
            };
            headline(title, *unit, figure("/metrics"), change)
        };
        let headlines = HEADLINES.iter().enumerate().map(headline).collect();
        let day = |at: &str| total.pointer(at).and_then(Value::as_str).map(|text| text.chars().take(10).collect());
        let days: Option<[String; 2]> = day("/query/date_range/0").zip(day("/query/date_range/1")).map(Into::into);
        let filling = view.get("filling").filter(|filling| filling.is_object());
        let filled = |key: &str| filling.and_then(|filling| filling.get(key)?.as_u64()).unwrap_or_default();
        let failed = [total, series].into_iter().find_map(|answer| answer.get("error").and_then(Value::as_str));
        let note = match failed {
            Some(sentence) => sentence.to_owned(),
            None if filling.is_some() => {
                format!(
                    "the simulated past fills: {} of {} days; figures are not whole yet",
                    filled("days"),
                    filled("of")
                )
            }
            None => {
                begun.map_or_else(String::new, |day| format!("figures begin on {day}: no change before a whole period"))
            }
        };
        let now = view.get("now").and_then(|sites| sites.get(site)?.get("visitors"));
        let lists = LISTS.iter().map(|plan| list(plan, answers.get(plan.title), marketing)).collect();
        Some(Self {
            site: site.to_owned(),
            range,
            days: match (today, days) {
                (Some(hours), _) => hours.title(),
                (None, Some([from, to])) if from != to => format!("{from} – {to}"),
                (None, days) => days.map_or_else(String::new, |[from, _]| from),
            },
            headlines,
            series: periods(series),
            lists,
            now: now.and_then(Value::as_i64).unwrap_or_default(),
            note,
        })
    }
}

/// The first day with figures, if the comparison begins before it: a part is not compared with a whole.
fn begun_within(view: &Value, today: Option<&EndedHours>) -> Option<String> {
    let text = |at: &str| view.pointer(at).and_then(Value::as_str).map(|day| day.chars().take(10).collect::<String>());
    let first = text("/answers/first/rows/0/day").filter(|first| !first.is_empty())?;
    let before = today.map(EndedHours::first).or_else(|| text("/answers/total/meta/comparison_date_range/0"))?;
    (before < first).then_some(first)
}

fn headline(title: &'static str, unit: FigureUnit, figure: Option<f64>, change: Option<f64>) -> TopHeadline {
    let text = figure.map_or_else(|| "–".to_owned(), |value| unit.text(value));
    let sign = if unit == FigureUnit::Percent { " pt" } else { "%" };
    let beside = change.map_or_else(String::new, |change| match change {
        0.0 => "=".to_owned(),
        change => format!("{}{}{sign}", if change > 0.0 { "+" } else { "−" }, number(change.abs())),
    });
    TopHeadline { title, text, beside, rises: change.filter(|change| *change != 0.0).map(|change| change > 0.0) }
}

fn list(plan: &TopListPlan, answer: Option<&Value>, marketing: bool) -> TopList {
    let title = if marketing || plan.title != "Sources" { plan.title } else { "Referrers" };
    let row = |row: &Value| {
        let name = row.pointer("/dimensions/0")?.as_str()?.to_owned();
        let figure = row.pointer("/metrics/0").and_then(Value::as_f64);
        Some((name, figure.map_or_else(|| "–".to_owned(), number)))
    };
    let rows = answer.and_then(|answer| answer.get("results")?.as_array());
    let rows: Vec<(String, String)> = rows.map(|rows| rows.iter().filter_map(row).collect()).unwrap_or_default();
    let error = answer.and_then(|answer| answer.get("error")?.as_str());
    let note = if rows.is_empty() { error.unwrap_or("nothing published").to_owned() } else { String::new() };
    TopList { title, metric: plan.metric, rows, note }
}

/// Visitors of every period that has begun; a period without rows has none.
fn periods(answer: &Value) -> Vec<(String, f64)> {
    let results = answer.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let known: std::collections::HashMap<&str, f64> = results
        .iter()
        .filter_map(|row| Some((row.pointer("/dimensions/0")?.as_str()?, row.pointer("/metrics/0")?.as_f64()?)))
        .collect();
    let labels = answer.pointer("/meta/time_labels").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let labels = labels.iter().filter_map(Value::as_str);
    labels.map(|label| (label.to_owned(), known.get(label).copied().unwrap_or(0.0))).collect()
}

impl FigureUnit {
    fn text(self, value: f64) -> String {
        match self {
            Self::Count => number(value),
            Self::Percent => format!("{}%", number(value)),
            Self::Seconds if value < 60.0 => format!("{value:.0} s"),
            Self::Seconds => format!("{:.0} min {:02.0} s", (value / 60.0).floor(), (value % 60.0).floor()),
        }
    }
}

/// A number with a space between thousands, and a decimal only where it has one.
pub(super) fn number(value: f64) -> String {
    let digits = format!("{:.0}", value.trunc().abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    let tenth = (value.fract().abs() * 10.0).round();
    if (1.0..10.0).contains(&tenth) {
        text.push_str(&format!(".{tenth:.0}"));
    }
    if value < 0.0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands_apart_and_durations_minutes() {
        for (value, text) in [(0.0, "0"), (999.0, "999"), (1_230.0, "1 230"), (1_234_560.0, "1 234 560"), (1.5, "1.5")]
        {
            assert_eq!(number(value), text);
        }
        assert_eq!(FigureUnit::Seconds.text(59.0), "59 s");
        assert_eq!(FigureUnit::Seconds.text(400.0), "6 min 40 s");
    }

    #[test]
    fn an_answer_of_another_program_is_not_taken_for_figures() {
        for answer in [serde_json::json!({}), serde_json::json!([1]), serde_json::json!({ "answers": {} })] {
            assert!(TopFigures::of(&answer, "shop.example", TopRange::Week, false).is_none());
        }
    }
}
