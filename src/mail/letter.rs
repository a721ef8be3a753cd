//! Texts of mails, as plain text and HTML, in English and French. Must hold published figures and nothing else of a
//! site; nothing in it is loaded from elsewhere.

use maud::{DOCTYPE, Markup, html};

use crate::compliance::bilingual::{Bilingual, Lang, text};
use crate::config::{MailLanguage, ReportSchedule};
use crate::event::Dimension;
use crate::localized::{self, count, noun, percent};
use crate::mail::figures::{LISTS, PeriodFigures, ReportList};
use crate::mail::periods::ReportPeriod;
use crate::store::report::Metric;
use crate::store::reports::ReportRow;

/// Subject and bodies of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Subject, without a line break.
    pub subject: String,
    /// For programs that show no HTML.
    pub text: String,
    /// The HTML body, a whole page without external resources.
    pub html: String,
}

/// Inputs of a report's text.
pub(super) struct ReportLetter<'l> {
    pub(super) site: &'l str,
    pub(super) period: ReportPeriod,
    pub(super) figures: &'l PeriodFigures,
    /// Figures are in tens.
    pub(super) tens: bool,
    pub(super) console_url: &'l str,
    pub(super) unsubscribe: &'l str,
    pub(super) lang: Lang,
}

/// A headline figure, with its change.
struct HeadlineFigure {
    name: String,
    value: String,
    change: String,
}

/// A list of a report.
struct LetterList {
    title: String,
    rows: Vec<(String, String)>,
}

impl ReportLetter<'_> {
    /// The mail in the report's language.
    pub(super) fn letter(&self) -> Letter {
        let (headline, lists) = (self.headline(), self.lists());
        Letter { subject: self.title(), text: self.text(&headline, &lists), html: self.html(&headline, &lists) }
    }

    fn title(&self) -> String {
        let ReportPeriod { schedule, from, to } = self.period;
        let (site, days) = (self.site, localized::days(from, to, self.lang));
        let month = localized::month(from, self.lang);
        match schedule {
            ReportSchedule::Weekly => text!("{site}: week of {days}", "{site} : semaine du {days}"),
            ReportSchedule::Monthly => text!("{site}: {month}", "{site} : {month}"),
        }
        .in_plain_text(self.lang)
    }

    fn headline(&self) -> Vec<HeadlineFigure> {
        let figure = |metric: Metric, name: Bilingual| {
            let (now, before) = (self.figures.now.number(metric), self.figures.before.number(metric));
            let value = now.map_or_else(|| "–".to_owned(), |now| measure(metric, now, self.lang));
            HeadlineFigure {
                name: name.in_plain_text(self.lang),
                value,
                change: change(metric, now, before, self.lang),
            }
        };
        vec![
            figure(Metric::Visitors, text!("Daily visitors", "Visiteurs quotidiens")),
            figure(Metric::Visits, text!("Visits", "Visites")),
            figure(Metric::Pageviews, text!("Pageviews", "Pages vues")),
            figure(Metric::BounceRate, text!("Bounce rate", "Taux de rebond")),
            figure(Metric::VisitDuration, text!("Visit duration", "Durée des visites")),
        ]
    }

    fn lists(&self) -> Vec<LetterList> {
        let list = |(list, rows): (&ReportList, &Vec<ReportRow>)| LetterList {
            title: list_title(*list).in_plain_text(self.lang),
            rows: rows.iter().filter_map(|row| listed(*list, row, self.lang)).collect(),
        };
        let lists = LISTS.iter().zip(&self.figures.lists).map(list);
        lists.filter(|list| !list.rows.is_empty()).collect()
    }

    fn is_empty(&self) -> bool {
        self.figures.now.pageviews.unwrap_or(0) == 0
    }

    /// Notes on the figures for readers.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.is_empty() {
            notes.push(text!(
                "No figure was published for this period.",
                "Aucun chiffre n'a été publié pour cette période."
            ));
        }
        notes.push(text!(
            "A person counts once a day; the period is the sum of its days.",
            "Une personne compte une fois par jour ; la période est la somme de ses jours."
        ));
        if self.tens {
            notes.push(text!(
                "Figures are rounded to tens; small ones are omitted.",
                "Les chiffres sont arrondis à la dizaine ; les plus petits sont omis."
            ));
        }
        notes.iter().map(|note| note.in_plain_text(self.lang)).collect()
    }

    fn text(&self, headline: &[HeadlineFigure], lists: &[LetterList]) -> String {
        let mut lines = vec![self.title(), String::new()];
        let wide = headline.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        for HeadlineFigure { name, value, change } in headline {
            let line = format!("{name:wide$}  {value:>12}  {change}");
            lines.push(line.trim_end().to_owned());
        }
        for list in lists {
            lines.extend([String::new(), list.title.clone()]);
            lines.extend(list.rows.iter().map(|(name, value)| format!("{value:>12}  {name}")));
        }
        lines.push(String::new());
        lines.extend(self.notes());
        let (console, end) = (text!("Console: ", "Console : "), text!("Unsubscribe: ", "Se désabonner : "));
        lines.extend([
            String::new(),
            format!("{}{}", console.in_plain_text(self.lang), self.console_url),
            format!("{}{}", end.in_plain_text(self.lang), self.unsubscribe),
            String::new(),
        ]);
        lines.join("\n")
    }

    fn html(&self, headline: &[HeadlineFigure], lists: &[LetterList]) -> String {
        let body = html! {
            table style="border-collapse:collapse;width:100%;margin:0 0 24px" {
                @for HeadlineFigure { name, value, change } in headline {
                    tr {
                        th scope="row" style="text-align:left;font-weight:400;padding:6px 0" { (name) }
                        td style="text-align:right;font-weight:700;padding:6px 12px" { (value) }
                        td style="text-align:right;padding:6px 0" { (change) }
                    }
                }
            }
            @for list in lists {
                h2 style="font-size:16px;margin:0 0 4px" { (list.title) }
                table style="border-collapse:collapse;width:100%;margin:0 0 24px" {
                    @for (name, value) in &list.rows {
                        tr {
                            th scope="row" style="text-align:left;font-weight:400;padding:4px 0;word-break:break-all" { (name) }
                            td style="text-align:right;padding:4px 0 4px 12px" { (value) }
                        }
                    }
                }
            }
            @for note in self.notes() {
                p style="font-size:13px;margin:0 0 4px" { (note) }
            }
        };
        page(&self.title(), self.lang, &body, Some((self.console_url, self.unsubscribe)))
    }
}

