//! Tokens of a reader's SQL. Ambiguous syntax is rejected (comments, escapes in names, dollar quotes, braces outside of
//! settings), so that engine and guard read every text in the same way.

use std::iter::Peekable;
use std::str::Chars;

/// Why a text is rejected: a sentence for its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) struct SqlRefusal(pub(in crate::console) &'static str);

/// One token of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SqlToken {
    /// A keyword or an unquoted name.
    Word(String),
    /// A text in single quotes, unescaped.
    Text(String),
    /// Digits, with at most one point.
    Number,
    /// Any other single character.
    Sign(char),
}

const COMMENT: SqlRefusal = SqlRefusal("comments are not allowed");

/// Splits `text` into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<SqlToken>, SqlRefusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_end().trim_end_matches(';').chars().peekable();
    while let Some(c) = rest.next() {
        let token = match c {
            c if c.is_ascii_whitespace() => continue,
            '\'' => SqlToken::Text(literal(&mut rest)?),
            '"' | '`' => SqlToken::Word(name(&mut rest, c)?),
            c if c.is_ascii_digit() => {
                while rest.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
                if rest.peek().is_some_and(|c| c.is_ascii_alphabetic() || *c == '_') {
                    return Err(SqlRefusal("numbers may have digits and one decimal point only"));
                }
                SqlToken::Number
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                // x'41', b'01': a text literal in another notation.
                if rest.peek() == Some(&'\'') {
                    return Err(SqlRefusal("a word and a quote need a space between them"));
                }
                SqlToken::Word(word)
            }
            '-' if rest.peek() == Some(&'-') => return Err(COMMENT),
            '/' if matches!(rest.peek(), Some('*' | '/')) => return Err(COMMENT),
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | '.' | '*' | '+' | '-' | '/' | '%' | '<' | '>' | '=' | '!'
            | ':' => SqlToken::Sign(c),
            _ => return Err(SqlRefusal("the query holds a character that is not allowed outside of quotes")),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

/// A text literal: quotes in it are doubled or escaped by a backslash, as in Grafana's variables. No other escape.
fn literal(rest: &mut Peekable<Chars<'_>>) -> Result<String, SqlRefusal> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(escaped @ ('\'' | '\\')) => text.push(escaped),
                Some(_) | None => return Err(SqlRefusal("only the escapes \\' and \\\\ are allowed")),
            },
            '\'' if rest.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Ok(text),
            c => text.push(c),
        }
    }
    Err(SqlRefusal("a quote is not closed"))
}

/// A quoted name: no escapes, no doubled quotes, no path characters.
fn name(rest: &mut Peekable<Chars<'_>>, quote: char) -> Result<String, SqlRefusal> {
    let mut text = String::new();
    for c in rest.by_ref() {
        match c {
            '\\' | '/' | ':' => return Err(SqlRefusal("a quoted name must not contain \\, / or :")),
            c if c == quote => {
                return if rest.peek() == Some(&quote) {
                    Err(SqlRefusal("doubled quotes are not allowed in names"))
                } else {
                    Ok(text)
                };
            }
            c => text.push(c),
        }
    }
    Err(SqlRefusal("a quote is not closed"))
}
