//! One hit's way: read, anonymised, recorded, answered. Every hit ends in exactly one outcome, noted here and nowhere
//! else. A request for two sites is two hits, which are kept together or not at all.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::REFERER;
use hyper::http::request::Parts;

use super::answer::{self, Answer, Format};
use crate::clock::Clock;
use crate::collect::client_address::Peers;
use crate::collect::formats::native::Message;
use crate::collect::formats::pixel;
use crate::collect::headers::Told;
use crate::config;
use crate::ledger::Ledger;
use crate::observe::HitMeters;
use crate::outcome::{Dropped, Outcome, Refused};
use crate::privacy::hit::{ClientIp, Hit, UserAgent};
use crate::privacy::{Anonymiser, Ended, NotCounted, Sighting};
use crate::sites::Site;
use crate::spool::{Durable, Receipt, Unavailable};

/// What a hit meets on its way.
pub struct Hits {
    /// Ends the identity.
    pub anonymiser: Arc<Anonymiser>,
    /// Visits and spool.
    pub ledger: Arc<Ledger>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Whose hit it is.
    pub peers: Peers,
    /// Where outcomes are counted.
    pub meters: Arc<HitMeters>,
    /// Longest body.
    pub max_body_bytes: usize,
    /// Longest wait for it.
    pub request_seconds: u64,
}

/// The end of one hit, for the sender.
enum End {
    Counted(Durable),
    Dropped(Dropped),
    Refused(Refused, &'static str),
}

/// A request whose sender waits for nothing any more, or for the disk alone; with what became of its other hits.
enum Begun<'h> {
    Over(End),
    Kept(Option<End>, Kept<'h>),
}

/// The hits of a request that the spool has, until it keeps them for good.
struct Kept<'h> {
    hits: Vec<Taken<'h>>,
    receipt: Receipt,
}

/// A hit on its way into the spool, until its outcome is known. When the sender leaves, nobody waits for the receipt any
/// more, and the hit ends with that.
struct Taken<'h> {
    meters: &'h HitMeters,
    site: Arc<Site>,
    outcome: Outcome,
    /// Its visitor could be tagged.
    tagged: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.meters.ended(Some(&self.site), self.outcome);
    }
}

impl Hits {
    /// From the parts that the program puts together.
    ///
    /// # Errors
    /// As [`Peers::new`].
    pub fn new(
        anonymiser: Arc<Anonymiser>,
        ledger: Arc<Ledger>,
        clock: Arc<dyn Clock>,
        meters: Arc<HitMeters>,
        config: &config::Collect,
    ) -> Result<Self, config::ConfigError> {
        let peers = Peers::new(config)?;
        let (max_body_bytes, request_seconds) = (config.max_body_bytes, config.request_seconds);
        Ok(Self { anonymiser, ledger, clock, peers, meters, max_body_bytes, request_seconds })
    }

    /// `POST /api/event`.
    pub(super) async fn event(&self, head: &Parts, body: Incoming, peer: IpAddr) -> Answer {
        let started = self.meters.start();
        let told = Told::by(&head.headers);
        let begun = match self.body(told.encoded, body).await {
            Ok(body) => self.begin(Message::parse(&body), &told, || self.peers.client(peer, &head.headers)),
            Err(refused) => Begun::Over(self.unread(refused, "")),
        };
        let answer = begun.answer(Format::Native).await;
        self.meters.answered(started);
        answer
    }

    /// `GET /pixel.gif`.
    pub(super) async fn pixel(&self, head: &Parts, peer: IpAddr) -> Answer {
        let started = self.meters.start();
        let headers = &head.headers;
        let referrer = headers.get(REFERER).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let message = pixel::parse(head.uri.query().unwrap_or_default(), referrer);
        let begun = self.begin(message, &Told::by(headers), || self.peers.client(peer, headers));
        let answer = begun.answer(Format::Pixel).await;
        self.meters.answered(started);
        answer
    }

    /// What looks like a hit and measures nothing.
    pub(super) fn unmeasured(&self, format: Format) -> Answer {
        self.meters.received();
        self.meters.ended(None, Outcome::Dropped(Dropped::NotMeasured));
        answer::dropped(Dropped::NotMeasured, format)
    }

    /// A hit that the thread has no time for.
    pub(super) fn refuse(&self) -> Answer {
        self.unread(Refused::Unavailable, "").answer(Format::Native)
    }

