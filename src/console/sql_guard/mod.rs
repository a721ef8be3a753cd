//! Checks the SQL of a reader: one SELECT with known functions, or a query of a schema picker. The database decides
//! which rows it may see: its user is granted the published tables, with a filter over its sites. This guard protects
//! against the engine's other abilities, open to any user: files, addresses, time zones by path, statistics, indexes
//! past the filter. Must reject everything that it does not know.

mod tokens;
mod zones;

pub(super) use tokens::SqlRefusal;
use tokens::{SqlToken, tokens};

use crate::store::published;

/// Longest text, in bytes: a panel's query fits many times.
const TEXT_BYTES_MAX: usize = 16_384;

/// Functions and words allowed before a parenthesis, in lower case.
const CALLS: &str = "
    abs adddays addhours addmonths addweeks all and any anylast argmax argmin array arrayjoin arraymap arraysort as asc avg
    avgif between by case cast ceil ceiling coalesce concat count countif cross currentdatabase date date_trunc datediff
    datetime datetime64 desc displayname distinct else empty endswith exists exp2 extract float64 floor formatdatetime from
    fromunixtimestamp fromunixtimestamp64milli full grouparray greatest group having if ifnull in inner int64 intdiv
    interval is isnotnull isnull join lag laginframe lead leadinframe least left length like limit lower lttb match max
    maxif min minif minus modulo multiif not notempty notlike now now64 nullable nullif offset on or order outer over
    parsedatetime parsedatetimebesteffort partition position quantile quantileexactweighted quantileexactweightedif
    rank replaceall replaceone revision right round
    row_number runningdifference select splitbychar startswith string substring subtractdays subtractmonths subtractweeks
    sum sumif then timeslot timezone todate todate32 todatetime todatetime64 today todayofmonth todayofweek todayofyear
    tofloat64 tohour toint32 toint64 tointervalday tointervalhour tointervalminute tointervalmonth tointervalsecond
    tointervalweek tolastdayofmonth tolower tominute tomonday tomonth tonullable toquarter tostartofday
    tostartoffifteenminutes tostartoffiveminutes tostartofhour tostartofinterval tostartofminute tostartofmonth
    tostartofquarter tostartofweek tostartofyear tostring totimezone touint32 touint64 tounixtimestamp
    tounixtimestamp64milli toupper toweek toyear toyyyymm toyyyymmdd trim tuple tupleelement uint32 uint64 union uniq
    uniqexact untuple upper using values version when where with yesterday";

/// Words that are rejected in any place: they reach beyond the tables.
const REFUSED: &str = "
    apply columns dictionary explain file format infile information_schema into outfile s3 settings url zone";

/// Names allowed in queries about the system's tables: tables and columns, no sizes and no counts.
const OF_SYSTEM: &str = "
    and as asc by columns comment database databases default_expression default_kind desc distinct engine from in
    is_in_primary_key is_in_sorting_key like limit name not offset or order position select system table tables type
    where";

/// Checks whether `text` may be sent for a reader.
pub(super) fn check(text: &str) -> Result<(), SqlRefusal> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SqlRefusal("the query is longer than 16 384 bytes"));
    }
    let all = tokens(text)?;
    if is_listing(&all) {
        return Ok(());
    }
    if !matches!(all.first(), Some(SqlToken::Word(word)) if is_of("select with", word)) {
        return Err(SqlRefusal("write one SELECT"));
    }
    if all.iter().any(|token| is_word(token, "system")) {
        return check_system(&all);
    }
    let settings = all.iter().position(|token| is_word(token, "settings")).unwrap_or(all.len());
    let (query, settings) = all.split_at(settings);
    check_expression(query)?;
    if settings.is_empty() { Ok(()) } else { check_settings(settings) }
}

