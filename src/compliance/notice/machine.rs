//! What is measured, as data: `/privacy.json`. Names are stable: one may be added, none changes its meaning without another
//! `schema`. Must say the same as the page, from the same functions.

use serde::Serialize;

use crate::compliance::bilingual::Said;
use crate::compliance::facts::Facts;
use crate::compliance::notice::{inventory, rights};
use crate::compliance::rules::RULES;
use crate::config::Marketing;

/// Name and version of the form.
const SCHEMA: &str = "sillage-privacy/1";

#[derive(Serialize)]
struct Machine {
    schema: &'static str,
    site: Option<Site>,
    controller: Controller,
    purposes: Vec<Said>,
    legal_basis: Said,
    data_read: Vec<Item>,
    figures: Vec<Said>,
    /// Those of campaigns too, where `marketing` has them measured.
    dimensions: Vec<Item>,
    actions: Actions,
    timings: Vec<Item>,
    marketing: Policy,
    retention: Retention,
    rounding: u32,
    location: bool,
    stored_on_device: Vec<&'static str>,
    recipients: Said,
    transfers: Vec<Said>,
    objection: Objection,
    rights: Vec<Right>,
    rules: Vec<Rule>,
    assessment: Said,
}

#[derive(Serialize)]
struct Site {
    name: String,
    hosts: Vec<String>,
    timezone: String,
}

#[derive(Serialize)]
struct Controller {
    name: Option<String>,
    contact: Option<String>,
}

#[derive(Serialize)]
struct Item {
    name: &'static str,
    label: Said,
    detail: Said,
}

#[derive(Serialize)]
struct Actions {
    properties: Vec<String>,
    search_parameter: Option<String>,
    problems: bool,
    detail: Said,
}

#[derive(Serialize)]
struct Policy {
    measured: Marketing,
    detail: Said,
}

#[derive(Serialize)]
struct Retention {
    months: u32,
    last_review: Option<String>,
}

#[derive(Serialize)]
struct Objection {
    sec_gpc: bool,
    dnt: bool,
    page: &'static str,
    storage_key: &'static str,
}

#[derive(Serialize)]
struct Right {
    articles: &'static [u8],
    label: Said,
    answer: Said,
}

#[derive(Serialize)]
struct Rule {
    number: u8,
    title: Said,
    /// Whether the configuration keeps to it.
    held: bool,
    detail: Vec<Said>,
}

/// The answer's body.
pub fn json(facts: &Facts) -> String {
    // Strings, numbers and lists of them: nothing here can fail to be written.
    serde_json::to_string_pretty(&machine(facts)).unwrap_or_default()
}

fn machine(facts: &Facts) -> Machine {
    let privacy = &facts.privacy;
    let site = facts.sites.first();
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Machine {
        schema: SCHEMA,
        site: site.map(|site| Site {
            name: site.name.clone(),
            hosts: site.hosts.clone(),
            timezone: site.timezone.clone(),
        }),
        controller: Controller { name: given(&privacy.controller.name), contact: given(&privacy.controller.contact) },
        purposes: rights::purposes(),
        legal_basis: rights::basis(),
        data_read: items(inventory::read(facts)),
        figures: inventory::figures(),
        dimensions: items(
            inventory::dimensions(facts).into_iter().chain(inventory::campaign_dimensions(facts)).collect(),
        ),
        actions: Actions {
            properties: site.map(|site| site.properties.clone()).unwrap_or_default(),
            search_parameter: site.and_then(|site| given(&site.search_parameter)),
            problems: site.is_some_and(|site| site.problems),
            detail: inventory::actions(facts),
        },
        timings: items(inventory::timings()),
        marketing: Policy { measured: privacy.marketing, detail: rights::marketing(facts) },
        retention: Retention {
            months: privacy.retention_months,
            last_review: privacy.last_review.map(|day| day.to_string()),
        },
        rounding: privacy.rounding,
        location: facts.location,
        stored_on_device: vec!["sillage_opt_out"],
        recipients: rights::recipients(facts),
        transfers: Vec::new(),
        objection: Objection {
            sec_gpc: privacy.honour_gpc,
            dnt: privacy.honour_dnt,
            page: "/opt-out",
            storage_key: "sillage_opt_out",
        },
        rights: rights::rights().into_iter().map(right).collect(),
        rules: rules(facts),
        assessment: rights::standing(facts),
    }
}

fn items(entries: Vec<inventory::Entry>) -> Vec<Item> {
    entries.into_iter().map(|inventory::Entry { name, label, detail }| Item { name, label, detail }).collect()
}

fn right(right: rights::Right) -> Right {
    Right { articles: right.articles, label: right.label, answer: right.answer }
}

fn rules(facts: &Facts) -> Vec<Rule> {
    let departures = facts.departures();
    let one = |rule: &crate::compliance::rules::Rule| {
        let left = departures.iter().filter(|departure| departure.rules.contains(&rule.number));
        let left: Vec<Said> = left.map(|departure| departure.said.clone()).collect();
        let held = left.is_empty();
        let detail = if held { vec![Said::from(rule.held)] } else { left };
        Rule { number: rule.number, title: Said::from(rule.title), held, detail }
    };
    RULES.iter().map(one).collect()
}
