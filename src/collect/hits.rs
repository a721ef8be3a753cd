//! The pipeline of a hit: parse, anonymise, record, answer. Every hit ends in exactly one outcome, which is counted
//! only here. A request for two sites is two hits, which are kept together or not at all.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, ORIGIN};
use hyper::http::request::Parts;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::collect::answer;
use crate::collect::answer::{AnswerFormat, CollectResponse};
use crate::collect::client_address::TrustedProxies;
use crate::collect::formats::native::NativeEvent;
use crate::collect::headers::{HitHeaders, host_of};
use crate::collect::hit_body;
use crate::collect::server_tokens::{ReportedAgent, ServerToken, ServerTokens, is_library};
use crate::config;
use crate::event::Day;
use crate::hit_tally::HitTally;
use crate::ledger::Ledger;
use crate::observe::HitMeters;
use crate::outcome::{Dropped, Outcome, Rejection};
use crate::privacy::hit::{ClientIp, Hit, HitKind, UserAgent};
use crate::privacy::{Anonymiser, EndReason, HitEnd, HitReading, Sighting};
use crate::sites::Site;
use crate::spool::{Durable, Receipt, Unavailable};

/// The pipeline of hits, shared by all collecting threads.
pub struct HitPipeline {
    /// Turns hits into sightings.
    pub anonymiser: Arc<Anonymiser>,
    /// Records sightings in visits, journal and spool.
    pub ledger: Arc<Ledger>,
    /// Source of the time of day.
    pub clock: Arc<dyn Clock>,
    /// Resolves the client address.
    pub peers: TrustedProxies,
    /// Servers that may speak for their clients.
    pub servers: Arc<ServerTokens>,
    /// Counters of hits by outcome, and durations of requests.
    pub meters: Arc<HitMeters>,
    /// Longest body, in bytes.
    pub max_body_bytes: usize,
    /// Longest wait for a body, in seconds.
    pub request_seconds: u64,
}

/// Longest body of a server that a token in its headers proves: 500 hits of a long page and agent.
const SERVER_BODY_BYTES_MAX: usize = 1 << 20;

/// Parts of a request beside its hits.
pub(super) struct HitRequest<'r> {
    pub(super) hit_headers: HitHeaders<'r>,
    headers: &'r HeaderMap,
    peer: IpAddr,
    /// The server that its headers prove.
    pub(super) server: Option<Arc<ServerToken>>,
}

/// End of one hit, for the response.
pub(super) enum HitReply {
    Counted(Durable),
    Dropped(Dropped),
    /// With the sentence of the response, which holds no input; empty for the standard one.
    Refused(Rejection, &'static str),
}

/// A request whose hits have all ended, or with hits that wait for the disk beside the reply of the ended ones.
pub(super) enum PendingRequest<'h> {
    Ended(HitReply),
    Kept(Option<HitReply>, PendingHits<'h>),
}

/// Hits of one request in the spool, until they are durable.
pub(super) struct PendingHits<'h> {
    hits: Vec<PendingHit<'h>>,
    receipt: Receipt,
}

/// A recorded hit until its outcome is known. If the sender disconnects, the hit ends on drop as unanswered.
struct PendingHit<'h> {
    meters: &'h HitMeters,
    tally: &'h HitTally,
    site: Arc<Site>,
    day: Day,
    outcome: Outcome,
    /// The visitor got a tag.
    tagged: bool,
    /// It is a pageview.
    is_view: bool,
}

impl Drop for PendingHit<'_> {
    fn drop(&mut self) {
        self.meters.ended(Some(&self.site), self.outcome);
        self.tally.ended(&self.site.name, self.day, self.outcome);
        self.meters.viewed(&self.site, self.is_view && self.outcome.is_counted());
    }
}

impl HitPipeline {
    /// Whether the spool accepts hits now.
    pub(super) fn can_accept(&self) -> bool {
        self.ledger.spool().ready().is_ok()
    }

    /// A pipeline of these parts.
    ///
    /// # Errors
    /// Same as [`TrustedProxies::new`].
    pub fn new(
        anonymiser: Arc<Anonymiser>,
        ledger: Arc<Ledger>,
        clock: Arc<dyn Clock>,
        meters: Arc<HitMeters>,
        config: &config::CollectConfig,
    ) -> Result<Self, config::ConfigError> {
        let peers = TrustedProxies::new(config)?;
        let servers = Arc::new(ServerTokens::new(&config.server_tokens));
        let (max_body_bytes, request_seconds) = (config.max_body_bytes, config.request_seconds);
        Ok(Self { anonymiser, ledger, clock, peers, servers, meters, max_body_bytes, request_seconds })
    }

