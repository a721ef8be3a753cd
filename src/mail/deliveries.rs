//! The record of deliveries, so that no mail is sent twice: a small file in the data folder, rewritten before and after
//! each sending. Must hold no address: a recipient stands in it as a keyed hash.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Attempts of one mail or webhook: with growing pauses some three days.
const ATTEMPTS_MAX: u32 = 24;

/// First pause after a failed attempt; each further one is twice as long.
const PAUSE_FIRST: SignedDuration = SignedDuration::from_mins(1);

/// Longest pause between two attempts.
const PAUSE_MAX: SignedDuration = SignedDuration::from_hours(4);

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeliveryState {
    /// Its last attempt failed; another follows.
    Waiting,
    /// It was being handed over. A program that ended there does not send again: twice is worse than once too few.
    Handed,
    /// Taken by the server.
    Sent,
    /// Rejected for good, or tried too often.
    GivenUp,
    /// Not worth a mail: the first period of a new recipient, without a figure.
    Passed,
}

/// The last delivery to one recipient about one matter.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DeliveryRecord {
    /// Which period or alert, such as `weekly 2026-03-15`.
    of: String,
    state: DeliveryState,
    attempts: u32,
    /// Seconds since 1970 from which the next attempt is due.
    next: i64,
}

/// State of one alert of one site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AlertRecord {
    /// The hour or day examined last.
    #[serde(alias = "looked")]
    pub(super) last_period: String,
    /// Where the alert holds: since when, and its figures.
    pub(super) raised: Option<RaisedAlert>,
    /// When it was raised last, seconds since 1970.
    pub(super) last: i64,
}

/// An alert that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RaisedAlert {
    /// The hour or day that raised it, in the site's time zone.
    pub(super) period: String,
    /// When it was raised, seconds since 1970.
    pub(super) at: i64,
    /// The published figure that raised the alert.
    pub(super) figure: i64,
    /// The usual figure that it was compared with.
    pub(super) usual: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptEnd {
    /// The server has accepted the mail, or the webhook the message.
    Sent,
    /// To be tried again.
    Failed,
    /// Never to be taken.
    Rejected,
}

#[derive(Default, Serialize, Deserialize)]
struct DeliveryFile {
    deliveries: BTreeMap<String, DeliveryRecord>,
    alerts: BTreeMap<String, AlertRecord>,
}

/// Deliveries and alerts, as the file has them.
pub(super) struct Deliveries {
    file: PathBuf,
    content: DeliveryFile,
}

impl Deliveries {
    /// Reads `file`; one that does not exist is empty.
    ///
    /// # Errors
    /// When it cannot be read, or is not ours.
    pub(super) fn open(file: PathBuf) -> io::Result<Self> {
        let content = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => DeliveryFile::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { file, content })
    }

    /// Whether a delivery to this recipient was ever noted.
    pub(super) fn knows(&self, recipient: &str) -> bool {
        self.content.deliveries.contains_key(recipient)
    }

    /// Whether `of` is to be sent to this recipient now.
    pub(super) fn is_due(&self, recipient: &str, of: &str, now: Timestamp) -> bool {
        match self.content.deliveries.get(recipient) {
            Some(record) if record.of == of => record.state == DeliveryState::Waiting && record.next <= now.as_second(),
            Some(_) | None => true,
        }
    }

    /// Notes that `of` is being handed over.
    ///
    /// # Errors
    /// When the file cannot be written: then nothing may be sent.
    pub(super) fn begin(&mut self, recipient: &str, of: &str) -> io::Result<()> {
        let attempts = self.attempts(recipient, of) + 1;
        self.note(recipient, DeliveryRecord { of: of.to_owned(), state: DeliveryState::Handed, attempts, next: 0 })
    }

    /// Notes how the attempt ended; `true` where another follows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn end(&mut self, recipient: &str, of: &str, end: AttemptEnd, now: Timestamp) -> io::Result<bool> {
        let attempts = self.attempts(recipient, of);
        let state = match end {
            AttemptEnd::Sent => DeliveryState::Sent,
            AttemptEnd::Failed if attempts < ATTEMPTS_MAX => DeliveryState::Waiting,
            AttemptEnd::Failed | AttemptEnd::Rejected => DeliveryState::GivenUp,
        };
        let next = now.saturating_add(pause_after(attempts)).unwrap_or(now).as_second();
        self.note(recipient, DeliveryRecord { of: of.to_owned(), state, attempts, next })?;
        Ok(state == DeliveryState::Waiting)
    }

    /// Notes an attempt that did not come as far as handing over.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn miss(&mut self, recipient: &str, of: &str, now: Timestamp) -> io::Result<()> {
        let attempts = self.attempts(recipient, of) + 1;
        let state = if attempts < ATTEMPTS_MAX { DeliveryState::Waiting } else { DeliveryState::GivenUp };
        let next = now.saturating_add(pause_after(attempts)).unwrap_or(now).as_second();
        self.note(recipient, DeliveryRecord { of: of.to_owned(), state, attempts, next })
    }

    /// Notes that `of` is not worth a mail.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn pass(&mut self, recipient: &str, of: &str) -> io::Result<()> {
        let record = DeliveryRecord { of: of.to_owned(), state: DeliveryState::Passed, attempts: 0, next: 0 };
        self.note(recipient, record)
    }

    /// State of an alert.
    pub(super) fn alert(&self, name: &str) -> AlertRecord {
        self.content.alerts.get(name).cloned().unwrap_or_default()
    }

    /// Records the state of an alert.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn set_alert(&mut self, name: &str, record: AlertRecord) -> io::Result<()> {
        if self.content.alerts.get(name) == Some(&record) {
            return Ok(());
        }
        self.content.alerts.insert(name.to_owned(), record);
        self.save()
    }

    /// Forgets recipients and alerts that the configuration no longer has.
    pub(super) fn keep(&mut self, recipients: &BTreeSet<String>, alerts: &BTreeSet<String>) {
        self.content.deliveries.retain(|recipient, _| recipients.contains(recipient));
        self.content.alerts.retain(|name, _| alerts.contains(name));
    }

    fn attempts(&self, recipient: &str, of: &str) -> u32 {
        let known = self.content.deliveries.get(recipient).filter(|record| record.of == of);
        known.map_or(0, |record| record.attempts)
    }

    fn note(&mut self, recipient: &str, record: DeliveryRecord) -> io::Result<()> {
        self.content.deliveries.insert(recipient.to_owned(), record);
        self.save()
    }

    fn save(&self) -> io::Result<()> {
        write_whole(&self.file, &serde_json::to_vec_pretty(&self.content).map_err(io::Error::other)?)
    }
}

