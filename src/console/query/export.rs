//! Requests of `GET /api/export` and `sillage export`: a few names and days, read as strictly as a query, into one
//! report and a file format.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::config::Protection;
use crate::console::query::answer::StorageProfile;
use crate::console::query::dates::DayRange;
use crate::console::query::vocabulary;
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension, shown};
use crate::sites::Site;
use crate::store::export::{EXPORT_ROWS_MAX, FileFormat};
use crate::store::report::{Grain, Metric, Origins, Report, Role, Subject};

/// Parameters that are read.
const NAMES: [&str; 8] = ["site", "report", "dimension", "from", "to", "date_range", "grain", "format"];

/// The error in a request: a sentence for its author.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExportError(pub(in crate::console) String);

/// A request with a known site, before its other parameters are read.
pub struct ExportDraft(BTreeMap<String, String>);

/// A request after all checks.
#[derive(Debug)]
pub struct ExportPlan {
    /// The report to export.
    pub report: Report,
    /// Format of the file.
    pub format: FileFormat,
    file_name: String,
    protection: Protection,
}

impl ExportDraft {
    /// Takes the names and values as they were written.
    ///
    /// # Errors
    /// An unknown or repeated name, or a missing site.
    pub fn read<'a>(pairs: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Result<Self, ExportError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if !NAMES.contains(&&*name) {
                return bad(format!("unknown parameter {}; expected one of: {}", shown(&name), NAMES.join(", ")));
            }
            if parameters.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return bad(format!("duplicate parameter {}", shown(&name)));
            }
        }
        if !parameters.contains_key("site") {
            return bad("`site` is missing: write the name of a site");
        }
        Ok(Self(parameters))
    }

    /// Name of the site, in lower case.
    pub fn site(&self) -> String {
        self.given("site").unwrap_or_default().to_ascii_lowercase()
    }

    /// Reads the other parameters, for `site`.
    ///
    /// # Errors
    /// A parameter that is misspelt, not measured, or not kept by the hour.
    pub fn export(&self, site: &Site, now: Timestamp, kept: StorageProfile) -> Result<ExportPlan, ExportError> {
        let (format, ending) = self.format()?;
        let subject = self.subject(kept.marketing)?;
        let grain = self.grain()?;
        let range = self.range(now, site)?;
        range.check(grain)?;
        let (from, to) = (range.from, range.to);
        let kind = self.given("report").unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
        let named: String = site.name.chars().map(plain).collect();
        let report = Report {
            site: site.name.to_string(),
            timezone: site.timezone.iana_name().unwrap_or("UTC").to_owned(),
            from,
            to,
            hours: range.hours,
            grain,
            by_page: matches!(subject, Subject::Pages(_)) && kind != "site" || subject == Subject::Robots,
            by_value: !matches!(subject, Subject::Pages(_)),
            metrics: Metric::ALL.to_vec(),
            condition: None,
            origins: Origins::Imported,
            rate_base_min: kept.rate_base_min(),
            order: Vec::new(),
            limit: EXPORT_ROWS_MAX,
            offset: 0,
            subject,
        };
        if report.table().is_none() {
            return bad("hours are published only for the site and its pages");
        }
        let file_name = format!("{named}-{kind}-{from}-{to}.{ending}");
        Ok(ExportPlan { report, format, file_name, protection: kept.protection })
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn format(&self) -> Result<(FileFormat, &'static str), ExportError> {
        match self.given("format") {
            Some("csv") => Ok((FileFormat::Csv, "csv")),
            Some("jsonl") => Ok((FileFormat::Jsonl, "jsonl")),
            Some("parquet") => Ok((FileFormat::Parquet, "parquet")),
            _ => bad("`format` must be csv, jsonl or parquet"),
        }
    }

    fn subject(&self, marketing: bool) -> Result<Subject, ExportError> {
        let dimension = self.given("dimension").map(vocabulary::dimension).transpose()?;
        match (self.given("report"), dimension) {
            (Some("breakdowns"), Some(dimension)) if dimension.is_marketing() && !marketing => {
                Err(vocabulary::not_marketed(&dimension).into())
            }
            (Some("breakdowns"), Some(RequestedDimension::Stored(dimension))) => Ok(Subject::Breakdown(dimension)),
            (Some("breakdowns"), _) => bad("`report=breakdowns` needs a stored `dimension`, such as visit:country"),
            (Some("actions"), None) => Ok(Subject::Actions { property: None }),
            (Some("actions"), Some(RequestedDimension::Property(property))) => {
                Ok(Subject::Actions { property: Some(property) })
            }
            (Some("actions"), Some(_)) => {
                bad("`report=actions` takes no `dimension`, or a property of actions: event:props:…")
            }
            (Some("site" | "pages"), None) => Ok(Subject::Pages(Role::Viewed)),
            (Some("robots"), None) => Ok(Subject::Robots),
            (Some("outcomes"), None) => Ok(Subject::Outcomes),
            (Some("timings"), None) => Ok(Subject::Timings),
            (Some("site" | "pages" | "timings" | "robots" | "outcomes"), Some(_)) => {
                bad("`dimension` is only for `report=breakdowns`")
            }
            _ => bad("`report` must be site, pages, breakdowns, actions, timings, robots or outcomes"),
        }
    }

    fn grain(&self) -> Result<Grain, ExportError> {
        match self.given("grain") {
            None | Some("day") => Ok(Grain::Day),
            Some("week") => Ok(Grain::Week),
            Some("month") => Ok(Grain::Month),
            Some("hour") => Ok(Grain::Hour),
            Some(_) => bad("`grain` must be hour, day, week or month"),
        }
    }

    fn range(&self, now: Timestamp, site: &Site) -> Result<DayRange, ExportError> {
        let written = match (self.given("from"), self.given("to"), self.given("date_range")) {
            (Some(from), Some(to), None) => Value::from(vec![from, to]),
            (None, None, Some(name)) => Value::from(name),
            _ => return bad("write `from` and `to`, two days such as 2026-03-01; or `date_range`, such as 30d"),
        };
        Ok(DayRange::read(&written, now, &site.timezone)?)
    }
}

