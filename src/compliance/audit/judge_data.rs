//! Judges the database: schema, contents, rights, age.

use jiff::{Span, Unit};

use crate::compliance::audit::database::{DatabaseEvidence, ReaderEvidence, StoredEvidence};
use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::observation::{Observation, listed};
use crate::event::{Dimension, TimingMetric};
use crate::release::rules::{EXACT_DAYS_MAX, GATE, STEP};
use crate::store::former::FORMER_TABLES;
use crate::store::published;

/// Expired rows are deleted by the next merge of their part: within hours; an engine that was off catches up.
const GRACE_DAYS: i64 = 7;
/// Longest retention that the criteria allow, in months.
const MONTHS_MAX: u32 = 25;
/// Smallest rounding that the criteria allow.
const ROUNDING_MIN: u32 = 10;

const MIGRATE: &str = "find the program that changed the database; move your own tables elsewhere, and run `sillage \
                       migrate`";
const UNREAD: &str = "The tables differ from schema/; fix the differences listed in R2, and run the audit again.";

/// The stored contents; where they could not be read, a note says so.
fn stored<'e>(evidence: &'e Evidence, look: &mut Observation) -> Option<&'e StoredEvidence> {
    let stored = evidence.database.stored.as_ref();
    if stored.is_none() {
        look.person(UNREAD);
    }
    stored
}

pub(super) fn audience_only(evidence: &Evidence, look: &mut Observation) {
    let database = &evidence.database;
    look.none(
        &database.elsewhere,
        "objects outside the database read its figures",
        "drop them, or note in the register why these figures are needed there and which people see them",
        format!("no object outside the database `{}` reads it", database.name),
    );
    match &database.others {
        Some(others) if others.is_empty() => look.fact("no other user of the server may read its tables"),
        Some(others) => look.person(format!(
            "Other users of this ClickHouse may read the tables ({}): make sure that they belong to its operator and \
             do not use the figures for other purposes.",
            others.join(", ")
        )),
        None => look.person(
            "Ask the ClickHouse administrator which users can read the tables; the program's user \
                             cannot list them.",
        ),
    }
}

pub(super) fn anonymous_only(evidence: &Evidence, look: &mut Observation) {
    let database = &evidence.database;
    let declared = &database.declared;
    let known = |name: &String| {
        is_former(name)
            || declared.tables.iter().any(|table| table.name == *name)
            || declared.views.iter().any(|view| view.name == *name)
    };
    let more: Vec<String> =
        database.tables.iter().map(|table| table.name.clone()).filter(|name| !known(name)).collect();
    look.none(
        &more,
        "the database has tables or views that schema/ does not declare",
        MIGRATE,
        format!("{} tables and {} views, as declared", declared.tables.len(), declared.views.len()),
    );
    for table in database.tables.iter().filter(|table| is_former(&table.name)) {
        if let Some((rows, oldest)) = table.oldest {
            let found = format!("{} holds {rows} exact rows of an earlier release, since {oldest}", table.name);
            look.fault(found, "run `sillage migrate`: it releases them and drops the table");
        }
    }
    let names = declared.tables.iter().map(|table| &table.name).chain(declared.views.iter().map(|view| &view.name));
    let missing: Vec<String> = names.filter(|name| database.table(name).is_none()).cloned().collect();
    if !missing.is_empty() {
        look.fault(format!("missing: {}", missing.join(", ")), "run `sillage migrate`");
    }
    let mut columns = 0;
    for table in &declared.tables {
        let Some(live) = database.table(&table.name) else { continue };
        columns += table.columns.len();
        if live.columns != table.columns {
            let other = |(name, kind): &(String, String)| format!("{name} {kind}");
            let more = live.columns.iter().filter(|column| !table.columns.contains(column)).map(other);
            let less = table.columns.iter().filter(|column| !live.columns.contains(column)).map(other);
            let (more, less): (Vec<_>, Vec<_>) = (more.collect(), less.collect());
            let found = format!(
                "the columns of {} differ from the declared ones (extra: {}; missing: {})",
                table.name,
                if more.is_empty() { "none".into() } else { more.join(", ") },
                if less.is_empty() { "none".into() } else { less.join(", ") },
            );
            look.fault(found, MIGRATE);
        }
    }
    look.fact(format!("{columns} columns with their declared types; none for a visitor, a visit or an address"));
    logs(evidence, look);
}

/// Whether earlier releases kept exact rows under this name; `sillage migrate` drops an empty one.
fn is_former(name: &str) -> bool {
    FORMER_TABLES.contains(&name.trim_end_matches("_local"))
}

/// With the times of inserts, the rows of small sites can be turned back into events.
fn logs(evidence: &Evidence, look: &mut Observation) {
    let database = &evidence.database;
    if !database.keeps_logs(&evidence.config) {
        return look.fact("the server has no log of queries or parts");
    }
    let names: Vec<&str> = database.logs.iter().map(|(name, _)| name.as_str()).collect();
    let found = format!("the server writes logs of its own ({})", names.join(", "));
    if evidence.config.clickhouse.is_embedded() {
        look.fault(found, "remove the logs from the engine's configuration, and drop system.*_log");
    } else {
        look.fact(found);
        look.person(
            "Set log_queries = 0 for the program's users, and a TTL of hours on part_log: the time of each insert \
             reveals single hits of small sites.",
        );
    }
}

