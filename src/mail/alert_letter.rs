//! What an alert says, as mail and as JSON.

use maud::html;
use serde_json::{Value, json};

use crate::compliance::bilingual::{Bilingual, Lang, said};
use crate::mail::alerts::AlertKind;
use crate::mail::deliveries::RaisedAlert;
use crate::mail::letter::{Letter, count, page};
use crate::store::report::Metric;

/// What an alert is written from.
pub(super) struct AlertLetter<'l> {
    pub(super) site: &'l str,
    pub(super) kind: AlertKind,
    pub(super) raised: &'l RaisedAlert,
    /// Hours that it looked at; 24 for a day.
    pub(super) hours: u32,
    pub(super) lang: Lang,
}

impl AlertLetter<'_> {
    /// The mail.
    pub(super) fn letter(&self, console_url: &str, unsubscribe: &str) -> Letter {
        let (title, sentence) = (self.title(), self.sentence());
        let (console, end) = (said!("Console: ", "Console : "), said!("Unsubscribe: ", "Se désabonner : "));
        let (console, end) = (console.in_mail(self.lang), end.in_mail(self.lang));
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
                said!("{site}: many more visitors than usual", "{site} : bien plus de visiteurs que d'habitude")
            }
            AlertKind::Drop => {
                said!("{site}: far fewer visitors than usual", "{site} : bien moins de visiteurs que d'habitude")
            }
            AlertKind::NoTraffic => said!("{site}: no traffic", "{site} : aucun trafic"),
        };
        title.in_mail(self.lang)
    }

    fn sentence(&self) -> String {
        let (period, hours) = (&self.raised.period, self.hours);
        let (figure, usual) = (count(self.raised.figure, self.lang), count(self.raised.usual, self.lang));
        let sentence: Bilingual = match (self.kind, self.kind.metric()) {
            (AlertKind::Spike, _) => said!(
                "{figure} visitors in the hour from {period}; usual is {usual}.",
                "{figure} visiteurs pendant l'heure à partir de {period} ; d'habitude {usual}."
            ),
            (AlertKind::Drop, Metric::Visitors) => said!(
                "{figure} visitors on {period}; usual is {usual}.",
                "{figure} visiteurs le {period} ; d'habitude {usual}."
            ),
            (AlertKind::Drop | AlertKind::NoTraffic, _) => said!(
                "No pageview in the {hours} hours up to the one from {period}; usual is {usual}. Look whether the script \
                 is still on the pages and whether the proxy passes its requests on.",
                "Aucune page vue pendant les {hours} heures jusqu'à celle de {period} ; d'habitude {usual}. Vérifiez que \
                 le script est toujours sur les pages et que le mandataire transmet ses requêtes."
            ),
        };
        sentence.in_mail(self.lang)
    }
}
