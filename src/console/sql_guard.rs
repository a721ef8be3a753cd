//! Which SQL a reader may send: one SELECT over the report views, each naming a site of the reader's, with functions
//! that reckon and nothing else. Must let nothing through that it does not know: the engine's own `file()` reads every
//! file that its process can, EXPLAIN and statistics count stored rows, and neither can be forbidden there.
//!
//! What cannot be read in one way only is refused (comments, escapes in names, dollar quotes, braces), so that the
//! engine can find nothing in a text that this did not.

use std::iter::Peekable;
use std::str::Chars;

/// Longest text: a panel's query fits many times.
const TEXT_BYTES_MAX: usize = 16_384;

/// Functions and words that may stand before a parenthesis, in small letters.
const CALLS: &str = "
    abs adddays addmonths addweeks all and any anylast array as asc avg between by case cast ceil ceiling coalesce concat
    count countif cross datediff desc displayname distinct else empty endswith exists extract floor formatdatetime from
    fromunixtimestamp fromunixtimestamp64milli full greatest group having if ifnull in inner intdiv interval is isnotnull
    isnull join lag laginframe lead leadinframe least left length like limit lower match max min minus modulo multiif not
    notempty notlike now nullif offset on or order outer over parsedatetime parsedatetimebesteffort partition position
    rank replaceall replaceone revision right round row_number select splitbychar startswith substring sum sumif then
    todate todatetime todatetime64 today tofloat64 toint64 tointervalday tointervalhour tointervalmonth tointervalweek
    tolower tomonday tomonth tostartofday tostartofhour tostartofinterval tostartofmonth tostartofweek tostartofyear
    tostring touint64 tounixtimestamp tounixtimestamp64milli toupper toyear toyyyymm toyyyymmdd trim tuple timezone union
    upper using version when where with yesterday";

/// Words that open another door wherever they stand.
const REFUSED: &str = "
    apply columns dictionary explain file format infile information_schema into outfile s3 settings system url";

/// Why a text is not sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SqlRefusal {
    /// It is no such SELECT; the sentence is for whoever wrote it.
    Text(&'static str),
    /// It names a site that may not be read.
    Site,
}

#[derive(Debug, PartialEq)]
enum SqlToken {
    Word(String),
    Text(String),
    Number,
    Sign(char),
}

/// Whether `text` may be sent for a reader of the sites that `reads` names.
pub(super) fn check(text: &str, reads: impl Fn(&str) -> bool) -> Result<(), SqlRefusal> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SqlRefusal::Text("the query is longer than 16 384 bytes"));
    }
    let tokens = tokens(text)?;
    let is = |list: &str, word: &str| {
        let word = word.to_ascii_lowercase();
        list.split_ascii_whitespace().any(|known| known == word)
    };
    if !matches!(tokens.first(), Some(SqlToken::Word(word)) if is("select with", word)) {
        return Err(SqlRefusal::Text("write one SELECT"));
    }
    for (at, token) in tokens.iter().enumerate() {
        let SqlToken::Word(word) = token else { continue };
        if is(REFUSED, word) {
            return Err(SqlRefusal::Text(
                "the query holds a word that is not allowed here, such as EXPLAIN, FORMAT or SETTINGS",
            ));
        }
        let behind = tokens.get(at + 1..).unwrap_or_default();
        let Some((SqlToken::Sign('('), arguments)) = behind.split_first() else { continue };
        if word.starts_with("report_") {
            let site = site_of(arguments)
                .ok_or(SqlRefusal::Text("each view takes `site = '…'`, once, with a name in quotes"))?;
            if !reads(site) {
                return Err(SqlRefusal::Site);
            }
        } else if !is(CALLS, word) {
            return Err(SqlRefusal::Text(
                "the query calls a function that is not on the list of those that may be called",
            ));
        }
    }
    Ok(())
}

/// The one site that the arguments of a view name.
fn site_of(arguments: &[SqlToken]) -> Option<&str> {
    let mut depth = 1;
    let mut site = None;
    for (at, token) in arguments.iter().enumerate() {
        match token {
            SqlToken::Sign('(') => depth += 1,
            SqlToken::Sign(')') => depth -= 1,
            SqlToken::Word(word) if word.eq_ignore_ascii_case("site") => match arguments.get(at + 1..at + 4)? {
                [SqlToken::Sign('='), SqlToken::Text(name), SqlToken::Sign(',' | ')')]
                    if site.is_none() && depth == 1 =>
                {
                    site = Some(name.as_str());
                }
                _ => return None,
            },
            SqlToken::Word(_) | SqlToken::Text(_) | SqlToken::Number | SqlToken::Sign(_) => {}
        }
        if depth == 0 {
            return site;
        }
    }
    None
}

