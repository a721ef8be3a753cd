//! Fields of a JSON body, read strictly: a misspelt field or one of another type is rejected by name.

use serde_json::{Map, Value};

use crate::console::query::vocabulary::{QueryRefusal, shown};

/// Rejects unknown keys of an object.
pub(super) fn only(object: &Map<String, Value>, known: &[&str], prefix: &str) -> Result<(), QueryRefusal> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(QueryRefusal(format!(
            "unknown key {}; expected one of: {}",
            shown(&format!("{prefix}{key}")),
            known.iter().map(|key| format!("{prefix}{key}")).collect::<Vec<_>>().join(", ")
        ))),
        None => Ok(()),
    }
}

/// A list of names without repetition.
pub(super) fn distinct<T: PartialEq>(
    key: &str,
    value: Option<&Value>,
    read: impl Fn(&str) -> Result<T, QueryRefusal>,
) -> Result<Vec<T>, QueryRefusal> {
    let list = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= 20 => list,
        Some(_) => return Err(QueryRefusal(format!("`{key}` must be a short list of names"))),
    };
    let mut found = Vec::new();
    for name in list {
        let name = name.as_str().ok_or_else(|| QueryRefusal(format!("`{key}` must be a list of names")))?;
        let item = read(name)?;
        if found.contains(&item) {
            return Err(QueryRefusal(format!("`{key}` names {} twice", shown(name))));
        }
        found.push(item);
    }
    Ok(found)
}

pub(super) fn object<'a>(key: &str, value: Option<&'a Value>) -> Result<&'a Map<String, Value>, QueryRefusal> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    match value {
        None => Ok(&EMPTY),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(QueryRefusal(format!("`{key}` must be an object"))),
    }
}

pub(super) fn flag(object: &Map<String, Value>, key: &str) -> Result<bool, QueryRefusal> {
    match object.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(QueryRefusal(format!("`include.{key}` must be true or false"))),
    }
}

pub(super) fn number(
    object: &Map<String, Value>,
    key: &str,
    least: u64,
    most: u64,
) -> Result<Option<u32>, QueryRefusal> {
    let Some(value) = object.get(key) else { return Ok(None) };
    value
        .as_u64()
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| u32::try_from(number).ok())
        .map(Some)
        .ok_or_else(|| QueryRefusal(format!("`pagination.{key}` must be a whole number from {least} to {most}")))
}
