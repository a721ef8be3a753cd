//! Parsing: file text and environment to values, and parser errors to sentences. Must never take a value from
//! an environment variable whose name does not begin with `SILLAGE_`.

use std::net::IpAddr;

use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use figment::{Figment, Source};
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use tracing::level_filters::LevelFilter;

/// Integer types by their names in parser errors.
const WHOLE_NUMBERS: [&str; 4] = ["u16", "u32", "u64", "usize"];

/// Error text for `privacy.rounding` of earlier versions.
const ROUNDING_REPLACED: &str = "replaced by privacy.protection; write protection = \"tens\" (the default: figures are \
                                 drawn to tens before they are published) or protection = \"exact\" (the former \
                                 rounding = 1)";

/// Level of the log, from `SILLAGE_LOG`: `error`, `warn`, `info`, `debug` or `trace`; `info` for anything else.
#[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub fn log_level() -> LevelFilter {
    let wanted = std::env::var("SILLAGE_LOG").ok();
    wanted.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO)
}

/// The console's token in SILLAGE_TOKEN; `None` if it is not set or empty.
#[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub(crate) fn console_token() -> Option<String> {
    std::env::var("SILLAGE_TOKEN").ok().filter(|token| !token.trim().is_empty())
}

/// Whether a terminal's screen has colour: not with NO_COLOR.
pub(crate) fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Folders of PATH, searched for a program that the configuration names without a folder.
#[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub(crate) fn search_path() -> Vec<std::path::PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// PEM file of authorities beside the public ones, from `SSL_CERT_FILE`.
#[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub(crate) fn authorities_file() -> Option<std::path::PathBuf> {
    std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()).map(Into::into)
}

/// Token of Matomo's Reporting API, from `MATOMO_TOKEN`.
#[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub(crate) fn matomo_token() -> Option<String> {
    std::env::var("MATOMO_TOKEN").ok()
}

/// The file's values, overridden by `SILLAGE_SECTION__KEY`. A variable without `__` is not a key: it belongs to the
/// log, to tests, or to a cluster that publishes service addresses that way.
///
/// # Errors
/// The first fault as a sentence; later faults show once it is corrected.
pub(super) fn read<T: DeserializeOwned>(file: impl figment::Provider) -> Result<T, String> {
    let environment = Env::prefixed("SILLAGE_").filter(|name| name.as_str().contains("__")).split("__");
    let read: Result<T, figment::Error> = Figment::from(file).merge(environment).extract();
    read.map_err(|errors| errors.into_iter().next().map(fault_text).unwrap_or_default())
}

/// A provider of the text of an existing `file`.
pub(super) fn file(file: &std::path::Path) -> impl figment::Provider {
    Toml::file_exact(file)
}

/// A provider of configuration text.
pub(super) fn text(text: &str) -> impl figment::Provider {
    Toml::string(text)
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the parser's own sentence is good enough for the rest")]
fn fault_text(error: figment::Error) -> String {
    let known = error.metadata.as_ref();
    let environment = known.is_some_and(|known| known.name.contains("environment"));
    let key = if environment {
        format!("SILLAGE_{}", error.path.join("__").to_ascii_uppercase())
    } else {
        error.path.join(".")
    };
    let file = match known.and_then(|known| known.source.as_ref()) {
        Some(Source::File(file)) => format!("{}: ", file.display()),
        _ => String::new(),
    };
    let why = match &error.kind {
        Kind::UnknownField(found, _) if found == "rounding" => ROUNDING_REPLACED.to_owned(),
        Kind::UnknownField(_, known) => format!("unknown key; expected one of: {}", known.join(", ")),
        Kind::UnknownVariant(found, known) => format!("unknown value `{found}`; expected one of: {}", known.join(", ")),
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            let wanted = if WHOLE_NUMBERS.contains(&wanted.as_str()) { "a whole number, 0 or more" } else { wanted };
            format!("found {found}; expected {wanted}")
        }
        other => other.to_string().trim_end().to_owned(),
    };
    let key = if key.is_empty() { key } else { format!("{key}: ") };
    format!("{file}{key}{why}")
}

/// Parses a network, or a single address as a network of its own.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Deserialises a list of networks and single addresses.
pub(super) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let wrong = |text: &str| D::Error::custom(format!("`{text}` is not an address or network, such as 10.0.0.0/8"));
    let written = Vec::<String>::deserialize(from)?;
    written.iter().map(|text| network(text).ok_or_else(|| wrong(text))).collect()
}

/// Deserialises an address with a port.
pub(super) fn socket<'de, D: Deserializer<'de>>(from: D) -> Result<std::net::SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "`{text}` is not an address with a port, such as 127.0.0.1:8080; a name is not looked up"
        ))
    })
}

/// Deserialises a TOML date, or a text in the form of one.
pub(super) fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<jiff::civil::Date>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum DateForm {
        Text(String),
        Toml(std::collections::BTreeMap<String, String>),
    }
    let text = match Option::<DateForm>::deserialize(from)? {
        None => return Ok(None),
        Some(DateForm::Text(text)) => text,
        Some(DateForm::Toml(parts)) => parts.into_values().next().unwrap_or_default(),
    };
    // A date with a time is rejected, not truncated to its date.
    let date = (text.len() == 10).then(|| text.parse().ok()).flatten();
    date.map(Some).ok_or_else(|| D::Error::custom("write a date as YYYY-MM-DD"))
}
