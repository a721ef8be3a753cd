//! The text of an alert, as mail and as JSON.

use maud::html;
use serde_json::{Value, json};

use crate::compliance::bilingual::{Bilingual, Lang, text};
use crate::localized::{count, moment, noun};
use crate::mail::alerts::AlertKind;
use crate::mail::deliveries::RaisedAlert;
use crate::mail::letter::{Letter, page};
use crate::store::report::Metric;

/// Inputs of an alert's text.
pub(super) struct AlertLetter<'l> {
    pub(super) site: &'l str,
    pub(super) kind: AlertKind,
    pub(super) raised: &'l RaisedAlert,
    /// Hours that it looked at; 24 for a day.
    pub(super) hours: u32,
    pub(super) lang: Lang,
}

impl AlertLetter<'_> {
    /// The mail, with a link to the console and one to unsubscribe.
    pub(super) fn letter(&self, console_url: &str, unsubscribe: &str) -> Letter {
        let (title, sentence) = (self.title(), self.sentence());
        let (console, end) = (text!("Console: ", "Console : "), text!("Unsubscribe: ", "Se désabonner : "));
        let (console, end) = (console.in_plain_text(self.lang), end.in_plain_text(self.lang));
        let text = format!("{title}\n\n{sentence}\n\n{console}{console_url}\n{end}{unsubscribe}\n");
        let body = html! { p { (sentence) } };
        Letter { html: page(&title, self.lang, &body, Some((console_url, unsubscribe))), subject: title, text }
    }

    /// The body of a webhook. `text` is the member that chat programs show.
    pub(super) fn content(&self) -> Value {
        json!({
            "text": format!("{}. {}", self.title(), self.sentence()),
            "site": self.site,
            "alert": self.kind.word(),
            "period": self.raised.period,
            "metric": self.kind.metric().name(),
            "figure": self.raised.figure,
            "usual": self.raised.usual,
        })
    }

    fn title(&self) -> String {
        let site = self.site;
        let title = match self.kind {
            AlertKind::Spike => {
                text!("{site}: many more visitors than usual", "{site} : beaucoup plus de visiteurs que d'habitude")
            }
            AlertKind::Drop => {
                text!("{site}: far fewer visitors than usual", "{site} : beaucoup moins de visiteurs que d'habitude")
            }
            AlertKind::NoTraffic => text!("{site}: no traffic", "{site} : aucun trafic"),
        };
        title.in_plain_text(self.lang)
    }

    fn sentence(&self) -> String {
        let (period, hours) = (moment(&self.raised.period, self.lang), self.hours);
        let visitors = noun(self.raised.figure, ["visitor", "visitors"], ["visiteur", "visiteurs"]);
        let (visitors, visiteurs) = (&visitors.en, &visitors.fr);
        let (span, lasted) = if hours == 1 {
            ("hour".to_owned(), "une heure".to_owned())
        } else {
            (format!("{hours} hours"), format!("{hours} heures"))
        };
        let (figure, usual) = (count(self.raised.figure, self.lang), count(self.raised.usual, self.lang));
        let sentence: Bilingual = match (self.kind, self.kind.metric()) {
            (AlertKind::Spike, _) => text!(
                "{figure} {visitors} in the hour from {period}; the usual figure is {usual}.",
                "{figure} {visiteurs} pendant l'heure qui commence le {period}, contre {usual} habituellement."
            ),
            (AlertKind::Drop, Metric::Visitors) => text!(
                "{figure} {visitors} on {period}; the usual figure is {usual}.",
                "{figure} {visiteurs} le {period}, contre {usual} habituellement."
            ),
            (AlertKind::Drop | AlertKind::NoTraffic, _) => text!(
                "No pageviews in the {span} up to the one from {period}; the usual figure is {usual}. Check \
                 that the pages still have the script and that the proxy forwards its requests.",
                "Aucune page vue pendant {lasted}, jusqu'à celle qui commence le {period}, contre {usual} habituellement. \
                 Vérifiez que les pages contiennent toujours le script et que le serveur mandataire transmet ses \
                 requêtes."
            ),
        };
        sentence.in_plain_text(self.lang)
    }
}
