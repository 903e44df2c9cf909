//! The two kinds of PATCH (vendors/superoffice.md §4.6).

use serde_json::{Map, Value};

/// Why a patch is not applied.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A `test` found another value there.
    Mismatch(String),
    /// The patch itself is wrong.
    Bad(String),
}

/// The hook after the patch. An array is a JSON Patch, an object a merge patch.
pub(crate) fn apply(hook: &Map<String, Value>, patch: &Value) -> Result<Value, Failure> {
    let mut whole = Value::Object(hook.clone());
    match patch {
        Value::Array(operations) => {
            for operation in operations {
                step(&mut whole, operation)?;
            }
        }
        Value::Object(changes) => {
            for (given, change) in changes {
                let name = spelled(hook, given);
                merge_member(&mut whole[&name], change);
            }
        }
        _ => return Err(Failure::Bad("a patch is an array or an object".to_owned())),
    }
    Ok(whole)
}

/// An object where a list is expected is added to it; maps are merged, all else is replaced.
fn merge_member(present: &mut Value, change: &Value) {
    match (present, change) {
        (Value::Array(items), Value::Object(_) | Value::String(_)) => items.push(change.clone()),
        (present @ Value::Object(_), Value::Object(_)) => crate::world::merge(present, change),
        (present, change) => *present = change.clone(),
    }
}

fn step(whole: &mut Value, operation: &Value) -> Result<(), Failure> {
    let bad = |what: &str| Failure::Bad(what.to_owned());
    let word = operation["op"].as_str().ok_or_else(|| bad("an operation needs op"))?;
    let path = operation["path"].as_str().ok_or_else(|| bad("an operation needs path"))?;
    let value = operation.get("value").cloned();
    let mut parts =
        path.trim_start_matches('/').split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
    let member = parts.next().unwrap_or_default();
    let rest: Vec<String> = parts.collect();
    let members = whole.as_object_mut().ok_or_else(|| bad("there is no entity"))?;
    let member = spelled(members, &member);
    let place = members.entry(member).or_insert(Value::Null);
    let needed = || value.clone().ok_or_else(|| bad("this operation needs value"));
    match (word, rest.as_slice()) {
        ("add" | "replace", []) => *place = needed()?,
        ("remove", []) => *place = Value::Null,
        ("test", []) => check(place, &needed()?, path)?,
        ("add", [key]) => add(place, key, needed()?).map_err(Failure::Bad)?,
        ("replace", [key]) => *inside(place, key).ok_or_else(|| bad("no such path"))? = needed()?,
        ("test", [key]) => check(inside(place, key).ok_or_else(|| bad("no such path"))?, &needed()?, path)?,
        ("remove", [key]) => remove(place, key).ok_or_else(|| bad("no such path"))?,
        ("add" | "replace" | "remove" | "test", _) => return Err(bad("the path is too deep")),
        _ => return Err(bad("only add, replace, remove and test are offered")),
    }
    Ok(())
}

fn check(present: &Value, wanted: &Value, path: &str) -> Result<(), Failure> {
    if present == wanted { Ok(()) } else { Err(Failure::Mismatch(path.to_owned())) }
}

fn inside<'a>(place: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match place {
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        Value::Object(map) => map.get_mut(key),
        _ => None,
    }
}

fn add(place: &mut Value, key: &str, value: Value) -> Result<(), String> {
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    match place {
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index <= items.len());
            items.insert(index.ok_or("no such place in the list")?, value);
        }
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        _ => return Err("nothing can be added there".to_owned()),
    }
    Ok(())
}

fn remove(place: &mut Value, key: &str) -> Option<()> {
    match place {
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index < items.len())?;
            items.remove(index);
        }
        Value::Object(map) => {
            map.remove(key)?;
        }
        _ => return None,
    }
    Some(())
}

/// Paths compare without case; an unknown name is used unchanged.
fn spelled(members: &Map<String, Value>, given: &str) -> String {
    members.keys().find(|name| name.eq_ignore_ascii_case(given)).cloned().unwrap_or_else(|| given.to_owned())
}