fn tokens(text: &str) -> Result<Vec<SqlToken>, SqlRefusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_end().trim_end_matches(';').chars().peekable();
    while let Some(c) = rest.next() {
        let token = match c {
            c if c.is_ascii_whitespace() => continue,
            '\'' => SqlToken::Text(quoted(&mut rest, '\'')?),
            '"' | '`' => SqlToken::Word(quoted(&mut rest, c)?),
            c if c.is_ascii_digit() => {
                while rest.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
                if rest.peek().is_some_and(|c| c.is_ascii_alphabetic() || *c == '_') {
                    return Err(SqlRefusal::Text("write numbers in digits, with a point at most"));
                }
                SqlToken::Number
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                // x'41', b'01': a text in another spelling.
                if rest.peek() == Some(&'\'') {
                    return Err(SqlRefusal::Text("a word and a quote need a space between them"));
                }
                SqlToken::Word(word)
            }
            '-' if rest.peek() == Some(&'-') => return Err(COMMENT),
            '/' if matches!(rest.peek(), Some('*' | '/')) => return Err(COMMENT),
            '(' | ')' | '[' | ']' | ',' | '.' | '*' | '+' | '-' | '/' | '%' | '<' | '>' | '=' | '!' | ':' => {
                SqlToken::Sign(c)
            }
            _ => return Err(SqlRefusal::Text("the query holds a character that is not allowed outside of quotes")),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

const COMMENT: SqlRefusal = SqlRefusal::Text("leave comments out");

/// What stands up to the next quote. Neither escapes nor doubled quotes: engines differ in how they read them.
fn quoted(rest: &mut Peekable<Chars<'_>>, quote: char) -> Result<String, SqlRefusal> {
    let mut text = String::new();
    for c in rest.by_ref() {
        match c {
            '\\' => return Err(SqlRefusal::Text("leave backslashes out")),
            c if c == quote => {
                return if rest.peek() == Some(&quote) {
                    Err(SqlRefusal::Text("leave doubled quotes out"))
                } else {
                    Ok(text)
                };
            }
            c => text.push(c),
        }
    }
    Err(SqlRefusal::Text("a quote is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = "report_pages(site = 'shop.example', from = '2026-03-10', pages = [])";

    fn checked(text: &str) -> Result<(), SqlRefusal> {
        check(&text.replace("{view}", VIEW), |site| site == "shop.example")
    }

    #[test]
    fn what_a_panel_asks_is_let_through() {
        for text in [
            "SELECT displayName(), version(), revision(), timezone()",
            "SELECT toDateTime(time, 'UTC') AS time, visitors FROM {view} ORDER BY time DESC LIMIT 100;",
            "WITH a AS (SELECT page, visits FROM sillage.{view}) SELECT page, round(sum(visits) / 2, -1) FROM a GROUP BY page",
            "SELECT v.`page`, \"time\" FROM {view} AS v WHERE v.page IN ('/é', '/b') AND visits::Int64 >= 1.5",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn every_other_door_is_shut() {
        for text in [
            "",
            "EXPLAIN ESTIMATE SELECT 1",
            "SELECT * FROM (EXPLAIN SELECT * FROM {view})",
            "SELECT file('/etc/passwd')",
            "SELECT FILE ('/etc/passwd')",
            "SELECT `file`('/etc/passwd')",
            "SELECT \"file\"\n('/etc/passwd')",
            "SELECT `fi\\x6ce`('/etc/passwd')",
            "SELECT page APPLY(file) FROM {view}",
            "SELECT * APPLY file FROM {view}",
            "SELECT arrayMap(file, ['/etc/passwd'])",
            "SELECT 1/**/; SELECT 2",
            "SELECT 1 -- x\n, file('/etc/passwd')",
            "SELECT 'a\\' , file('/etc/passwd') , '",
            "SELECT 'a'' , file('/etc/passwd') , '",
            "SELECT $a$'$a$, file('/etc/passwd')",
            "SELECT x'66'",
            "SELECT 1file('/etc/passwd')",
            "SELECT 1.file('/etc/passwd')",
            "SELECT {x:String}",
            "SELECT ‘a’",
            "SELECT sleep(3)",
            "SELECT throwIf(visits = 10) FROM {view}",
            "SELECT * FROM numbers(10)",
            "SELECT * FROM merge('sillage', 'pages')",
            "SELECT 1 FORMAT JSON",
            "SELECT 1 SETTINGS max_threads = 1",
            "SELECT * FROM system.parts",
            "INSERT INTO pages VALUES (1)",
            "SELECT 1; DROP TABLE pages",
            "SELECT 'open",
            "SELECT * FROM report_pages(from = '2026-03-10')",
            "SELECT * FROM report_pages(site = 'shop.example', site = 'shop.example')",
            "SELECT * FROM report_pages(site = concat('other', '.example'))",
            "SELECT * FROM report_pages(site = 'shop.example' OR 1)",
            "SELECT * FROM report_pages((site = 'shop.example'))",
            "SELECT * FROM report_pages(page = 'x') WHERE site = 'shop.example'",
        ] {
            assert!(matches!(checked(text), Err(SqlRefusal::Text(_))), "{text}");
        }
        let long = format!("SELECT {}1", "1,".repeat(TEXT_BYTES_MAX));
        assert!(matches!(checked(&long), Err(SqlRefusal::Text(_))));
    }

    #[test]
    fn a_site_that_may_not_be_read_is_refused_wherever_it_stands() {
        for text in [
            "SELECT * FROM report_pages(site = 'other.example')",
            "SELECT * FROM {view} UNION ALL SELECT * FROM `report_pages`(from = '2026-03-10', \"site\"='other.example')",
        ] {
            assert_eq!(checked(text), Err(SqlRefusal::Site), "{text}");
        }
    }
}