/// The language of notices and mails that a configuration names.
pub(super) fn lang_of(language: MailLanguage) -> Lang {
    match language {
        MailLanguage::En => Lang::En,
        MailLanguage::Fr => Lang::Fr,
    }
}

/// Text of a test mail.
pub(super) fn test(lang: Lang) -> Letter {
    let title = text!("Sillage: test mail", "Sillage : courriel de test").in_plain_text(lang);
    let sentence = text!(
        "This server accepts mails from Sillage. Reports and alerts look like this one.",
        "Ce serveur accepte les courriels de Sillage. Les rapports et les alertes ont la même présentation."
    );
    let sentence = sentence.in_plain_text(lang);
    let html = page(&title, lang, &html! { p { (sentence) } }, None);
    Letter { text: format!("{title}\n\n{sentence}\n"), subject: title, html }
}

/// A whole page around `body`.
pub(super) fn page(title: &str, lang: Lang, body: &Markup, links: Option<(&str, &str)>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
            }
            body style="font-family:system-ui,sans-serif;font-size:15px;line-height:1.4;margin:0;padding:16px" {
                div style="max-width:560px;margin:0 auto" {
                    h1 style="font-size:20px;margin:0 0 16px" { (title) }
                    (body)
                    @if let Some((console, unsubscribe)) = links {
                        p style="font-size:13px;margin:24px 0 0" {
                            a href=(console) { (text!("Open the console", "Ouvrir la console").in_plain_text(lang)) }
                            " · "
                            a href=(unsubscribe) { (text!("Unsubscribe", "Se désabonner").in_plain_text(lang)) }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn list_title(list: ReportList) -> Bilingual {
    match list {
        ReportList::Pages => text!("Pages, by pageviews", "Pages, par pages vues"),
        ReportList::Referrers => text!("Referrers, by visitors", "Sites référents, par visiteurs"),
        ReportList::Countries => text!("Countries, by visitors", "Pays, par visiteurs"),
        ReportList::Devices => text!("Devices, by visitors", "Appareils, par visiteurs"),
        ReportList::Actions => text!("Actions, by uses", "Actions, par utilisations"),
    }
}

/// Name and figure of a row; none for a row without a figure.
fn listed(list: ReportList, row: &ReportRow, lang: Lang) -> Option<(String, String)> {
    let figure = row.number(list.metric()).filter(|figure| *figure > 0)?;
    let name = match list {
        ReportList::Pages => row.page.clone(),
        ReportList::Referrers => localized::value(Dimension::Referrer, &row.value, lang),
        ReportList::Countries => localized::value(Dimension::Country, &row.value, lang),
        ReportList::Devices => localized::value(Dimension::Device, &row.value, lang),
        ReportList::Actions => row.value.clone(),
    };
    Some((name, count(figure, lang)))
}

/// A figure with its unit.
fn measure(metric: Metric, figure: i64, lang: Lang) -> String {
    if metric == Metric::BounceRate {
        return percent(&figure.to_string(), lang);
    }
    if metric == Metric::VisitDuration {
        return format!("{}:{:02} min", figure / 60, figure % 60);
    }
    count(figure, lang)
}

/// Percent against the period before; for a rate, points.
fn change(metric: Metric, now: Option<i64>, before: Option<i64>, lang: Lang) -> String {
    let (Some(now), Some(before)) = (now, before) else { return String::new() };
    let signed = |number: i64| if number < 0 { format!("−{}", number.unsigned_abs()) } else { format!("+{number}") };
    if metric == Metric::BounceRate {
        let points = noun((now - before).abs(), ["point", "points"], ["point", "points"]).in_plain_text(lang);
        return format!("{}\u{a0}{points}", signed(now - before));
    }
    if before <= 0 {
        return String::new();
    }
    let change = (200 * (now - before) + before * (now - before).signum()) / (2 * before);
    percent(&signed(change), lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lang: Lang) -> Letter {
        let row = |visitors, pageviews| ReportRow {
            visitors: Some(visitors),
            visits: Some(visitors),
            pageviews: Some(pageviews),
            bounce_rate: Some(40),
            visit_duration: Some(125),
            ..ReportRow::default()
        };
        let page = ReportRow { page: "/<b>a</b>".into(), ..row(10, 1_230) };
        let figures = PeriodFigures {
            now: row(1_500, 12_340),
            before: row(1_000, 12_000),
            lists: vec![vec![page], vec![], vec![], vec![], vec![]],
        };
        let period = ReportPeriod {
            schedule: ReportSchedule::Weekly,
            from: "2026-03-09".parse().unwrap(),
            to: "2026-03-15".parse().unwrap(),
        };
        let (console_url, unsubscribe) = ("https://stats.example.org", "https://stats.example.org/unsubscribe?key=1");
        ReportLetter { site: "shop.example", period, figures: &figures, tens: true, console_url, unsubscribe, lang }
            .letter()
    }

    #[test]
    fn a_report_says_the_same_figures_in_both_languages_and_both_forms() {
        let (english, french) = (report(Lang::En), report(Lang::Fr));
        assert_eq!(english.subject, "shop.example: week of 9 to 15 March 2026");
        assert_eq!(french.subject, "shop.example\u{202f}: semaine du 9\u{a0}au 15\u{a0}mars 2026");
        for text in [&english.text, &english.html] {
            for part in ["1,500", "+50%", "12,340", "+3%", "40%", "2:05 min", "+0\u{a0}points", "unsubscribe?key=1"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        for text in [&french.text, &french.html] {
            for part in ["1\u{202f}500", "+50\u{202f}%", "à la dizaine", "Se désabonner"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }

    #[test]
    fn a_page_s_name_cannot_write_html() {
        let letter = report(Lang::En);
        assert!(letter.html.contains("/&lt;b&gt;a") && !letter.html.contains("<b>"));
    }

    #[test]
    fn changes_are_rounded_to_the_nearest_percent() {
        let of = |now, before| change(Metric::Visits, Some(now), Some(before), Lang::En);
        assert_eq!([of(104, 100), of(996, 1_000), of(994, 1_000), of(0, 10)], ["+4%", "+0%", "−1%", "−100%"]);
        assert_eq!(of(5, 0), "");
    }
}
