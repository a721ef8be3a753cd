//! The page behind a mail's unsubscribe link. It needs no token: the link's key stands for one subscription, and for
//! nothing else. A GET changes nothing, since mail filters follow links; a POST, by the page's button or by a mail
//! program (RFC 8058), ends the subscription. Must never show or take an address.

use hyper::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use maud::{DOCTYPE, Markup, html};

use crate::compliance::bilingual::{Bilingual, Lang, text};
use crate::console::reply;
use crate::console::reply::ConsoleResponse;
use crate::console::state::ConsoleState;
use crate::mail::{MailList, Subscription};

/// Path of the page; also the target of one-click unsubscribing.
pub(super) const PATH: &str = "/unsubscribe";

/// Answers a request for the page.
pub(super) fn answer(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let accepted = head.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let query = head.uri.query().unwrap_or_default();
    let lang = Lang::of_request(query, accepted);
    let key = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key");
    let key = key.map(|(_, key)| key.into_owned()).unwrap_or_default();
    let found = console.mail.as_ref().and_then(|mail| Some((mail, mail.find(&key)?)));
    let Some((mail, subscription)) = found else {
        let sentence = text!(
            "This link is not valid, or its recipient no longer receives mails.",
            "Ce lien n'est pas valide, ou son destinataire ne reçoit plus de courriels."
        );
        return page(StatusCode::NOT_FOUND, lang, &html! { p { (sentence.text(lang)) } });
    };
    if head.method != Method::POST {
        let button = text!("Unsubscribe", "Se désabonner").text(lang);
        let form = html! {
            p { (named(subscription).text(lang)) }
            form method="post" action=(format!("{PATH}?key={key}")) { button type="submit" { (button) } }
        };
        return page(StatusCode::OK, lang, &form);
    }
    if mail.end(subscription).is_err() {
        tracing::error!("mail: unsubscription not stored; check the folder `mail` in spool.dir");
        let sentence =
            text!("The unsubscription failed. Try again later.", "La désinscription a échoué. Réessayez plus tard.");
        return page(StatusCode::SERVICE_UNAVAILABLE, lang, &html! { p { (sentence.text(lang)) } });
    }
    let site = &subscription.site;
    let done = text!(
        "You are unsubscribed from these mails about {site}.",
        "Vous êtes désinscrit de ces courriels \
                                                                             concernant {site}."
    );
    page(StatusCode::OK, lang, &html! { p role="status" { (done.text(lang)) } })
}

/// Name of the subscription for the page.
fn named(subscription: &Subscription) -> Bilingual {
    let site = &subscription.site;
    match subscription.list {
        MailList::Reports => {
            text!("Weekly and monthly reports on {site}.", "Rapports hebdomadaires et mensuels sur {site}.")
        }
        MailList::Alerts => text!("Alerts about {site}.", "Alertes sur {site}."),
    }
}

fn page(status: StatusCode, lang: Lang, body: &Markup) -> ConsoleResponse {
    let title = text!("Mails of Sillage", "Courriels de Sillage").text(lang);
    let page = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="stylesheet" href="/assets/console.css";
            }
            body {
                main id="main" { section class="card gate" { h1 { (title) } (body) } }
            }
        }
    };
    let mut reply = Response::new(reply::whole(page.into_string()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    reply
}
