//! Formats of an audit: text for a terminal, JSON for programs, Markdown for files. Every format must list the rules
//! that are not held, and must not offer the sentence of the self-assessment while there is one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::{Audit, Finding, Verdict};
use crate::compliance::bilingual::Bilingual;
use crate::compliance::rules::{RuleSource, SELF_ASSESSMENT};

/// Format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// Plain text for a terminal.
    Text,
    /// JSON for other programs.
    Json,
    /// Markdown for the controller's files.
    Markdown,
}

/// Width of a rule's title in the list, in characters.
const TITLE_WIDTH: usize = 38;

impl Audit {
    /// The report in one format.
    pub fn report(&self, evidence: &Evidence, format: ReportFormat) -> String {
        match format {
            ReportFormat::Text => self.text(evidence),
            ReportFormat::Json => self.json(evidence),
            ReportFormat::Markdown => self.markdown(evidence),
        }
    }

    /// The summary below the list of rules.
    fn conclusion(&self, evidence: &Evidence) -> String {
        let not_held = self.not_held();
        if not_held.is_empty() {
            let open = self.count(Verdict::ForAPerson);
            return format!(
                "{} All rules that a program can check are held; {open} rules have a part for a person.",
                SELF_ASSESSMENT.en
            );
        }
        let not_held: Vec<String> = not_held.iter().map(|number| format!("R{number}")).collect();
        let mut text = format!(
            "This set-up does not hold the rules {}: until this is fixed, measure only with the visitors' consent, and \
             do not present the measurement as exempt.",
            not_held.join(", ")
        );
        let mut to_do = self.findings.iter().flat_map(|finding| &finding.to_do);
        let statements = to_do.any(|to_do| to_do.en.contains(" TABLE ") || to_do.en.contains("DELETE FROM"));
        if statements && evidence.config.clickhouse.is_embedded() {
            let login = evidence.config.runtime.dir.join("engine.json");
            let how = format!(
                " While `sillage serve` runs, {} has the address and user for such statements.",
                login.display()
            );
            text.push_str(&how);
        }
        text
    }

    fn text(&self, evidence: &Evidence) -> String {
        let mut text = String::from("Sillage audit\n");
        for (name, value) in header(evidence) {
            line(&mut text, format_args!("  {name:<14} {value}"));
        }
        text.push('\n');
        for finding in &self.findings {
            let (rule, verdict) = (finding.rule, word(finding.verdict));
            let first = finding.found.iter().map(|found| &found.en).chain(&finding.evidence).next();
            let first = first.map_or("", String::as_str);
            let number = format!("R{}", rule.number);
            line(&mut text, format_args!("  {verdict:<12} {number:<4} {:<TITLE_WIDTH$} {first}", rule.title.en));
        }
        for (verdict, head) in [(Verdict::NotHeld, "Not held"), (Verdict::ForAPerson, "For a person to do")] {
            let findings = self.findings.iter().filter(|finding| finding.verdict == verdict);
            for (number, finding) in findings.enumerate() {
                if number == 0 {
                    line(&mut text, format_args!("\n{head}"));
                }
                self.detail(&mut text, finding);
            }
        }
        line(
            &mut text,
            format_args!(
                "\n{} held, {} not held, {} for a person.\n{}",
                self.count(Verdict::Held),
                self.count(Verdict::NotHeld),
                self.count(Verdict::ForAPerson),
                self.conclusion(evidence)
            ),
        );
        text.trim_end().to_owned()
    }

    fn detail(&self, text: &mut String, finding: &Finding) {
        let rule = finding.rule;
        line(text, format_args!("  R{} {}", rule.number, rule.title.en));
        if finding.verdict == Verdict::NotHeld {
            line(text, format_args!("      rule   {}", rule.text.en));
            for source in rule.sources {
                line(text, format_args!("      source {}", cited(source)));
            }
            for found in &finding.found {
                line(text, format_args!("      found  {}", found.en));
            }
        }
        for to_do in &finding.to_do {
            line(text, format_args!("      do     {}", to_do.en));
        }
    }

