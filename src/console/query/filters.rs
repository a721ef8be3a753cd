//! `filters`: simple comparisons, all of which must hold. What the stored figures cannot answer is refused by name.

use serde_json::Value;

use crate::console::query::vocabulary;
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension, shown};
use crate::store::report::{Filter, Operator};

/// Alternatives of one filter: beyond what a person picks from a list.
const VALUES_MAX: usize = 100;

/// Bytes of one value: the longest page that is stored.
const VALUE_BYTES_MAX: usize = 2_000;

/// Bytes of one expression: long enough for a list of paths; matching is linear, compiling is not free.
const PATTERN_BYTES_MAX: usize = 500;

/// Nested `and`s: more than any tool writes.
const DEPTH_MAX: usize = 4;

/// One comparison for each dimension at most.
pub(super) type FilterSet = Vec<(RequestedDimension, Filter)>;

/// Reads `filters`.
pub(super) fn read(value: &Value) -> Result<FilterSet, QueryRefusal> {
    let Value::Array(list) = value else {
        return refuse("`filters` must be a list, such as [[\"is\", \"event:page\", [\"/\"]]]");
    };
    let mut filters = Vec::new();
    for filter in list {
        one(filter, 0, &mut filters)?;
    }
    Ok(filters)
}

fn one(value: &Value, depth: usize, filters: &mut FilterSet) -> Result<(), QueryRefusal> {
    let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let Some((Value::String(word), rest)) = parts.split_first() else {
        return refuse("a filter must be a list such as [\"is\", \"event:page\", [\"/\"]]");
    };
    let operator = match word.as_str() {
        "is" => Operator::Is,
        "is_not" => Operator::IsNot,
        "contains" => Operator::Contains,
        "matches" => Operator::Matches,
        "and" => return all(rest, depth, filters),
        "or" | "not" => {
            return refuse("`or` and `not` are not answered; a filter's list of values holds alternatives already");
        }
        other => {
            return Err(QueryRefusal(format!(
                "{} is no filter here; there are: is, is_not, contains, matches, and",
                shown(other)
            )));
        }
    };
    let [Value::String(name), Value::Array(values)] = rest else {
        return refuse("a filter must name a dimension and a list of values, nothing more");
    };
    let asked = vocabulary::dimension(name)?;
    if let RequestedDimension::Time(_) = asked {
        return refuse("time is filtered by `date_range`");
    }
    if filters.iter().any(|(earlier, _)| *earlier == asked) {
        return Err(QueryRefusal(format!("{} has two filters; write one", shown(name))));
    }
    filters.push((asked, Filter { operator, values: alternatives(values, operator)? }));
    Ok(())
}

fn all(rest: &[Value], depth: usize, filters: &mut FilterSet) -> Result<(), QueryRefusal> {
    let [Value::Array(list)] = rest else {
        return refuse("`and` takes a list of filters");
    };
    if depth == DEPTH_MAX {
        return refuse("`filters` are nested too deeply");
    }
    for filter in list {
        one(filter, depth + 1, filters)?;
    }
    Ok(())
}

fn alternatives(values: &[Value], operator: Operator) -> Result<Vec<String>, QueryRefusal> {
    if values.is_empty() || values.len() > VALUES_MAX {
        return Err(QueryRefusal(format!("a filter takes 1 to {VALUES_MAX} values")));
    }
    let longest = if operator == Operator::Matches { PATTERN_BYTES_MAX } else { VALUE_BYTES_MAX };
    let text = |value: &Value| {
        let text = value.as_str().filter(|text| text.len() <= longest && !text.contains('\0'));
        text.map(str::to_owned)
            .ok_or_else(|| QueryRefusal(format!("a value of this filter must be a text of at most {longest} bytes")))
    };
    values.iter().map(text).collect()
}

fn refuse<T>(sentence: &str) -> Result<T, QueryRefusal> {
    Err(QueryRefusal(sentence.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_and_an_and_mean_the_same() {
        let page = json!(["is", "event:page", ["/"]]);
        let country = json!(["is_not", "visit:country", ["FR", "DE"]]);
        let flat = read(&json!([page, country])).unwrap();
        assert_eq!(flat.len(), 2);
        assert_eq!(read(&json!([["and", [page, country]]])).unwrap(), flat);
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        for wrong in [
            json!("x"),
            json!([[]]),
            json!([["is"]]),
            json!([["is", "event:page"]]),
            json!([["is", "event:page", []]]),
            json!([["is", "event:page", [1]]]),
            json!([["is", "event:page", "/"]]),
            json!([["is", "event:page", ["/"], {"case_sensitive": false}]]),
            json!([["is", "time", ["2026-03-10"]]]),
            json!([["or", [["is", "event:page", ["/"]]]]]),
            json!([["not", ["is", "event:page", ["/"]]]]),
            json!([["has_done", ["is", "event:name", ["x"]]]]),
            json!([["is", "event:page", ["/"]], ["contains", "event:page", ["a"]]]),
            json!([["is", "user:id", ["1"]]]),
            json!([["matches", "event:page", ["a".repeat(501)]]]),
            json!([["and", [["and", [["and", [["and", [["and", []]]]]]]]]]]),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