/// `SHOW DATABASES`, `SHOW TABLES FROM sillage`, `DESC TABLE sillage.page_days`: queries of the schema picker.
fn is_listing(all: &[SqlToken]) -> bool {
    let mut text = String::new();
    for token in all {
        match token {
            SqlToken::Word(word) if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                text.push_str(&format!("{} ", word.to_ascii_lowercase()));
            }
            SqlToken::Sign('.') => text.push_str(". "),
            SqlToken::Word(_) | SqlToken::Text(_) | SqlToken::Number | SqlToken::Sign(_) => return false,
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["show", "databases" | "tables"] => true,
        ["show", "tables", "from", database] => *database != "system",
        ["desc" | "describe", "table", table] | ["desc" | "describe", table] => published::table(table).is_some(),
        ["desc" | "describe", "table", _, ".", table] | ["desc" | "describe", _, ".", table] => {
            published::table(table).is_some()
        }
        _ => false,
    }
}

fn check_system(all: &[SqlToken]) -> Result<(), SqlRefusal> {
    let only_names = all.iter().all(|token| match token {
        SqlToken::Word(word) => is_of(OF_SYSTEM, word),
        SqlToken::Sign(sign) => "(),.=<>!".contains(*sign),
        SqlToken::Text(_) | SqlToken::Number => true,
    });
    if only_names {
        return Ok(());
    }
    Err(SqlRefusal("of system tables, only names and types in databases, tables and columns can be queried"))
}

/// Ad-hoc filters, at the end: `SETTINGS additional_table_filters = {'sillage.page_days': 'page = \'/\''}`. They remove
/// rows beyond the user's own filter; their text is checked like any other expression.
fn check_settings(settings: &[SqlToken]) -> Result<(), SqlRefusal> {
    const ONLY: SqlRefusal =
        SqlRefusal("only the setting `additional_table_filters` is allowed, once, at the end of the query");
    let [_, name, SqlToken::Sign('='), SqlToken::Sign('{'), pairs @ .., SqlToken::Sign('}')] = settings else {
        return Err(ONLY);
    };
    if !is_word(name, "additional_table_filters") {
        return Err(ONLY);
    }
    for pair in pairs.split(|token| *token == SqlToken::Sign(',')) {
        let [SqlToken::Text(table), SqlToken::Sign(':'), SqlToken::Text(filter)] = pair else { return Err(ONLY) };
        published::table(table.rsplit('.').next().unwrap_or_default()).ok_or(ONLY)?;
        let filter = tokens(filter)?;
        if filter.iter().any(|token| ["select", "settings", "system"].iter().any(|word| is_word(token, word))) {
            return Err(ONLY);
        }
        check_expression(&filter)?;
    }
    Ok(())
}

fn check_expression(all: &[SqlToken]) -> Result<(), SqlRefusal> {
    for (at, token) in all.iter().enumerate() {
        if matches!(token, SqlToken::Sign('{' | '}')) {
            return Err(SqlRefusal("braces are not allowed"));
        }
        let SqlToken::Word(word) = token else { continue };
        if is_of(REFUSED, word) {
            return Err(SqlRefusal(
                "the query holds a word that is not allowed here, such as EXPLAIN, FORMAT or SETTINGS",
            ));
        }
        let behind = all.get(at + 1..).unwrap_or_default();
        // A table named by a text literal is a file.
        if is_of("from join", word) && matches!(behind.first(), Some(SqlToken::Text(_))) {
            return Err(SqlRefusal("a table name must not be quoted"));
        }
        let Some((SqlToken::Sign('('), inside)) = behind.split_first() else { continue };
        if !is_of(CALLS, word) {
            return Err(SqlRefusal("the query calls a function that is not allowed"));
        }
        let arguments = arguments(inside);
        zones::check_call(word, &arguments)?;
        // A function that is named, not called, would bypass the list.
        if word.eq_ignore_ascii_case("arraymap") && !arguments.first().is_some_and(|first| is_lambda(first)) {
            return Err(SqlRefusal("`arrayMap` takes a lambda first, such as x -> x + 1"));
        }
    }
    Ok(())
}