fn pause_after(attempts: u32) -> SignedDuration {
    let doublings = attempts.saturating_sub(1).min(16);
    PAUSE_FIRST.checked_mul(1 << doublings).unwrap_or(PAUSE_MAX).min(PAUSE_MAX)
}

/// Replaces `file` by one with this content, or leaves it as it was.
///
/// # Errors
/// When the system refuses.
pub(super) fn write_whole(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_773_000_000 + 60 * minutes).unwrap()
    }

    #[test]
    fn a_mail_that_was_handed_over_is_not_sent_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deliveries.json");
        let mut deliveries = Deliveries::open(file.clone()).unwrap();
        assert!(deliveries.is_due("r", "weekly 1", at(0)));
        deliveries.begin("r", "weekly 1").unwrap();
        let mut deliveries = Deliveries::open(file).unwrap();
        assert!(!deliveries.is_due("r", "weekly 1", at(9_999)));
        assert!(deliveries.is_due("r", "weekly 2", at(0)));
        deliveries.begin("r", "weekly 2").unwrap();
        assert!(!deliveries.end("r", "weekly 2", AttemptEnd::Sent, at(0)).unwrap());
        assert!(!deliveries.is_due("r", "weekly 2", at(9_999)));
    }

    #[test]
    fn failed_attempts_wait_longer_each_time_and_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut deliveries = Deliveries::open(folder.path().join("deliveries.json")).unwrap();
        let (mut minute, mut attempts) = (0, 0);
        let mut times = Vec::new();
        while minute < 10_000 {
            if deliveries.is_due("r", "weekly 1", at(minute)) {
                times.push(minute);
                attempts += 1;
                deliveries.begin("r", "weekly 1").unwrap();
                deliveries.end("r", "weekly 1", AttemptEnd::Failed, at(minute)).unwrap();
            }
            minute += 1;
        }
        assert_eq!((attempts, &times[..6]), (ATTEMPTS_MAX, &[0, 1, 3, 7, 15, 31][..]));
        assert!((3_500..4_500).contains(times.last().unwrap()), "{times:?}");
    }

    #[test]
    fn a_rejected_delivery_is_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut deliveries = Deliveries::open(folder.path().join("deliveries.json")).unwrap();
        deliveries.begin("r", "weekly 1").unwrap();
        assert!(!deliveries.end("r", "weekly 1", AttemptEnd::Rejected, at(0)).unwrap());
        assert!(!deliveries.is_due("r", "weekly 1", at(9_999)));
    }
}
