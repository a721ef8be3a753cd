//! `filters`: comparisons, joined by `and`, `or` and `not`. A filter without stored figures is rejected by name.

use serde_json::{Map, Value};

use crate::console::query::countries;
use crate::console::query::vocabulary;
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension, shown};
use crate::store::report::Operator;

/// Most alternatives of one filter: more than a person picks from a list.
const VALUES_MAX: usize = 100;

/// Longest value, in bytes: the longest page that is stored.
const VALUE_BYTES_MAX: usize = 2_000;

/// Longest expression, in bytes: a list of paths fits; matching is linear, compiling is not free.
const PATTERN_BYTES_MAX: usize = 500;

/// Deepest nesting of `and`, `or` and `not`: more than any tool writes.
const DEPTH_MAX: usize = 6;

/// Most comparisons of one query: more than any page of a console shows.
const COMPARISONS_MAX: usize = 50;

/// Filters as written, with parsed dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FilterTree {
    /// One comparison of a dimension.
    Compare(Comparison),
    /// All of these filters hold.
    And(Vec<FilterTree>),
    /// At least one of these filters holds.
    Or(Vec<FilterTree>),
    /// The filter does not hold.
    Not(Box<FilterTree>),
}

/// A dimension compared with a list of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) dimension: RequestedDimension,
    pub(super) operator: Operator,
    pub(super) values: Vec<String>,
    pub(super) case_sensitive: bool,
}

impl FilterTree {
    /// All comparisons of the tree.
    pub(super) fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            FilterTree::Compare(comparison) => vec![comparison],
            FilterTree::And(parts) | FilterTree::Or(parts) => parts.iter().flat_map(FilterTree::comparisons).collect(),
            FilterTree::Not(part) => part.comparisons(),
        }
    }
}

/// Reads `filters`: all of them must hold.
pub(super) fn read(value: &Value) -> Result<Option<FilterTree>, QueryRefusal> {
    let Value::Array(list) = value else {
        return refuse("`filters` must be a list, such as [[\"is\", \"event:page\", [\"/\"]]]");
    };
    if list.is_empty() {
        return Ok(None);
    }
    let all = FilterTree::And(list.iter().map(|filter| one(filter, 0)).collect::<Result<_, _>>()?);
    if all.comparisons().len() > COMPARISONS_MAX {
        return Err(QueryRefusal(format!("`filters` takes at most {COMPARISONS_MAX} comparisons")));
    }
    Ok(Some(all))
}

fn one(value: &Value, depth: usize) -> Result<FilterTree, QueryRefusal> {
    let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let Some((Value::String(word), rest)) = parts.split_first() else {
        return refuse("a filter must be a list such as [\"is\", \"event:page\", [\"/\"]]");
    };
    if depth > DEPTH_MAX {
        return refuse("`filters` are nested too deeply");
    }
    match word.as_str() {
        "and" => Ok(FilterTree::And(several(rest, depth)?)),
        "or" => Ok(FilterTree::Or(several(rest, depth)?)),
        "not" => match rest {
            [filter] => Ok(FilterTree::Not(Box::new(one(filter, depth + 1)?))),
            _ => refuse("`not` takes one filter"),
        },
        "has_done" | "has_not_done" => {
            refuse("`has_done` is not supported: the actions of a person are never stored together")
        }
        other => compare(operator(other)?, rest),
    }
}

fn operator(word: &str) -> Result<Operator, QueryRefusal> {
    match word {
        "is" => Ok(Operator::Is),
        "is_not" => Ok(Operator::IsNot),
        "contains" => Ok(Operator::Contains),
        "contains_not" => Ok(Operator::ContainsNot),
        "matches" => Ok(Operator::Matches),
        "matches_not" => Ok(Operator::MatchesNot),
        other => Err(QueryRefusal(format!(
            "unknown filter {}; expected one of: is, is_not, contains, contains_not, matches, matches_not, and, or, not",
            shown(other)
        ))),
    }
}

