//! The vocabulary of the query: metrics and dimensions by name, and the errors for unknown names.

use crate::event::Dimension;
use crate::store::report::{Grain, Metric};

/// Why a query is rejected, as one sentence for its author.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::console) struct QueryRefusal(pub(in crate::console) String);

/// A dimension as it is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestedDimension {
    /// `time`, with a grain or without.
    Time(Option<Grain>),
    /// `event:page`: path of the page.
    Page,
    /// `visit:entry_page`: first page of a visit.
    EntryPage,
    /// `visit:exit_page`: last page of a visit.
    ExitPage,
    /// A dimension of the breakdowns.
    Stored(Dimension),
    /// `event:name`: name of an action.
    Action,
    /// `event:props:…`: value of a property.
    Property(String),
    /// `event:timing`: name of a load time.
    Timing,
    /// `visit:country_name`: the country, in English.
    CountryName,
    /// `event:robot`: kind of robot.
    Robot,
    /// `event:outcome`: outcome of hits.
    Outcome,
}

const DIMENSIONS: [(&str, Dimension); 21] = [
    ("visit:referrer", Dimension::Referrer),
    ("event:previous_page", Dimension::PreviousPage),
    ("visit:country", Dimension::Country),
    ("visit:region", Dimension::Region),
    ("visit:city", Dimension::City),
    ("visit:device", Dimension::Device),
    ("visit:browser", Dimension::Browser),
    ("visit:browser_version", Dimension::BrowserVersion),
    ("visit:os", Dimension::System),
    ("visit:os_version", Dimension::SystemVersion),
    ("visit:screen", Dimension::Screen),
    ("visit:language", Dimension::Language),
    ("event:hostname", Dimension::Hostname),
    ("visit:source", Dimension::Source),
    ("visit:channel", Dimension::Channel),
    ("visit:utm_source", Dimension::UtmSource),
    ("visit:utm_medium", Dimension::UtmMedium),
    ("visit:utm_campaign", Dimension::UtmCampaign),
    ("visit:utm_term", Dimension::UtmTerm),
    ("visit:utm_content", Dimension::UtmContent),
    ("visit:device_model", Dimension::DeviceModel),
];

/// Aliases that clients of Plausible's API use.
const ALIASES: [(&str, &str); 8] = [
    ("event:goal", "event:name"),
    ("event:entry_page", "visit:entry_page"),
    ("event:exit_page", "visit:exit_page"),
    ("visit:region_name", "visit:region"),
    ("visit:city_name", "visit:city"),
    ("visit:medium", "visit:utm_medium"),
    ("visit:campaign", "visit:utm_campaign"),
    ("visit:hostname", "event:hostname"),
];

/// Metrics of this API that are not measured here, each with the reason.
const NOT_MEASURED: [(&str, &str); 4] = [
    ("group_conversion_rate", "actions are never stored together with another dimension; use `conversion_rate`"),
    ("exit_rate", "use `visits` by `visit:exit_page` and `pageviews` by `event:page`"),
    ("total_revenue", "revenue is not measured"),
    ("average_revenue", "revenue is not measured"),
];

/// The metric with this name.
pub(super) fn metric(name: &str) -> Result<Metric, QueryRefusal> {
    if let Some((_, reason)) = NOT_MEASURED.iter().find(|(known, _)| *known == name) {
        return Err(QueryRefusal(format!("`{name}` is not supported: {reason}")));
    }
    Metric::ALL.into_iter().find(|metric| metric.name() == name).ok_or_else(|| {
        let known: Vec<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        QueryRefusal(format!("unknown metric {}; expected one of: {}", shown(name), known.join(", ")))
    })
}

/// The dimension with this name.
pub(super) fn dimension(name: &str) -> Result<RequestedDimension, QueryRefusal> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    if let Some((_, stored)) = DIMENSIONS.iter().find(|(known, _)| *known == name) {
        return Ok(RequestedDimension::Stored(*stored));
    }
    if let Some(property) = name.strip_prefix("event:props:").filter(|property| !property.is_empty()) {
        return Ok(RequestedDimension::Property(property.into()));
    }
    match name {
        "time" => Ok(RequestedDimension::Time(None)),
        "time:hour" => Ok(RequestedDimension::Time(Some(Grain::Hour))),
        "time:day" => Ok(RequestedDimension::Time(Some(Grain::Day))),
        "time:week" => Ok(RequestedDimension::Time(Some(Grain::Week))),
        "time:month" => Ok(RequestedDimension::Time(Some(Grain::Month))),
        "event:page" => Ok(RequestedDimension::Page),
        "visit:entry_page" => Ok(RequestedDimension::EntryPage),
        "visit:exit_page" => Ok(RequestedDimension::ExitPage),
        "event:name" => Ok(RequestedDimension::Action),
        "event:timing" => Ok(RequestedDimension::Timing),
        "visit:country_name" => Ok(RequestedDimension::CountryName),
        "event:robot" => Ok(RequestedDimension::Robot),
        "event:outcome" => Ok(RequestedDimension::Outcome),
        _ => {
            let known: Vec<_> = DIMENSIONS.iter().map(|(known, _)| *known).collect();
            Err(QueryRefusal(format!(
                "unknown dimension {}; expected one of: event:page, visit:entry_page, visit:exit_page, event:name, \
                 event:timing, event:robot, event:outcome, event:props:…, time, time:hour, time:day, time:week, \
                 time:month, visit:country_name, {}",
                shown(name),
                known.join(", ")
            )))
        }
    }
}