pub(super) fn one_dimension(evidence: &Evidence, look: &mut Observation) {
    let Some(stored) = stored(evidence, look) else { return };
    let known = |name: &String| Dimension::ALL.iter().any(|dimension| dimension.name() == name);
    let unknown: Vec<String> = stored.dimensions.iter().filter(|name| !known(name)).cloned().collect();
    look.none(
        &unknown,
        "there are rows of dimensions that the program does not know",
        "delete these rows and find the program that wrote them",
        format!("dimensions stored, each separately: {}", listed(&stored.dimensions)),
    );
    let known = |name: &String| TimingMetric::ALL.iter().any(|metric| metric.name() == name);
    let unknown: Vec<String> = stored.metrics.iter().filter(|name| !known(name)).cloned().collect();
    look.none(
        &unknown,
        "timings has rows of times that the program does not know",
        "delete these rows and find the program that wrote them",
        "load times by page and hour, as buckets of a histogram",
    );
    for table in &evidence.database.declared.tables {
        let Some(live) = evidence.database.table(&table.name) else { continue };
        if live.engine != table.engine {
            let found =
                format!("{} does not sum rows: its engine is {}, not {}", table.name, live.engine, table.engine);
            look.fault(found, MIGRATE);
        }
        // These settings make a batch count once, and merge the rows of different flushes.
        for set in table.settings.iter().filter(|set| !is_set(&live.engine_full, set)) {
            look.fault(
                format!("{} lacks the declared setting {set}", table.name),
                format!("ALTER TABLE {}.{} MODIFY SETTING {set}", evidence.database.name, table.name),
            );
        }
    }
    if look.is_clean() {
        look.fact("the tables sum rows and have the declared settings: a batch that is sent twice counts once");
    }
}

fn is_set(engine: &str, set: &str) -> bool {
    let settings = engine.split_once(" SETTINGS ").map_or("", |(_, settings)| settings);
    settings.split(", ").any(|found| found == set)
}

pub(super) fn coarse_headers(evidence: &Evidence, look: &mut Observation) {
    let Some(stored) = stored(evidence, look) else { return };
    if stored.fine_versions > 0 {
        let found = format!("rows ({}) with more than the major number of a version", stored.fine_versions);
        look.fault(found, "delete these rows and find the program that wrote them");
    } else {
        look.fact("every stored version of a browser or system is a major one");
    }
    look.fact("kinds of event: presence (pageview), use of a feature (action), times (engagement, timing)");
}

pub(super) fn referrer_host(evidence: &Evidence, look: &mut Observation) {
    let Some(stored) = stored(evidence, look) else { return };
    if stored.long_referrers > 0 {
        let found = format!("rows ({}) with more than the host of a referrer", stored.long_referrers);
        look.fault(found, "delete these rows and find the program that wrote them");
    } else {
        look.fact("every stored referrer is a host");
    }
}

pub(super) fn no_finer_than_city(evidence: &Evidence, look: &mut Observation) {
    if let Some(stored) = stored(evidence, look) {
        if stored.fine_places > 0 {
            let found = format!("rows ({}) with a place that is not a country, region or city", stored.fine_places);
            look.fault(found, "delete these rows and find the program that wrote them");
        } else {
            look.fact("stored places are countries, regions and cities");
        }
    }
    look.fact("looked up with IPv4 /24 and IPv6 /48");
    let Ok(editions) = &evidence.places else { return };
    for edition in editions {
        let days = evidence.at.duration_since(edition.built).as_hours() / 24;
        let file = edition.file.file_name().unwrap_or_default().to_string_lossy();
        look.fact(format!("{file}: {}, built {}, {days} days old", edition.kind, edition.built.strftime("%Y-%m-%d")));
    }
    if editions.is_empty() {
        look.fact("no location file; places are unknown");
    }
}

pub(super) fn rounded(evidence: &Evidence, look: &mut Observation) {
    let (database, rounding) = (&evidence.database, evidence.config.privacy.protection.step());
    if rounding >= ROUNDING_MIN {
        look.fact(format!(
            "published figures are multiples of {STEP}, drawn at random; rows with fewer than {GATE} drawn visitors \
             are withheld"
        ));
        waiting_too_long(evidence, look);
    }
    match &database.reader {
        Some(reader) => reads_published_tables_only(reader, database, rounding, look),
        None => look.person(format!(
            "This ClickHouse is not run by the program: give Grafana and people a user with SELECT on {} only.",
            published::TABLES.map(|table| table.name).join(", ")
        )),
    }
}