    fn json(&self, evidence: &Evidence) -> String {
        let header: serde_json::Map<String, Value> =
            header(evidence).into_iter().map(|(name, value)| (name.replace(' ', "_"), Value::from(value))).collect();
        let findings = self.findings.iter().map(|finding| {
            let rule = finding.rule;
            json!({
                "rule": format!("R{}", rule.number),
                "title": rule.title.en,
                "text": rule.text.en,
                "how_it_is_held": rule.held.en,
                "sources": rule.sources.iter().map(|source| cited(source)).collect::<Vec<_>>(),
                "verdict": finding.verdict,
                "found": english(&finding.found),
                "evidence": finding.evidence,
                "to_do": english(&finding.to_do),
            })
        });
        let report = json!({
            "audit": header,
            "findings": findings.collect::<Vec<_>>(),
            "rules_left": self.not_held().iter().map(|number| format!("R{number}")).collect::<Vec<_>>(),
            "conclusion": self.conclusion(evidence),
        });
        format!("{report:#}")
    }

    fn markdown(&self, evidence: &Evidence) -> String {
        let mut text = String::from("# Audit of the audience measurement\n\n");
        for (name, value) in header(evidence) {
            line(&mut text, format_args!("- {name}: {value}"));
        }
        line(&mut text, format_args!("\n{}\n\n| | rule | verdict |\n|---|---|---|", self.conclusion(evidence)));
        for finding in &self.findings {
            let rule = finding.rule;
            line(&mut text, format_args!("| R{} | {} | {} |", rule.number, rule.title.en, word(finding.verdict)));
        }
        for finding in &self.findings {
            let rule = finding.rule;
            line(&mut text, format_args!("\n## R{} {}: {}\n", rule.number, rule.title.en, word(finding.verdict)));
            line(&mut text, format_args!("{}\n\n{}\n", rule.text.en, rule.held.en));
            for source in rule.sources {
                line(&mut text, format_args!("- Source: {}", cited(source)));
            }
            for found in &finding.found {
                line(&mut text, format_args!("- **Found:** {}", escaped(&found.en)));
            }
            for fact in &finding.evidence {
                line(&mut text, format_args!("- Evidence: {}", escaped(fact)));
            }
            for to_do in &finding.to_do {
                line(&mut text, format_args!("- **To do:** {}", escaped(&to_do.en)));
            }
        }
        text.trim_end().to_owned()
    }
}

fn english(texts: &[Bilingual]) -> Vec<&str> {
    texts.iter().map(|text| text.en.as_str()).collect()
}

/// Names and values at the top of a report: version, time, configuration.
fn header(evidence: &Evidence) -> [(&'static str, String); 6] {
    let config = &evidence.config;
    let whose = if config.clickhouse.is_embedded() { "embedded" } else { "remote" };
    let sites: Vec<&str> = config.site.iter().map(|site| site.name.as_str()).collect();
    let controller = config.privacy.controller.name.trim();
    [
        ("date", evidence.at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ("program", format!("sillage {}", evidence.version)),
        ("database", format!("ClickHouse {} ({whose}), {}", evidence.database.version, evidence.database.name)),
        ("configuration", format!("SHA-256 {}", evidence.config_hash)),
        ("sites", if sites.is_empty() { "none".to_owned() } else { sites.join(", ") }),
        ("controller", if controller.is_empty() { "not named".to_owned() } else { controller.to_owned() }),
    ]
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::NotHeld => "NOT HELD",
        Verdict::ForAPerson => "for a person",
    }
}

/// A source with its date, if it has one.
pub(super) fn cited(source: &RuleSource) -> String {
    match source.date.en {
        "" => source.name.en.to_owned(),
        date => format!("{} ({date})", source.name.en),
    }
}

/// Escapes Markdown's underscores and stars in names.
fn escaped(text: &str) -> String {
    text.replace('_', "\\_").replace('*', "\\*").replace('<', "&lt;")
}

/// Adds a line. Writing to a string does not fail.
pub(super) fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let before = text.len();
    if text.write_fmt(line).is_err() {
        text.truncate(before);
    }
    let end = text.trim_end_matches(' ').len();
    text.truncate(end);
    text.push('\n');
}