impl ExportPlan {
    /// Protection of the figures in the file.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// A file name of plain ASCII characters.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Checks the number of rows.
    ///
    /// # Errors
    /// When `rows` exceed the limit of a file.
    pub fn check(&self, rows: u64) -> Result<(), ExportError> {
        if rows > u64::from(EXPORT_ROWS_MAX) {
            return bad(format!(
                "{rows} rows exceed the limit of a file, {EXPORT_ROWS_MAX}; choose fewer days, or `grain` week or month"
            ));
        }
        Ok(())
    }
}

impl From<QueryRefusal> for ExportError {
    fn from(refusal: QueryRefusal) -> Self {
        Self(refusal.0)
    }
}

fn bad<T>(sentence: impl Into<String>) -> Result<T, ExportError> {
    Err(ExportError(sentence.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, sites::Sites};

    fn exported(query: &str) -> Result<ExportPlan, ExportError> {
        let configured = config::SiteConfig { name: "shop.example".into(), ..Default::default() };
        let sites = Sites::new(&[configured]).unwrap();
        let request = ExportDraft::read(url::form_urlencoded::parse(query.as_bytes()))?;
        let kept = StorageProfile { protection: Protection::Tens, marketing: false };
        request.export(sites.find(&request.site()).unwrap(), "2026-03-10T12:00:00Z".parse().unwrap(), kept)
    }

    #[test]
    fn a_file_is_named_by_what_is_in_it() {
        let export = exported("site=Shop.example&report=pages&date_range=7d&format=jsonl").unwrap();
        assert_eq!(export.file_name(), "shop.example-pages-2026-03-04-2026-03-10.jsonl");
        assert_eq!(export.report.grain, Grain::Day);
    }

    #[test]
    fn more_rows_than_a_file_takes_are_refused_not_cut() {
        let export = exported("site=shop.example&report=pages&date_range=7d&format=csv").unwrap();
        assert_eq!(export.check(1_000_000), Ok(()));
        assert!(export.check(1_000_001).unwrap_err().to_string().contains("fewer days"));
    }

    #[test]
    fn each_refusal_names_what_is_wrong() {
        for (more, word) in [
            ("report=pages&format=csv", "`from` and `to`"),
            ("report=pages&format=csv&from=2026-03-01", "`from` and `to`"),
            ("report=pages&format=csv&from=2026-03-01&to=2026-03-02&date_range=7d", "`from` and `to`"),
            ("report=pages&format=csv&from=2026-03-02&to=2026-03-01", "ends before"),
            ("report=pages&format=csv&from=2026-03-0&to=2026-03-01", "not a day"),
            ("report=visits&format=csv&date_range=7d", "`report` must be"),
            ("format=csv&date_range=7d", "`report` must be"),
            ("report=pages&format=xlsx&date_range=7d", "`format` must be"),
            ("report=pages&date_range=7d", "`format` must be"),
            ("report=pages&format=csv&date_range=7d&dimension=visit:os", "is only for `report=breakdowns`"),
            ("report=breakdowns&format=csv&date_range=7d", "needs a stored `dimension`"),
            ("report=breakdowns&format=csv&date_range=7d&dimension=event:page", "needs a stored `dimension`"),
            ("report=breakdowns&format=csv&date_range=7d&dimension=visitor", "unknown dimension `visitor`"),
            ("report=breakdowns&format=csv&date_range=7d&dimension=visit:channel", "not measured"),
            ("report=breakdowns&format=csv&date_range=7d&dimension=visit:os&grain=hour", "hours are published"),
            ("report=actions&format=csv&date_range=7d&dimension=visit:os", "property"),
            ("report=pages&format=csv&date_range=7d&grain=minute", "`grain` must be"),
            ("report=pages&format=csv&date_range=12mo&grain=hour", "92 days"),
            ("report=pages&format=csv&date_range=7d&format=csv", "duplicate parameter `format`"),
            ("report=pages&format=csv&date_range=7d&limit=5", "unknown parameter `limit`"),
        ] {
            let refusal = exported(&format!("site=shop.example&{more}")).expect_err(more).to_string();
            assert!(refusal.contains(word), "{more}: {refusal}");
        }
        assert!(exported("report=pages").unwrap_err().to_string().contains("`site` is missing"));
    }
}