    /// Reads the headers of a request.
    pub(super) fn request<'r>(&self, headers: &'r HeaderMap, peer: IpAddr) -> HitRequest<'r> {
        let hit_headers = HitHeaders::by(headers);
        let server = hit_headers.authorization.and_then(|written| self.servers.find_bearer(written, self.clock.now()));
        HitRequest { hit_headers, headers, peer, server }
    }

    /// `POST /api/event`: one event, or a list of them.
    pub(super) async fn event(&self, head: &Parts, body: Incoming, peer: IpAddr) -> CollectResponse {
        let started = self.meters.start();
        let request = self.request(&head.headers, peer);
        let pending = match self.body(&request, body).await {
            Ok(body) => self.process(NativeEvent::parse_all(&body), &request),
            Err(refused) => PendingRequest::Ended(self.unread(refused, "")),
        };
        let answer = pending.answer(AnswerFormat::Native).await;
        self.meters.answered(started);
        answer
    }

    /// Allows the sending page to use credentials if a site is measured on its host. No answer depends on a cookie but
    /// that of the opt-out, so that other pages get `*` and learn nothing of it. Trackers send plain text, which asks
    /// for no permission, and read no answer: theirs stays as short as it was.
    pub(super) fn allow_page(&self, headers: &HeaderMap, answer: &mut CollectResponse) {
        if headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain")) {
            return;
        }
        let Some(origin) = headers.get(ORIGIN) else { return };
        let host = std::str::from_utf8(origin.as_bytes()).ok().and_then(host_of);
        if host.is_some_and(|host| self.anonymiser.sites().knows_host(host)) {
            answer::allow_origin(answer, origin);
        }
    }

    /// Response to a request in a hit's form that measures nothing.
    pub(super) fn unmeasured(&self, format: AnswerFormat) -> CollectResponse {
        self.dropped(Dropped::NotMeasured, format)
    }

    /// Counts a hit without a site as dropped; returns the response.
    pub(super) fn dropped(&self, reason: Dropped, format: AnswerFormat) -> CollectResponse {
        self.meters.received();
        self.meters.ended(None, Outcome::Dropped(reason));
        answer::dropped(reason, format)
    }

    /// Response to a hit that is shed under overload.
    pub(super) fn refuse(&self) -> CollectResponse {
        self.unread(Rejection::Unavailable, "").answer(AnswerFormat::Native)
    }

    /// All steps of a request before the wait for the disk: parsing, anonymising, recording.
    pub(super) fn process(
        &self,
        events: Result<Vec<NativeEvent<'_>>, &'static str>,
        request: &HitRequest<'_>,
    ) -> PendingRequest<'_> {
        let hit_headers = &request.hit_headers;
        let events = match events {
            Ok(events) => events,
            Err(why) => return PendingRequest::Ended(self.unread(Rejection::Malformed, why)),
        };
        if events.is_empty() {
            self.meters.received();
            self.meters.ended(None, Outcome::Dropped(Dropped::NotMeasured));
            return PendingRequest::Ended(HitReply::Dropped(Dropped::NotMeasured));
        }
        let received = self.clock.now();
        let mut sightings = Vec::with_capacity(events.len());
        let mut ended_reply: Option<HitReply> = None;
        for event in &events {
            let names: Vec<Option<&str>> = event.site_names().collect();
            let (address, agent) = self.client(event, &names, request);
            let reading = HitReading::new(Hit {
                received,
                address,
                agent,
                accept_language: hit_headers.language.or(event.language.as_deref()),
                signals: hit_headers.signals,
                sender: hit_headers.sender,
                site: names.first().copied().flatten(),
                url: &event.url,
                referrer: event.referrer.as_deref(),
                fragment_is_page: event.fragment_is_page,
                width: event.width,
                consent: event.consent,
                model: event.consent.then(|| request.model(event)).flatten(),
                kind: event.kind(),
            });
            let reading = match reading {
                Ok(reading) => reading,
                Err(ended) => {
                    self.meters.received();
                    ended_reply = Some(HitReply::deciding(ended_reply, self.end(ended, received)));
                    continue;
                }
            };
            for found in self.sites_of(&reading, &names) {
                self.meters.received();
                match found.and_then(|site| self.anonymiser.anonymise_for(&reading, site)) {
                    Ok(sighting) => sightings.push(sighting),
                    Err(ended) => ended_reply = Some(HitReply::deciding(ended_reply, self.end(ended, received))),
                }
            }
        }
        if sightings.is_empty() {
            return PendingRequest::Ended(ended_reply.unwrap_or_else(|| self.unread(Rejection::Malformed, "d: blank")));
        }
        let refused = matches!(ended_reply, Some(HitReply::Refused(..)));
        match self.keep(sightings, refused) {
            Ok(kept) => PendingRequest::Kept(ended_reply, kept),
            Err(Unavailable) => {
                PendingRequest::Ended(HitReply::deciding(ended_reply, HitReply::Refused(Rejection::Unavailable, "")))
            }
        }
    }

    /// The client that a hit counts for: the request's own, or the one that a server speaks for whose token is for all
    /// sites that the hit goes to.
    fn client<'h>(
        &self,
        event: &'h NativeEvent<'_>,
        names: &[Option<&str>],
        request: &HitRequest<'h>,
    ) -> (ClientIp, UserAgent<'h>) {
        let agent = UserAgent::new(request.hit_headers.agent);
        let reported = event.client.as_deref();
        let server = reported.map(|reported| &reported.server).or(request.server.as_ref());
        if !server.is_some_and(|server| self.speaks_for(server, &event.url, names)) {
            return (self.peers.client(request.peer, request.headers), agent);
        }
        let forwarded_address = || self.peers.client_of_server(request.peer, request.headers);
        let address = reported.and_then(|reported| reported.address).map_or_else(forwarded_address, ClientIp::new);
        let agent = match reported.map_or(&ReportedAgent::Absent, |reported| &reported.agent) {
            ReportedAgent::Named(agent) => UserAgent::new(agent),
            ReportedAgent::Unknown => UserAgent::not_logged(),
            ReportedAgent::Absent if is_library(request.hit_headers.agent) => UserAgent::not_logged(),
            ReportedAgent::Absent => agent,
        };
        (address, agent)
    }

    /// Whether `server` may speak for a client on all sites of the hit.
    fn speaks_for(&self, server: &ServerToken, url: &str, names: &[Option<&str>]) -> bool {
        let sites = self.anonymiser.sites();
        let mut known = names.iter().map(|name| match name {
            Some(name) => sites.find_id(name).cloned(),
            None => url::Url::parse(url).ok().and_then(|url| sites.find(url.host_str()?).cloned()),
        });
        known.all(|site| site.is_none_or(|site| server.speaks_for(&site)))
    }

    /// The sites that a request names, each once, by any of their hosts.
    fn sites_of(&self, reading: &HitReading<'_>, names: &[Option<&str>]) -> Vec<Result<Arc<Site>, HitEnd>> {
        let mut found: Vec<Result<Arc<Site>, HitEnd>> = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let site = self.anonymiser.known_site(reading, *name);
            let is_repeated = match &site {
                Ok(site) => found.iter().flatten().any(|known| Arc::ptr_eq(known, site)),
                Err(_) => names.get(..at).is_some_and(|before| before.contains(name)),
            };
            if !is_repeated {
                found.push(site);
            }
        }
        found
    }

    /// Keeps all hits of a request or none, since a sender that retries a rejected request must not be counted twice on
    /// any site. So none is kept if `refused` is set.
    fn keep(&self, sightings: Vec<Sighting<'_>>, refused: bool) -> Result<PendingHits<'_>, Unavailable> {
        let taken = |sighting: &Sighting<'_>| PendingHit {
            meters: &self.meters,
            tally: self.ledger.tally(),
            site: sighting.site.clone(),
            day: sighting.day,
            outcome: Outcome::Refused(Rejection::Unavailable),
            tagged: true,
            is_view: matches!(sighting.kind, HitKind::Pageview { .. }),
        };
        let mut hits: Vec<PendingHit<'_>> = sightings.iter().map(taken).collect();
        if refused {
            return Err(Unavailable);
        }
        let receipt = self.record(sightings, &mut hits)?;
        hits.iter_mut().for_each(|hit| hit.outcome = Outcome::Unanswered);
        Ok(PendingHits { hits, receipt })
    }

    /// Records all sightings in one ledger transaction, without waiting.
    fn record(&self, sightings: Vec<Sighting<'_>>, hits: &mut [PendingHit<'_>]) -> Result<Receipt, Unavailable> {
        let mut turn = self.ledger.turn()?;
        for (sighting, hit) in sightings.into_iter().zip(hits) {
            let recorded = turn.record(sighting)?;
            hit.tagged = recorded.tagged;
            self.meters.met(recorded.met);
        }
        Ok(turn.end())
    }

    /// Ends a hit that is not counted.
    fn end(&self, ended: HitEnd, received: Timestamp) -> HitReply {
        self.meters.ended(ended.site.as_ref(), ended.outcome());
        if let Some(site) = &ended.site {
            let (tally, day) = (self.ledger.tally(), site.day(received));
            tally.ended(&site.name, day, ended.outcome());
            if let Some(robot) = &ended.robot {
                tally.robot(&site.name, day, robot);
            }
        }
        match ended.why {
            EndReason::Dropped(reason) => HitReply::Dropped(reason),
            EndReason::Refused(refused, why) => HitReply::Refused(refused, why),
        }
    }

    /// Ends a hit that could not be parsed.
    pub(super) fn unread(&self, refused: Rejection, why: &'static str) -> HitReply {
        self.meters.received();
        self.meters.ended(None, Outcome::Refused(refused));
        HitReply::Refused(refused, why)
    }

    /// Reads the body, within the limits of size and time.
    pub(super) async fn body(&self, request: &HitRequest<'_>, body: Incoming) -> Result<Bytes, Rejection> {
        if request.hit_headers.encoded {
            return Err(Rejection::Unsupported);
        }
        let is_proven = request.server.is_some();
        let bytes_max = if is_proven { self.max_body_bytes.max(SERVER_BODY_BYTES_MAX) } else { self.max_body_bytes };
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(Rejection::TooLarge);
        }
        let mut reading = pin!(hit_body::read(body, bytes_max));
        // Nearly all bodies arrive with their heads: no timer is set for those.
        if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
            return read;
        }
        let read = tokio::time::timeout(Duration::from_secs(self.request_seconds), reading).await;
        read.unwrap_or(Err(Rejection::TimedOut))
    }
}

