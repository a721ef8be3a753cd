//! Formats of an audit: text for a terminal, JSON for programs, Markdown for files, in English or French. Every format
//! must list the rules that are not held, and must not offer the sentence of the self-assessment while there is one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::{Audit, Finding, Verdict};
use crate::compliance::bilingual::{Bilingual, Lang, plural, pluriel, text};
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
    /// The report in one format and language.
    pub fn report(&self, evidence: &Evidence, format: ReportFormat, lang: Lang) -> String {
        let report = ReportWriter { audit: self, evidence, lang };
        match format {
            ReportFormat::Text => report.text(),
            ReportFormat::Json => format!("{:#}", report.json()),
            ReportFormat::Markdown => report.markdown(),
        }
    }

    /// The report for programs and the console: keys in English, sentences in `lang`.
    pub fn json(&self, evidence: &Evidence, lang: Lang) -> Value {
        ReportWriter { audit: self, evidence, lang }.json()
    }
}

/// One report: its audit, the evidence behind it, and the language of its sentences.
struct ReportWriter<'a> {
    audit: &'a Audit,
    evidence: &'a Evidence,
    lang: Lang,
}

impl ReportWriter<'_> {
    fn tell(&self, text: impl Into<Bilingual>) -> String {
        text.into().in_plain_text(self.lang)
    }

    fn tell_all(&self, texts: &[Bilingual]) -> Vec<String> {
        texts.iter().map(|text| text.in_plain_text(self.lang)).collect()
    }

    /// The summary below the list of rules.
    fn conclusion(&self) -> String {
        let not_held = self.audit.not_held();
        if not_held.is_empty() {
            let open = self.audit.count(Verdict::ForAPerson);
            let counted = i64::try_from(open).unwrap_or(i64::MAX);
            let have = plural(counted, ["rule has", "rules have"]);
            let leave = pluriel(counted, ["règle laisse", "règles laissent"]);
            let rest = text!(
                "All rules that a program can check are held; {open} {have} a part for a person.",
                "Toutes les règles qu'un programme peut vérifier sont tenues ; {open} {leave} une part à une \
                 personne."
            );
            return format!("{} {}", self.tell(SELF_ASSESSMENT), self.tell(rest));
        }
        let not_held = not_held.iter().map(|number| format!("R{number}")).collect::<Vec<_>>().join(", ");
        let mut conclusion = self.tell(text!(
            "This set-up does not hold the rules {not_held}: until this is fixed, measure only with the visitors' \
             consent, and do not present the measurement as exempt.",
            "Cette installation ne tient pas les règles {not_held} : jusqu'à correction, ne mesurer qu'avec le \
             consentement des visiteurs, et ne pas présenter la mesure comme exemptée."
        ));
        let mut to_do = self.audit.findings.iter().flat_map(|finding| &finding.to_do);
        let statements = to_do.any(|to_do| to_do.en.contains(" TABLE ") || to_do.en.contains("DELETE FROM"));
        if statements && self.evidence.config.clickhouse.is_embedded() {
            let login = self.evidence.config.runtime.dir.join("engine.json");
            let login = login.display();
            conclusion.push(' ');
            conclusion.push_str(&self.tell(text!(
                "While `sillage serve` runs, {login} has the address and user for such statements.",
                "Tant que `sillage serve` tourne, {login} contient l'adresse et l'utilisateur pour ces instructions."
            )));
        }
        conclusion
    }

    fn text(&self) -> String {
        let mut report = String::new();
        line(&mut report, format_args!("{}", self.tell(text!("Sillage audit", "Audit de Sillage"))));
        for entry in self.header() {
            line(&mut report, format_args!("  {:<14} {}", self.tell(entry.name), entry.value));
        }
        report.push('\n');
        for finding in &self.audit.findings {
            let verdict = self.verdict(finding.verdict);
            let first = finding.found.iter().chain(&finding.evidence).next().cloned();
            let first = first.map(|first| self.tell(first)).unwrap_or_default();
            let (number, title) = (format!("R{}", finding.rule.number), self.tell(finding.rule.title));
            line(&mut report, format_args!("  {verdict:<12} {number:<4} {title:<TITLE_WIDTH$} {first}"));
        }
        let parts = [
            (Verdict::NotHeld, text!("Not held", "Non tenues")),
            (Verdict::ForAPerson, text!("For a person to do", "Reste à faire par une personne")),
        ];
        for (verdict, head) in parts {
            let mut findings = self.audit.findings.iter().filter(|finding| finding.verdict == verdict).peekable();
            if findings.peek().is_some() {
                line(&mut report, format_args!("\n{}", self.tell(head)));
            }
            for finding in findings {
                self.detail(&mut report, finding);
            }
        }
        let [held, not_held, open] =
            [Verdict::Held, Verdict::NotHeld, Verdict::ForAPerson].map(|verdict| self.audit.count(verdict));
        let counts = self.tell(text!(
            "{held} held, {not_held} not held, {open} for a person.",
            "tenues : {held} ; non tenues : {not_held} ; pour une personne : {open}."
        ));
        line(&mut report, format_args!("\n{counts}\n{}", self.conclusion()));
        report.trim_end().to_owned()
    }

    fn detail(&self, report: &mut String, finding: &Finding) {
        let rule = finding.rule;
        line(report, format_args!("  R{} {}", rule.number, self.tell(rule.title)));
        let mut part = |name: Bilingual, value: &str| {
            line(report, format_args!("      {:<6} {value}", self.tell(name)));
        };
        if finding.verdict == Verdict::NotHeld {
            part(text!("rule", "règle"), &self.tell(rule.text));
            for source in rule.sources {
                part(text!("source", "source"), &cited(source, self.lang));
            }
            for found in self.tell_all(&finding.found) {
                part(text!("found", "trouvé"), &found);
            }
        }
        for to_do in self.tell_all(&finding.to_do) {
            part(text!("do", "faire"), &to_do);
        }
    }

    fn json(&self) -> Value {
        let header: serde_json::Map<String, Value> = self
            .header()
            .into_iter()
            .map(|entry| (entry.name.en.replace(' ', "_"), Value::from(entry.value)))
            .collect();
        let findings = self.audit.findings.iter().map(|finding| {
            let rule = finding.rule;
            json!({
                "rule": format!("R{}", rule.number),
                "title": self.tell(rule.title),
                "text": self.tell(rule.text),
                "how_it_is_held": self.tell(rule.held),
                "sources": rule.sources.iter().map(|source| cited(source, self.lang)).collect::<Vec<_>>(),
                "verdict": finding.verdict,
                "found": self.tell_all(&finding.found),
                "evidence": self.tell_all(&finding.evidence),
                "to_do": self.tell_all(&finding.to_do),
            })
        });
        json!({
            "audit": header,
            "language": self.lang.code(),
            "findings": findings.collect::<Vec<_>>(),
            "rules_left": self.audit.not_held().iter().map(|number| format!("R{number}")).collect::<Vec<_>>(),
            "conclusion": self.conclusion(),
        })
    }

    fn markdown(&self) -> String {
        let mut report = String::new();
        let title = text!("Audit of the audience measurement", "Audit de la mesure d'audience");
        line(&mut report, format_args!("# {}\n", self.tell(title)));
        for entry in self.header() {
            line(&mut report, format_args!("- {}{}{}", self.tell(entry.name), self.colon(), entry.value));
        }
        let columns = self.tell(text!("| | rule | verdict |", "| | règle | verdict |"));
        line(&mut report, format_args!("\n{}\n\n{columns}\n|---|---|---|", self.conclusion()));
        for finding in &self.audit.findings {
            let (number, title) = (finding.rule.number, self.tell(finding.rule.title));
            line(&mut report, format_args!("| R{number} | {title} | {} |", self.verdict(finding.verdict)));
        }
        for finding in &self.audit.findings {
            self.section(&mut report, finding);
        }
        report.trim_end().to_owned()
    }

    /// One rule in the Markdown report, with everything that was found.
    fn section(&self, report: &mut String, finding: &Finding) {
        let (rule, colon) = (finding.rule, self.colon());
        let (title, verdict) = (self.tell(rule.title), self.verdict(finding.verdict));
        line(report, format_args!("\n## R{} {title}{colon}{verdict}\n", rule.number));
        line(report, format_args!("{}\n\n{}\n", self.tell(rule.text), self.tell(rule.held)));
        for source in rule.sources {
            line(report, format_args!("- Source{colon}{}", cited(source, self.lang)));
        }
        let parts = [
            (text!("**Found:**", "**Trouvé :**"), &finding.found),
            (text!("Evidence:", "Constat :"), &finding.evidence),
            (text!("**To do:**", "**À faire :**"), &finding.to_do),
        ];
        for (name, texts) in parts {
            for text in self.tell_all(texts) {
                line(report, format_args!("- {} {}", self.tell(name.clone()), escaped(&text)));
            }
        }
    }

    fn colon(&self) -> String {
        self.tell(text!(": ", " : "))
    }

    fn verdict(&self, verdict: Verdict) -> String {
        self.tell(match verdict {
            Verdict::Held => text!("held", "tenue"),
            Verdict::NotHeld => text!("NOT HELD", "NON TENUE"),
            Verdict::ForAPerson => text!("for a person", "à compléter"),
        })
    }

    /// The top of a report: version, time, configuration.
    fn header(&self) -> [HeaderEntry; 6] {
        let (evidence, config) = (self.evidence, &self.evidence.config);
        let entry = |name, value| HeaderEntry { name, value };
        let (version, name) = (&evidence.database.version, &evidence.database.name);
        let database = if config.clickhouse.is_embedded() {
            text!("ClickHouse {version} (embedded), {name}", "ClickHouse {version} (intégré), {name}")
        } else {
            text!("ClickHouse {version} (remote), {name}", "ClickHouse {version} (distant), {name}")
        };
        let sites = match config.site.as_slice() {
            [] => self.tell(text!("none", "néant")),
            sites => sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>().join(", "),
        };
        let controller = match config.privacy.controller.name.trim() {
            "" => self.tell(text!("not named", "non nommé")),
            controller => controller.to_owned(),
        };
        let hash = &evidence.config_hash;
        [
            entry(text!("date", "date"), evidence.at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            entry(text!("program", "programme"), format!("sillage {}", evidence.version)),
            entry(text!("database", "base"), self.tell(database)),
            entry(text!("configuration", "configuration"), format!("SHA-256 {hash}")),
            entry(text!("sites", "sites"), sites),
            entry(text!("controller", "responsable"), controller),
        ]
    }
}

/// One line at the top of a report.
struct HeaderEntry {
    name: Bilingual,
    value: String,
}

/// A source with its date, if it has one.
pub(super) fn cited(source: &RuleSource, lang: Lang) -> String {
    let [name, date] = [source.name, source.date].map(|text| Bilingual::from(text).in_plain_text(lang));
    if date.is_empty() { name } else { format!("{name} ({date})") }
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
