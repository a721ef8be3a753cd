//! Requests in the formats of other tools: which format a request speaks, and how it is answered. Their hits go the way
//! of all hits, in [`hits`](crate::collect::hits).

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::http::request::Parts;

use crate::collect::answer::{self, AnswerFormat, CollectResponse};
use crate::collect::formats::foreign::ForeignContext;
use crate::collect::formats::goatcounter::GoatCount;
use crate::collect::formats::goatcounter_api::ApiHit;
use crate::collect::formats::matomo::MatomoEvents;
use crate::collect::formats::pixel::is_mail_client;
use crate::collect::formats::{BodyFormat, ImageFormat, fathom, goatcounter, goatcounter_api, matomo, pixel, umami};
use crate::collect::hits::{HitPipeline, HitReply, HitRequest};
use crate::outcome::{Dropped, Rejection};
use crate::sites::Sites;

impl HitPipeline {
    /// A request whose hits stand in its query: the pixel, and the images of other tools.
    pub(super) async fn image(&self, format: ImageFormat, head: &Parts, peer: IpAddr) -> CollectResponse {
        let started = self.meters.start();
        let request = self.request(&head.headers, peer);
        let hit_headers = &request.hit_headers;
        let sites = self.anonymiser.sites();
        let context = self.context(&sites, &request, head);
        let query = head.uri.query().unwrap_or_default();
        let (read, answer) = match format {
            ImageFormat::Pixel if is_mail_client(hit_headers.agent) => return self.unmeasured(AnswerFormat::Pixel),
            ImageFormat::Pixel => {
                (pixel::parse(query, hit_headers.referer).map(|event| vec![event]), AnswerFormat::Pixel)
            }
            ImageFormat::GoatCounter => match goatcounter::count(query, &context) {
                Ok(GoatCount::Event(event)) => (Ok(vec![*event]), AnswerFormat::Gif),
                Ok(GoatCount::Robot) => return self.dropped(Dropped::Bot, AnswerFormat::Gif),
                Err(why) => (Err(why), AnswerFormat::Gif),
            },
            ImageFormat::Matomo => match matomo::request(query.as_bytes(), &context) {
                Ok(MatomoEvents { events, is_silent: true }) => (Ok(events), AnswerFormat::Silent),
                read => (read.map(|read| read.events), AnswerFormat::Gif),
            },
            ImageFormat::Fathom => {
                (fathom::collect(query, &context).map(|event| event.into_iter().collect()), AnswerFormat::Gif)
            }
        };
        let answer = self.process(read, &request).answer(answer).await;
        self.meters.answered(started);
        answer
    }

    /// A request whose hits stand in its body, in another tool's format.
    pub(super) async fn posted(
        &self,
        format: BodyFormat,
        head: &Parts,
        body: Incoming,
        peer: IpAddr,
    ) -> CollectResponse {
        let started = self.meters.start();
        let request = self.request(&head.headers, peer);
        let sites = self.anonymiser.sites();
        let context = self.context(&sites, &request, head);
        let body = match self.body(&request, body).await {
            Ok(body) => body,
            Err(refused) => return self.unread(refused, "").answer(AnswerFormat::Native),
        };
        let is_json = body.trim_ascii_start().starts_with(b"{");
        let (read, answer) = match format {
            BodyFormat::Umami => (umami::send(&body, &context), AnswerFormat::Umami),
            BodyFormat::UmamiBatch => {
                let read = umami::batch(&body, &context);
                let events = read.as_ref().map_or(0, Vec::len);
                (read, AnswerFormat::UmamiBatch(events))
            }
            BodyFormat::Matomo if is_json => {
                let read = matomo::bulk(&body, &context);
                let requests = read.as_ref().map_or(0, Vec::len);
                (read, AnswerFormat::MatomoBulk(requests))
            }
            BodyFormat::Matomo => {
                // Parameters may stand in both places; those of the body are added to those of the query.
                let query = head.uri.query().unwrap_or_default().as_bytes();
                let whole = [query, b"&", &*body].concat();
                return self.matomo_form(&whole, &request, &context).await;
            }
            BodyFormat::GoatCounterApi => return self.goatcounter_api(&body, &request, &context).await,
        };
        let answer = self.process(read, &request).answer(answer).await;
        self.meters.answered(started);
        answer
    }

    async fn matomo_form(
        &self,
        parameters: &[u8],
        request: &HitRequest<'_>,
        context: &ForeignContext<'_>,
    ) -> CollectResponse {
        let read = matomo::request(parameters, context);
        let is_silent = read.as_ref().is_ok_and(|read| read.is_silent);
        let answer = if is_silent { AnswerFormat::Silent } else { AnswerFormat::Gif };
        self.process(read.map(|read| read.events), request).answer(answer).await
    }

    /// Hits of a site's own server. Those that are not named in the answer were taken.
    async fn goatcounter_api(
        &self,
        body: &[u8],
        request: &HitRequest<'_>,
        context: &ForeignContext<'_>,
    ) -> CollectResponse {
        let refuse = |why: &'static str| self.unread(Rejection::Malformed, why);
        let Some(server) = &request.server else {
            refuse("");
            let why = "send `Authorization: Bearer` with a token of collect.server_tokens";
            return answer::error(StatusCode::UNAUTHORIZED, why);
        };
        let hits = match goatcounter_api::count(body, server, context) {
            Ok(hits) => hits,
            Err(why) => return refuse(why).answer(AnswerFormat::GoatCounterApi),
        };
        let (mut events, mut wrong) = (Vec::with_capacity(hits.len()), BTreeMap::new());
        for (index, hit) in hits.into_iter().enumerate() {
            match hit {
                ApiHit::Event(event) => events.push(*event),
                ApiHit::Robot => {
                    self.dropped(Dropped::Bot, AnswerFormat::GoatCounterApi);
                }
                ApiHit::Wrong(why) => {
                    refuse(why);
                    wrong.insert(index, why);
                }
            }
        }
        let is_right = wrong.is_empty();
        if events.is_empty() {
            let robots = || answer::dropped(Dropped::Bot, AnswerFormat::GoatCounterApi);
            return if is_right { robots() } else { answer::wrong_hits(&wrong) };
        }
        let reply = self.process(Ok(events), request).settled().await;
        let is_refused = matches!(reply, HitReply::Refused(..));
        if is_right || is_refused { reply.answer(AnswerFormat::GoatCounterApi) } else { answer::wrong_hits(&wrong) }
    }

    /// Parts of a request that another tool's format needs beside its parameters.
    fn context<'r>(&'r self, sites: &'r Sites, request: &HitRequest<'r>, head: &'r Parts) -> ForeignContext<'r> {
        let host = head.uri.host().or_else(|| head.headers.get(HOST).and_then(|host| host.to_str().ok()));
        ForeignContext {
            sites,
            referer: request.hit_headers.referer,
            host,
            servers: &self.servers,
            server: request.server.clone(),
            now: self.clock.now(),
        }
    }
}