impl<'r> HitRequest<'r> {
    /// Model of the device: from the event, else from the client hint. Read for events with consent only.
    fn model<'e: 'm, 'm>(&self, event: &'e NativeEvent<'_>) -> Option<&'m str>
    where
        'r: 'm,
    {
        let hint = || std::str::from_utf8(self.headers.get("sec-ch-ua-model")?.as_bytes()).ok();
        event.model.as_deref().or_else(hint)
    }
}

impl PendingRequest<'_> {
    pub(super) async fn answer(self, format: AnswerFormat) -> CollectResponse {
        self.settled().await.answer(format)
    }

    /// Outcome of its hits, once they are durable.
    pub(super) async fn settled(self) -> HitReply {
        match self {
            Self::Ended(end) => end,
            Self::Kept(ended_reply, kept) => HitReply::deciding(ended_reply, kept.settled().await),
        }
    }
}

impl PendingHits<'_> {
    /// Waits until the spool has synced; returns the reply.
    async fn settled(self) -> HitReply {
        let Self { mut hits, receipt } = self;
        let durable = receipt.await;
        for hit in &mut hits {
            hit.outcome = match durable {
                Ok(_) if hit.tagged => Outcome::Counted,
                Ok(_) => Outcome::Untagged,
                Err(_) => Outcome::Refused(Rejection::Unavailable),
            };
        }
        durable.map_or(HitReply::Refused(Rejection::Unavailable, ""), HitReply::Counted)
    }
}

impl HitReply {
    /// The hit that decides a request's single response: a rejection, since the sender may correct or retry it, before
    /// a counted hit, before a dropped one.
    fn deciding(known: Option<Self>, other: Self) -> Self {
        match (known, other) {
            (Some(refused @ HitReply::Refused(..)), _) => refused,
            (Some(counted @ HitReply::Counted(_)), HitReply::Counted(_) | HitReply::Dropped(_)) => counted,
            (Some(dropped), HitReply::Dropped(_)) => dropped,
            (_, other) => other,
        }
    }

    pub(super) fn answer(self, format: AnswerFormat) -> CollectResponse {
        match self {
            HitReply::Counted(proof) => answer::counted(proof, format),
            HitReply::Dropped(reason) => answer::dropped(reason, format),
            HitReply::Refused(refused, why) => answer::refused(refused, why),
        }
    }
}
