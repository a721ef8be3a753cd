//! The inventory as data: `/privacy.json`. Names are stable: new ones may be added, none changes its meaning without a
//! new `schema`. Must state the same as the page, from the same functions.

use serde::Serialize;

use crate::compliance::bilingual::Bilingual;
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::{inventory, rights};
use crate::compliance::rules::RULES;
use crate::config::MarketingPolicy;

/// Name and version of the format.
const SCHEMA: &str = "sillage-privacy/1";

#[derive(Serialize)]
struct JsonNotice {
    schema: &'static str,
    site: Option<JsonSite>,
    controller: JsonController,
    purposes: Vec<Bilingual>,
    legal_basis: Bilingual,
    data_read: Vec<JsonItem>,
    figures: Vec<Bilingual>,
    /// Includes those of campaigns where `marketing` measures them.
    dimensions: Vec<JsonItem>,
    actions: JsonActions,
    timings: Vec<JsonItem>,
    marketing: JsonPolicy,
    retention: JsonRetention,
    rounding: u32,
    location: bool,
    stored_on_device: Vec<&'static str>,
    recipients: Bilingual,
    transfers: Vec<Bilingual>,
    objection: JsonObjection,
    rights: Vec<JsonRight>,
    rules: Vec<JsonRule>,
    assessment: Bilingual,
}

#[derive(Serialize)]
struct JsonSite {
    name: String,
    hosts: Vec<String>,
    timezone: String,
}

#[derive(Serialize)]
struct JsonController {
    name: Option<String>,
    contact: Option<String>,
}

#[derive(Serialize)]
struct JsonItem {
    name: &'static str,
    label: Bilingual,
    detail: Bilingual,
}

#[derive(Serialize)]
struct JsonActions {
    properties: Vec<String>,
    search_parameter: Option<String>,
    problems: bool,
    detail: Bilingual,
}

#[derive(Serialize)]
struct JsonPolicy {
    measured: MarketingPolicy,
    detail: Bilingual,
}

#[derive(Serialize)]
struct JsonRetention {
    months: u32,
    last_review: Option<String>,
}

#[derive(Serialize)]
struct JsonObjection {
    sec_gpc: bool,
    dnt: bool,
    page: &'static str,
    storage_key: &'static str,
    cookie: &'static str,
    cookie_months: u32,
}

#[derive(Serialize)]
struct JsonRight {
    articles: &'static [u8],
    label: Bilingual,
    answer: Bilingual,
}

#[derive(Serialize)]
struct JsonRule {
    number: u8,
    title: Bilingual,
    /// Whether the configuration keeps the rule.
    held: bool,
    detail: Vec<Bilingual>,
}

/// Body of the response.
pub fn json(facts: &ConfigFacts) -> String {
    // Strings, numbers and lists of them: serializing them does not fail.
    serde_json::to_string_pretty(&machine(facts)).unwrap_or_default()
}

fn machine(facts: &ConfigFacts) -> JsonNotice {
    let privacy = &facts.privacy;
    let site = facts.sites.first();
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    JsonNotice {
        schema: SCHEMA,
        site: site.map(|site| JsonSite {
            name: site.name.clone(),
            hosts: site.hosts.clone(),
            timezone: site.timezone.clone(),
        }),
        controller: JsonController {
            name: given(&privacy.controller.name),
            contact: given(&privacy.controller.contact),
        },
        purposes: rights::purposes(),
        legal_basis: rights::basis(),
        data_read: items(inventory::read(facts)),
        figures: inventory::figures(),
        dimensions: items(
            inventory::dimensions(facts).into_iter().chain(inventory::campaign_dimensions(facts)).collect(),
        ),
        actions: JsonActions {
            properties: site.map(|site| site.properties.clone()).unwrap_or_default(),
            search_parameter: site.and_then(|site| given(&site.search_parameter)),
            problems: site.is_some_and(|site| site.problems),
            detail: inventory::actions(facts),
        },
        timings: items(inventory::timings()),
        marketing: JsonPolicy { measured: privacy.marketing, detail: rights::marketing(facts) },
        retention: JsonRetention {
            months: privacy.retention_months,
            last_review: privacy.last_review.map(|day| day.to_string()),
        },
        rounding: privacy.protection.step(),
        location: facts.location,
        stored_on_device: vec!["sillage_opt_out"],
        recipients: rights::recipients(facts),
        transfers: Vec::new(),
        objection: JsonObjection {
            sec_gpc: privacy.honour_gpc,
            dnt: privacy.honour_dnt,
            page: "/opt-out",
            storage_key: "sillage_opt_out",
            cookie: "sillage_opt_out",
            cookie_months: 13,
        },
        rights: rights::rights().into_iter().map(right).collect(),
        rules: rules(facts),
        assessment: rights::standing(facts),
    }
}

fn items(entries: Vec<inventory::InventoryEntry>) -> Vec<JsonItem> {
    entries
        .into_iter()
        .map(|inventory::InventoryEntry { name, label, detail }| JsonItem { name, label, detail })
        .collect()
}

fn right(right: rights::DataRight) -> JsonRight {
    JsonRight { articles: right.articles, label: right.label, answer: right.answer }
}

fn rules(facts: &ConfigFacts) -> Vec<JsonRule> {
    let deviations = facts.deviations();
    let one = |rule: &crate::compliance::rules::Rule| {
        let broken = deviations.iter().filter(|deviation| deviation.rules.contains(&rule.number));
        let broken: Vec<Bilingual> = broken.map(|deviation| deviation.text.clone()).collect();
        let held = broken.is_empty();
        let detail = if held { vec![Bilingual::from(rule.held)] } else { broken };
        JsonRule { number: rule.number, title: Bilingual::from(rule.title), held, detail }
    };
    RULES.iter().map(one).collect()
}