/// The arguments of a call, up to its closing parenthesis.
fn arguments(inside: &[SqlToken]) -> Vec<&[SqlToken]> {
    let mut depth = 0_u32;
    let mut begins = 0;
    let mut found = Vec::new();
    for (at, token) in inside.iter().enumerate() {
        match token {
            SqlToken::Sign('(' | '[') => depth += 1,
            SqlToken::Sign(')' | ']') if depth > 0 => depth -= 1,
            SqlToken::Sign(')' | ']') => {
                found.extend(inside.get(begins..at).filter(|last| !last.is_empty()));
                return found;
            }
            SqlToken::Sign(',') if depth == 0 => {
                found.extend(inside.get(begins..at));
                begins = at + 1;
            }
            SqlToken::Word(_) | SqlToken::Text(_) | SqlToken::Number | SqlToken::Sign(_) => {}
        }
    }
    found.extend(inside.get(begins..));
    found
}

fn is_lambda(argument: &[SqlToken]) -> bool {
    argument.windows(2).any(|pair| matches!(pair, [SqlToken::Sign('-'), SqlToken::Sign('>')]))
}

fn is_word(token: &SqlToken, wanted: &str) -> bool {
    matches!(token, SqlToken::Word(word) if word.eq_ignore_ascii_case(wanted))
}

