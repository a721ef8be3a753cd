//! Totals of an import, for people.

use std::fmt;

use crate::event::{Event, EventKind};
use crate::import::log_line::LineFault;

/// Totals of an import, by fate of its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of lines read.
    pub lines: u64,
    /// Lines that an earlier import or an identical file has counted.
    pub counted_before: u64,
    /// Lines without a known shape.
    pub not_understood: u64,
    /// Requests without a client address.
    pub no_address: u64,
    /// Requests without a time that can be read.
    pub no_time: u64,
    /// Requests that are not pageviews: assets, other methods, other statuses.
    pub not_pages: u64,
    /// Requests to hosts of other sites.
    pub foreign_hosts: u64,
    /// Requests without an agent, in a log that has a field for it.
    pub no_agent: u64,
    /// Lines from before the retention.
    pub too_old: u64,
    /// Hits of known robots.
    pub bots: u64,
    /// Hits of visitors who object to being counted.
    pub objections: u64,
    /// Hits without the consent that the site requires: all of an access log, which has no place for it.
    pub no_consent: u64,
    /// Hits dropped for another reason: exclusion, a prefetch, a malformed page URL.
    pub left_out: u64,
    /// Number of pageviews counted.
    pub pageviews: u64,
    /// Pageviews of pages that were not found; part of `pageviews`.
    pub not_found: u64,
    /// Pageviews from a log without a field for agents, robots included; part of `pageviews`.
    pub agent_not_logged: u64,
    /// Actions, engagements and timings counted.
    pub others: u64,
    /// Visitors, counted once per day.
    pub visitors: u64,
    /// Number of visits counted.
    pub visits: u64,
    /// Visits with one pageview and no action.
    pub bounces: i64,
    /// Number of counter rows written.
    pub rows: u64,
    /// Site-local days with counted hits.
    pub days: u64,
    /// Sentences about findings that need attention; they hold no text of a line.
    pub notes: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>10} lines read", self.lines)?;
        for (number, what) in [
            (self.counted_before, "of them already counted, skipped"),
            (self.pageviews, "pageviews counted"),
            (self.not_found, "of them on pages not found"),
            (self.agent_not_logged, "of them without a user agent, which this log lacks; they include robots"),
            (self.others, "actions and engagements counted"),
            (self.visitors, "daily visitors"),
            (self.visits, "visits"),
            (self.bounces.unsigned_abs(), "of them bounces"),
            (self.days, "days"),
            (self.bots, "hits of robots, not counted"),
            (self.no_agent, "requests without a user agent, not counted"),
            (self.not_pages, "requests for other files (images, styles, redirects, errors, broken requests)"),
            (self.foreign_hosts, "requests to other hosts"),
            (self.objections, "hits of visitors who objected"),
            (self.no_consent, "hits without the consent that the site requires; only events can carry it (`c`)"),
            (self.left_out, "hits left out (excluded, prefetched, or without a page's address)"),
            (self.too_old, "lines older than the retention, skipped"),
            (self.no_address, "requests without a client address (a host name, a socket, `-`)"),
            (self.no_time, "requests without a readable time (date, hour and minute); a visit needs one"),
            (self.not_understood, "lines that could not be parsed"),
        ] {
            if number > 0 {
                writeln!(f, "{number:>10} {what}")?;
            }
        }
        write!(f, "{:>10} counter rows written", self.rows)?;
        self.notes.iter().try_for_each(|note| write!(f, "\nnote: {note}"))
    }
}

impl Summary {
    /// Adds a counted event to the totals.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        match &event.kind {
            EventKind::Pageview { new_visitor, opens_visit, not_found, beyond, .. } => {
                self.pageviews += u64::from(!beyond);
                self.visitors += u64::from(*new_visitor);
                self.visits += u64::from(*opens_visit);
                self.bounces += i64::from(*opens_visit);
                self.not_found += u64::from(*not_found);
            }
            EventKind::Action { .. } | EventKind::Engagement { .. } | EventKind::Timing { .. } => self.others += 1,
            // Not of a visitor: told as robots, objections, hits left out.
            EventKind::Robots { .. } | EventKind::Outcomes { .. } => {}
        }
        self.bounces -= event.entry.as_ref().map_or(0, |entry| i64::from(entry.unbounce));
    }

    /// Adds a line that could not be parsed.
    pub(super) fn note_fault(&mut self, fault: LineFault) {
        match fault {
            LineFault::Address => self.no_address += 1,
            LineFault::Time => self.no_time += 1,
            LineFault::Shape => self.not_understood += 1,
        }
    }

    /// Number of lines that could not be counted because of their shape.
    pub(super) fn faults(&self) -> u64 {
        self.not_understood + self.no_address + self.no_time
    }

    /// Adds the totals of a counting.
    pub(super) fn add_counted(&mut self, other: &Self) {
        self.not_understood += other.not_understood;
        self.too_old += other.too_old;
        self.bots += other.bots;
        self.objections += other.objections;
        self.no_consent += other.no_consent;
        self.left_out += other.left_out;
        self.pageviews += other.pageviews;
        self.not_found += other.not_found;
        self.agent_not_logged += other.agent_not_logged;
        self.others += other.others;
        self.visitors += other.visitors;
        self.visits += other.visits;
        self.bounces += other.bounces;
        self.rows += other.rows;
    }

    /// Adds the totals of reading one file.
    pub(super) fn add_lines(&mut self, other: &Self) {
        self.lines += other.lines;
        self.counted_before += other.counted_before;
        self.not_understood += other.not_understood;
        self.no_address += other.no_address;
        self.no_time += other.no_time;
        self.not_pages += other.not_pages;
        self.foreign_hosts += other.foreign_hosts;
        self.no_agent += other.no_agent;
        self.notes.extend(other.notes.iter().cloned());
    }
}