    /// All of a request's way but the waiting for the disk: anonymised, and counted.
    fn begin(
        &self,
        message: Result<Message<'_>, &'static str>,
        told: &Told<'_>,
        client: impl Fn() -> ClientIp,
    ) -> Begun<'_> {
        let message = match message {
            Ok(message) => message,
            Err(why) => return Begun::Over(self.unread(Refused::Malformed, why)),
        };
        let received = self.clock.now();
        let mut sightings = Vec::with_capacity(1);
        let mut over: Option<End> = None;
        for site in message.site_names() {
            self.meters.received();
            let hit = Hit {
                received,
                address: client(),
                agent: UserAgent::new(told.agent),
                accept_language: told.language,
                signals: told.signals,
                site,
                url: &message.url,
                referrer: message.referrer.as_deref(),
                fragment_is_page: message.fragment_is_page,
                width: message.width,
                consent: message.consent,
                kind: message.kind(),
            };
            match self.anonymiser.anonymise(hit) {
                Ok(sighting) => sightings.push(sighting),
                Err(ended) => over = Some(End::or_rather(over, self.end(ended))),
            }
        }
        if sightings.is_empty() {
            return Begun::Over(over.unwrap_or_else(|| self.unread(Refused::Malformed, "d: blank")));
        }
        let refused = matches!(over, Some(End::Refused(..)));
        match self.keep(sightings, refused) {
            Ok(kept) => Begun::Kept(over, kept),
            Err(Unavailable) => Begun::Over(End::or_rather(over, End::Refused(Refused::Unavailable, ""))),
        }
    }

    /// The hits of one request, kept together or not at all: who repeats what was refused must count on no site twice.
    /// So none is kept where `refused` says that the request has been.
    fn keep(&self, sightings: Vec<Sighting<'_>>, refused: bool) -> Result<Kept<'_>, Unavailable> {
        let taken = |sighting: &Sighting<'_>| Taken {
            meters: &self.meters,
            site: sighting.site.clone(),
            outcome: Outcome::Refused(Refused::Unavailable),
            tagged: true,
        };
        let mut hits: Vec<Taken<'_>> = sightings.iter().map(taken).collect();
        if refused {
            return Err(Unavailable);
        }
        let receipt = self.record(sightings, &mut hits)?;
        hits.iter_mut().for_each(|hit| hit.outcome = Outcome::Unanswered);
        Ok(Kept { hits, receipt })
    }

    /// Counts all of them in one turn, which knows no waiting.
    fn record(&self, sightings: Vec<Sighting<'_>>, hits: &mut [Taken<'_>]) -> Result<Receipt, Unavailable> {
        let mut turn = self.ledger.turn()?;
        for (sighting, hit) in sightings.into_iter().zip(hits) {
            let recorded = turn.record(sighting)?;
            hit.tagged = recorded.tagged;
            self.meters.met(recorded.met);
        }
        Ok(turn.end())
    }

    /// Ends a hit that is not counted.
    fn end(&self, ended: Ended) -> End {
        match ended.why {
            NotCounted::Dropped(reason) => {
                self.meters.ended(ended.site.as_ref(), Outcome::Dropped(reason));
                End::Dropped(reason)
            }
            NotCounted::Refused(refused, why) => {
                self.meters.ended(ended.site.as_ref(), Outcome::Refused(refused));
                End::Refused(refused, why)
            }
        }
    }

    /// Ends a hit that was never understood.
    fn unread(&self, refused: Refused, why: &'static str) -> End {
        self.meters.received();
        self.meters.ended(None, Outcome::Refused(refused));
        End::Refused(refused, why)
    }

    async fn body(&self, encoded: bool, body: Incoming) -> Result<Bytes, Refused> {
        if encoded {
            return Err(Refused::Unsupported);
        }
        if body.size_hint().lower() > self.max_body_bytes as u64 {
            return Err(Refused::TooLarge);
        }
        let mut reading = pin!(read(body, self.max_body_bytes));
        // Nearly all bodies are there with their heads: for those no timer is set.
        if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
            return read;
        }
        let read = tokio::time::timeout(Duration::from_secs(self.request_seconds), reading).await;
        read.unwrap_or(Err(Refused::TimedOut))
    }
}

impl Begun<'_> {
    async fn answer(self, format: Format) -> Answer {
        let end = match self {
            Self::Over(end) => end,
            Self::Kept(over, kept) => End::or_rather(over, kept.settled().await),
        };
        end.answer(format)
    }
}

impl Kept<'_> {
    /// Waits for the disk.
    async fn settled(self) -> End {
        let Self { mut hits, receipt } = self;
        let durable = receipt.await;
        for hit in &mut hits {
            hit.outcome = match durable {
                Ok(_) if hit.tagged => Outcome::Counted,
                Ok(_) => Outcome::Untagged,
                Err(_) => Outcome::Refused(Refused::Unavailable),
            };
        }
        durable.map_or(End::Refused(Refused::Unavailable, ""), End::Counted)
    }
}

impl End {
    /// Which of two hits' ends the one answer of their request tells: a refusal, since the sender may mend or repeat
    /// it, before a counted hit, before a dropped one.
    fn or_rather(known: Option<Self>, other: Self) -> Self {
        match (known, other) {
            (Some(refused @ End::Refused(..)), _) => refused,
            (Some(counted @ End::Counted(_)), End::Counted(_) | End::Dropped(_)) => counted,
            (Some(dropped), End::Dropped(_)) => dropped,
            (_, other) => other,
        }
    }

    fn answer(self, format: Format) -> Answer {
        match self {
            End::Counted(proof) => answer::counted(proof, format),
            End::Dropped(reason) => answer::dropped(reason, format),
            End::Refused(refused, why) => answer::refused(refused, why),
        }
    }
}

/// The whole body; one that came in one piece, as nearly all do, is not copied.
async fn read(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Refused> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::Malformed)?.into_data() else { continue };
        if first.len().max(whole.len()) + data.len() > bytes_max {
            return Err(Refused::TooLarge);
        }
        if first.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