/// The error for a dimension of marketing, or the device model, where none is measured: rows without figures would look
/// like an absence of visits.
pub(super) fn not_marketed(dimension: &RequestedDimension) -> QueryRefusal {
    QueryRefusal(format!(
        "`{}` is not measured: `privacy.marketing` of the collector is \"never\"; use `{}`",
        dimension.name(),
        if *dimension == RequestedDimension::Stored(Dimension::DeviceModel) {
            "visit:device"
        } else {
            "visit:referrer"
        }
    ))
}

impl RequestedDimension {
    /// Its stored form: a country's name is stored as its code.
    pub(super) fn stored(&self) -> Self {
        if *self == RequestedDimension::CountryName {
            return RequestedDimension::Stored(Dimension::Country);
        }
        self.clone()
    }

    /// Whether it is stored only as `privacy.marketing` allows.
    pub(super) fn is_marketing(&self) -> bool {
        matches!(self, RequestedDimension::Stored(dimension) if dimension.is_marketing())
    }

    /// Its name, as [`dimension`] reads it.
    pub(super) fn name(&self) -> String {
        match self {
            RequestedDimension::Time(None) => "time".into(),
            RequestedDimension::Time(Some(grain)) => format!("time:{}", grain.word()),
            RequestedDimension::Page => "event:page".into(),
            RequestedDimension::EntryPage => "visit:entry_page".into(),
            RequestedDimension::ExitPage => "visit:exit_page".into(),
            RequestedDimension::Stored(stored) => {
                DIMENSIONS.iter().find(|(_, known)| known == stored).map_or("", |(name, _)| name).into()
            }
            RequestedDimension::Action => "event:name".into(),
            RequestedDimension::Timing => "event:timing".into(),
            RequestedDimension::CountryName => "visit:country_name".into(),
            RequestedDimension::Robot => "event:robot".into(),
            RequestedDimension::Outcome => "event:outcome".into(),
            RequestedDimension::Property(property) => format!("event:props:{property}"),
        }
    }
}

/// A client's input for a sentence: short and printable.
pub(super) fn shown(input: &str) -> String {
    let mut text: String = input.chars().filter(|c| !c.is_control()).take(60).collect();
    if text.len() < input.len() {
        text.push('…');
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stored_dimension_has_a_name_that_reads_back() {
        for stored in Dimension::ALL {
            assert_eq!(dimension(&RequestedDimension::Stored(stored).name()), Ok(RequestedDimension::Stored(stored)));
        }
    }

    #[test]
    fn campaigns_and_device_models_are_refused_with_what_to_ask_instead() {
        for stored in Dimension::ALL.into_iter().filter(|stored| stored.is_marketing()) {
            let dimension = RequestedDimension::Stored(stored);
            assert!(dimension.is_marketing() && dimension.name().starts_with("visit:"));
            let QueryRefusal(sentence) = not_marketed(&dimension);
            let instead = if stored == Dimension::DeviceModel { "`visit:device`" } else { "`visit:referrer`" };
            assert!(sentence.contains(&dimension.name()) && sentence.ends_with(instead), "{sentence}");
        }
    }

    #[test]
    fn metrics_of_the_peer_that_are_not_measured_are_refused_with_the_reason() {
        for (name, word) in [("total_revenue", "revenue"), ("group_conversion_rate", "`conversion_rate`")] {
            let Err(QueryRefusal(sentence)) = metric(name) else { panic!("accepted {name}") };
            assert!(sentence.contains(name) && sentence.contains(word), "{sentence}");
        }
    }

    #[test]
    fn a_long_name_is_cut_within_the_sentence() {
        let Err(QueryRefusal(sentence)) = metric(&"x".repeat(5000)) else { panic!("accepted") };
        assert!(sentence.len() < 300);
    }
}