fn is_of(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_a_grafana_panel_is_accepted() {
        for text in [
            "SELECT displayName(), version(), revision(), timezone()",
            "SELECT toDateTime(hour, 'UTC') AS time, visitors FROM site_hours ORDER BY time DESC LIMIT 100;",
            "WITH a AS (SELECT page, visits FROM sillage.page_days) SELECT page, round(sum(visits) / 2, -1) FROM a GROUP BY page",
            "SELECT v.`page`, \"day\" FROM page_days AS v WHERE v.page IN ('/é', '/b') AND visits::Int64 >= 1.5",
            "SELECT toStartOfInterval(toDateTime(day), INTERVAL 86400 second) AS time, sum(visits) FROM site_days WHERE \
             hour >= toDateTime(1772323200) AND hour <= toDateTime(1772409600) AND day >= toDate('2026-03-01') GROUP BY time",
            "SELECT sum(visits) FROM site_days WHERE site = 'o\\'clock' OR site = 'o''clock'",
            "SELECT page FROM page_days WHERE 1=1 SETTINGS additional_table_filters={'sillage.page_days': ' page = \\'/\\' '}",
            "SELECT toHour(hour, 'Europe/Paris'), toString(hour, 'UTC'), CAST(day AS DateTime('Asia/Tokyo')) FROM site_hours",
            "SELECT DISTINCT site FROM site_days",
            "SELECT name FROM system.databases",
            "SELECT name, type FROM system.columns WHERE database = 'sillage' AND table = 'page_days' ORDER BY position",
            "SHOW DATABASES",
            "SHOW TABLES FROM `sillage`",
            "DESC TABLE \"sillage\".\"page_days\"",
            "SELECT t, groupArray((page, c)) AS a FROM (SELECT day AS t, page, sum(visits) AS c FROM page_days GROUP BY t, page) \
             GROUP BY t",
            "SELECT arrayMap(a -> (a.1, a.2 / 2), groupArray((page, visits))) FROM page_days",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn every_other_door_is_shut() {
        for text in [
            "",
            "EXPLAIN ESTIMATE SELECT 1",
            "SELECT * FROM (EXPLAIN SELECT * FROM page_days)",
            "SELECT file('/etc/passwd')",
            "SELECT FILE ('/etc/passwd')",
            "SELECT `file`('/etc/passwd')",
            "SELECT \"file\"\n('/etc/passwd')",
            "SELECT `fi\\x6ce`('/etc/passwd')",
            "SELECT page APPLY(file) FROM page_days",
            "SELECT * APPLY file FROM page_days",
            "SELECT arrayMap(file, ['/etc/passwd'])",
            "SELECT arrayMap(hostName, ['/etc/passwd'])",
            "SELECT 1/**/; SELECT 2",
            "SELECT 1 -- x\n, file('/etc/passwd')",
            "SELECT 'a\\' , file('/etc/passwd') , '",
            "SELECT 'a\\x27', file('/etc/passwd')",
            "SELECT $a$'$a$, file('/etc/passwd')",
            "SELECT x'66'",
            "SELECT 1file('/etc/passwd')",
            "SELECT 1.file('/etc/passwd')",
            "SELECT {x:String}",
            "SELECT ‘a’",
            "SELECT sleep(3)",
            "SELECT throwIf(visits = 10) FROM page_days",
            "SELECT * FROM numbers(10)",
            "SELECT * FROM merge('sillage', 'pages')",
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM default.`/etc/passwd`",
            "SELECT 1 FORMAT JSON",
            "SELECT 1 SETTINGS max_threads = 1",
            "SELECT * FROM page_days SETTINGS additional_table_filters = {'system.tables': '1'}",
            "SELECT * FROM page_days SETTINGS additional_table_filters = {'sillage.page_days': 'file(\\'/etc/passwd\\')'}",
            "SELECT * FROM page_days SETTINGS additional_table_filters = {'sillage.page_days': 'site IN (SELECT 1)'}",
            "SELECT * FROM page_days SETTINGS additional_table_filters = {'sillage.page_days': '1'}, max_threads = 1",
            "SELECT * FROM page_days SETTINGS additional_table_filters = {'sillage.page_days': '1'} UNION ALL SELECT 1",
            "SELECT * FROM system.parts",
            "SELECT * FROM system.tables",
            "SELECT name, total_rows FROM system.tables",
            "SELECT name, data_compressed_bytes FROM system.columns",
            "SELECT 1 FROM page_days WHERE page IN (SELECT name FROM system.tables)",
            "SHOW TABLES FROM system",
            "SHOW CREATE TABLE page_days",
            "DESC TABLE sillage.pages",
            "INSERT INTO pages VALUES (1)",
            "SELECT 1; DROP TABLE pages",
            "SELECT 'open",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        let long = format!("SELECT {}1", "1,".repeat(TEXT_BYTES_MAX));
        assert!(check(&long).is_err());
    }

    #[test]
    fn a_zone_is_a_known_name_in_quotes_wherever_one_is_taken() {
        for text in [
            "SELECT toDateTime(1, 'file:/dev/stdin')",
            "SELECT toDateTime(1, concat('file', ':/dev/stdin'))",
            "WITH 'file:/dev/stdin' AS z SELECT toDateTime(1, z)",
            "SELECT toDateTime(1, '/etc/passwd')",
            "SELECT toDateTime(1, '../../etc/passwd')",
            "SELECT toDateTime64(1, 3, 'file:/dev/stdin')",
            "SELECT toString(now(), 'file:/dev/stdin')",
            "SELECT now('file:/dev/stdin')",
            "SELECT formatDateTime(now(), '%Y', 'file:/dev/stdin')",
            "SELECT toStartOfInterval(now(), INTERVAL 1 day, 'file:/dev/stdin')",
            "SELECT toStartOfWeek(now(), 1, 'file:/dev/stdin')",
            "SELECT dateDiff('day', now(), now(), 'file:/dev/stdin')",
            "SELECT toYYYYMMDD(now(), 'file:/dev/stdin')",
            "SELECT parseDateTimeBestEffort('2026-03-10', 'file:/dev/stdin')",
            "SELECT fromUnixTimestamp(1, '%Y', 'file:/dev/stdin')",
            "SELECT CAST(1 AS DateTime('file:/dev/stdin'))",
            "SELECT 1::DateTime('file:/dev/stdin')",
            "SELECT CAST(1, 'DateTime(''file:/dev/stdin'')')",
            "SELECT CAST(1, 'DateTime(\\'file:/dev/stdin\\')')",
            "SELECT CAST(1, concat('DateTime(', '...'))",
            "SELECT now() AT TIME ZONE 'file:/dev/stdin'",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