fn several(rest: &[Value], depth: usize) -> Result<Vec<FilterTree>, QueryRefusal> {
    match rest {
        [Value::Array(list)] if !list.is_empty() => list.iter().map(|filter| one(filter, depth + 1)).collect(),
        _ => refuse("`and` and `or` take a list of filters"),
    }
}

fn compare(operator: Operator, rest: &[Value]) -> Result<FilterTree, QueryRefusal> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    let (name, values, modifiers) = match rest {
        [Value::String(name), Value::Array(values)] => (name, values, &*NONE),
        [Value::String(name), Value::Array(values), Value::Object(modifiers)] => (name, values, modifiers),
        _ => return refuse("a filter must name a dimension and a list of values"),
    };
    let case_sensitive = match modifiers.get("case_sensitive") {
        None => true,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => return refuse("`case_sensitive` must be true or false"),
    };
    if let Some(key) = modifiers.keys().find(|key| *key != "case_sensitive") {
        return Err(QueryRefusal(format!("unknown modifier {}; expected: case_sensitive", shown(key))));
    }
    if name == "segment" {
        return refuse("`segment` is not supported: segments are not saved; write the filters themselves");
    }
    let dimension = vocabulary::dimension(name)?;
    if let RequestedDimension::Time(_) = dimension {
        return refuse("filter time by `date_range`");
    }
    let values = alternatives(values, operator)?;
    if dimension == RequestedDimension::CountryName {
        let (operator, values) = countries::by_code(operator, &values, case_sensitive)?;
        let dimension = dimension.stored();
        return Ok(FilterTree::Compare(Comparison { dimension, operator, values, case_sensitive: true }));
    }
    Ok(FilterTree::Compare(Comparison { dimension, operator, values, case_sensitive }))
}

fn alternatives(values: &[Value], operator: Operator) -> Result<Vec<String>, QueryRefusal> {
    if values.is_empty() || values.len() > VALUES_MAX {
        return Err(QueryRefusal(format!("a filter takes 1 to {VALUES_MAX} values")));
    }
    let is_pattern = matches!(operator, Operator::Matches | Operator::MatchesNot);
    let longest = if is_pattern { PATTERN_BYTES_MAX } else { VALUE_BYTES_MAX };
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
    fn filters_nest_and_every_comparison_is_found() {
        let page = json!(["is", "event:page", ["/"], { "case_sensitive": false }]);
        let country = json!(["contains_not", "visit:country", ["FR", "DE"]]);
        let tree = read(&json!([["or", [page, ["not", country]]]])).unwrap().unwrap();
        let comparisons = tree.comparisons();
        assert_eq!(comparisons.len(), 2);
        assert!(!comparisons[0].case_sensitive && comparisons[1].case_sensitive);
        assert_eq!(comparisons[1].operator, Operator::ContainsNot);
        assert_eq!(read(&json!([])).unwrap(), None);
    }

    #[test]
    fn a_filter_that_cannot_be_answered_is_refused() {
        let mut deep = json!(["is", "event:page", ["/"]]);
        for _ in 0..8 {
            deep = json!(["not", deep]);
        }
        let many = vec![json!(["is", "event:page", ["/"]]); 51];
        for wrong in [
            json!("x"),
            json!([[]]),
            json!([["is"]]),
            json!([["is", "event:page"]]),
            json!([["is", "event:page", []]]),
            json!([["is", "event:page", [1]]]),
            json!([["is", "event:page", "/"]]),
            json!([["is", "event:page", ["/"], { "case_sensitive": "no" }]]),
            json!([["is", "event:page", ["/"], { "case": false }]]),
            json!([["is", "time", ["2026-03-10"]]]),
            json!([["is", "segment", [7]]]),
            json!([["or", []]]),
            json!([["not", []]]),
            json!([["has_done", ["is", "event:name", ["x"]]]]),
            json!([["is", "user:id", ["1"]]]),
            json!([["matches", "event:page", ["a".repeat(501)]]]),
            json!([deep]),
            json!(many),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