/// Exact sums whose release never happens would be kept as exact sums.
fn waiting_too_long(evidence: &Evidence, look: &mut Observation) {
    let today = evidence.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let limit = today.saturating_sub(Span::new().days(EXACT_DAYS_MAX + GRACE_DAYS));
    let waits = |name: &str| name.starts_with("waiting_") || name.starts_with("staged_");
    for table in evidence.database.tables.iter().filter(|table| waits(&table.name)) {
        if let Some((_, oldest)) = table.oldest.filter(|(_, oldest)| *oldest < limit) {
            let found = format!("{} holds exact sums since {oldest} that have not been released", table.name);
            look.fault(found, "start `sillage serve`, and read in its log why releases fail");
        }
    }
}

fn reads_published_tables_only(
    reader: &ReaderEvidence,
    database: &DatabaseEvidence,
    rounding: u32,
    look: &mut Observation,
) {
    let wanted = |grant: &&String| {
        let table = |name: &str| **grant == format!("GRANT SELECT ON {}.{name} TO {}", database.name, reader.user);
        !published::TABLES.iter().any(|published| table(published.name))
    };
    let more: Vec<String> = reader.grants.iter().filter(wanted).cloned().collect();
    let user = &reader.user;
    look.none(
        &more,
        &format!("{user} has grants beyond the published tables"),
        "revoke it",
        format!("{user} has grants on the {} published tables only", reader.grants.len()),
    );
    look.none(
        &reader.opened,
        &format!("{user} could read"),
        "revoke the grant; only published tables may be granted",
        format!("tried as {user}: {} tables refused", reader.refused),
    );
    if !reader.silent.is_empty() {
        look.fault(
            format!("{user} cannot read {}", reader.silent.join(", ")),
            "run `sillage migrate`, or restart `sillage serve` with this configuration",
        );
    }
    match reader.counts {
        (counts, 0) => look.fact(format!(
            "tried as {user}: {counts} figures read, all multiples of their step ({rounding} of a count)"
        )),
        (counts, exact) => look.fault(
            format!("{user} read {counts} figures; {exact} are not a multiple of their step"),
            "run `sillage migrate`, or restart `sillage serve` with this configuration",
        ),
    }
}

pub(super) fn kept_no_longer(evidence: &Evidence, look: &mut Observation) {
    let months = evidence.config.privacy.retention_months;
    if months > MONTHS_MAX {
        let found = format!("privacy.retention_months is {months}");
        look.fault(found, format!("set it to {MONTHS_MAX} or less"));
    }
    let wanted = format!("TTL day + toIntervalMonth({months})");
    let today = evidence.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let limit =
        today.saturating_sub(Span::new().months(i64::from(months))).saturating_sub(Span::new().days(GRACE_DAYS));
    for table in evidence.database.declared.tables.iter().filter(|table| table.forgets) {
        let Some(live) = evidence.database.table(&table.name) else { continue };
        if !live.engine_full.contains(&wanted) {
            look.fault(
                format!("{} does not delete rows after the configured {months} months", table.name),
                "run `sillage migrate`, or restart `sillage serve`: both alter the table",
            );
        }
        match live.oldest {
            Some((rows, day)) if day < limit => look.fault(
                format!("{}: {rows} rows, the oldest of {day}, past the {months} months", table.name),
                format!(
                    "let the engine run for a day, or OPTIMIZE TABLE {}.{} FINAL",
                    evidence.database.name, table.name
                ),
            ),
            Some((rows, day)) => {
                let age = (today - day).round(jiff::SpanRound::new().largest(Unit::Month).relative(today));
                let age = age.map_or(0, |age| age.get_months());
                look.fact(format!(
                    "{}: deletes rows after {months} months; {rows} rows, oldest {day} ({age} months)",
                    table.name
                ));
            }
            None => look.fact(format!("{}: deletes rows after {months} months; empty", table.name)),
        }
    }
}

pub(super) fn each_publisher(evidence: &Evidence, look: &mut Observation) {
    let (database, config) = (&evidence.database, &evidence.config);
    let mixed = database
        .declared
        .tables
        .iter()
        .filter(|table| table.forgets)
        .filter(|table| database.table(&table.name).is_some_and(|live| live.sorting_key != table.sorting_key));
    let mixed: Vec<String> = mixed.map(|table| table.name.clone()).collect();
    look.none(
        &mixed,
        "tables whose rows are not sorted by site as declared",
        "rebuild these tables as schema/ has them",
        "every table sorts its rows by site first",
    );
    let reading_all: Vec<&str> = config
        .console
        .tokens
        .iter()
        .filter(|token| token.sites.iter().any(|site| site == "*"))
        .map(|token| token.name.as_str())
        .collect();
    if !reading_all.is_empty() && config.site.len() > 1 {
        look.person(format!(
            "Tokens that read all {} sites ({}): keep them only if one publisher is the controller of all.",
            config.site.len(),
            reading_all.join(", ")
        ));
    } else {
        look.fact(format!(
            "sites: {}, tokens: {}, each for sites of its own",
            config.site.len(),
            config.console.tokens.len()
        ));
    }
    let stored_sites = database.stored.iter().flat_map(|stored| &stored.sites);
    let unconfigured = stored_sites.filter(|name| !config.site.iter().any(|site| site.name == **name)).count();
    if unconfigured > 0 {
        look.fact(format!("sites that are no longer configured but still have rows: {unconfigured}"));
    }
}
