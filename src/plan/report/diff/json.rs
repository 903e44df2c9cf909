//! Compares JSON texts member by member.

use super::{Entry, one, text_lines};
use crate::api::exactly;
use crate::plan::report::visible::value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

/// Above this many pairs, moved members are not matched.
const MOST_PAIRS: usize = 4096;

/// JSON that keeps the order of members and repeated members, unlike `serde_json::Value`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Leaf(serde_json::Value),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

/// The spaces in JSON on one line.
#[derive(Clone, Copy)]
pub(super) enum Spacing {
    None,
    AfterSigns,
}

impl Json {
    /// Parses a text that is an object or a list.
    pub(super) fn container(text: &str) -> Option<Self> {
        if !text.trim_start().starts_with(['{', '[']) {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// Writes it without spaces.
    pub(super) fn tight(&self) -> String {
        self.text(Spacing::None)
    }

    pub(super) fn text(&self, spacing: Spacing) -> String {
        let mut out = String::new();
        self.write(spacing, &mut out);
        out
    }

    fn write(&self, spacing: Spacing, out: &mut String) {
        let (comma, colon) = match spacing {
            Spacing::None => (",", ":"),
            Spacing::AfterSigns => (", ", ": "),
        };
        match self {
            Self::Leaf(value) => out.push_str(&value.to_string()),
            Self::List(list) => {
                out.push('[');
                for (at, item) in list.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { comma });
                    item.write(spacing, out);
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (at, (name, item)) in map.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { comma });
                    out.push_str(&quoted(name));
                    out.push_str(colon);
                    item.write(spacing, out);
                }
                out.push('}');
            }
        }
    }

    /// Writes it over several lines, with short parts on one.
    pub(super) fn pretty(&self) -> Vec<String> {
        const SHORT: usize = 50;
        let tight = self.text(Spacing::AfterSigns);
        let (open, parts, close) = match self {
            Self::List(list) if tight.len() > SHORT => {
                ('[', list.iter().map(|item| (String::new(), item)).collect::<Vec<_>>(), ']')
            }
            Self::Map(map) if tight.len() > SHORT => {
                ('{', map.iter().map(|(name, item)| (format!("{}: ", quoted(name)), item)).collect(), '}')
            }
            Self::Leaf(_) | Self::List(_) | Self::Map(_) => return vec![tight],
        };
        let mut lines = vec![open.to_string()];
        let last = parts.len();
        for (at, (name, item)) in parts.into_iter().enumerate() {
            let mut inner: VecDeque<_> = item.pretty().into();
            if let Some(first) = inner.front_mut() {
                first.insert_str(0, &name);
            }
            if at + 1 < last
                && let Some(end) = inner.back_mut()
            {
                end.push(',');
            }
            lines.extend(inner.into_iter().map(|line| format!("  {line}")));
        }
        lines.push(close.to_string());
        lines
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether two texts of JSON are written in the same way, so that they differ in nothing but their members.
pub(super) fn same_writing(before: (&str, &Json), after: (&str, &Json)) -> bool {
    let is = |spacing| before.1.text(spacing) == before.0 && after.1.text(spacing) == after.0;
    is(Spacing::None) || is(Spacing::AfterSigns)
}

/// The differences, in order of the paths.
#[derive(Default)]
pub(super) struct Members {
    pub(super) entries: Vec<Entry>,
    /// Whether common members are in another order.
    pub(super) reordered: bool,
}

impl Members {
    pub(super) fn compare(&mut self, path: &str, before: &Json, after: &Json) {
        if before == after {
            return;
        }
        match (before, after) {
            (Json::Map(before), Json::Map(after)) => self.maps(path, before, after),
            (Json::List(before), Json::List(after)) => self.lists(path, before, after),
            (Json::Leaf(serde_json::Value::String(a)), Json::Leaf(serde_json::Value::String(b)))
                if a.contains('\n') || b.contains('\n') =>
            {
                self.entries.push(text_lines(path.to_owned(), Some(a), Some(b)));
            }
            _ => self.whole(path, before, after),
        }
    }

    fn whole(&mut self, path: &str, before: &Json, after: &Json) {
        self.entries.push(Entry::line(
            path.to_owned(),
            Some(value(&before.tight())),
            Some(value(&after.tight())),
        ));
    }

    fn only(&mut self, path: String, json: &Json, new: bool) {
        let tight = json.tight();
        self.entries.push(if new { one(path, None, Some(&tight)) } else { one(path, Some(&tight), None) });
    }

    fn maps(&mut self, path: &str, before: &[(String, Json)], after: &[(String, Json)]) {
        let index = |map: &[(String, Json)]| -> BTreeMap<String, usize> {
            map.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect()
        };
        let (had, has) = (index(before), index(after));
        if had.len() != before.len() || has.len() != after.len() {
            self.whole(path, &Json::Map(before.to_vec()), &Json::Map(after.to_vec()));
            return;
        }
        let mut last = None;
        for (name, old) in before {
            let path = member(path, name);
            match has.get(name) {
                None => self.only(path, old, false),
                Some(&at) => {
                    self.reordered |= last > Some(at);
                    last = Some(at);
                    self.compare(&path, old, &after[at].1);
                }
            }
        }
        for (name, new) in after.iter().filter(|(name, _)| !had.contains_key(name)) {
            self.only(member(path, name), new, true);
        }
    }

    /// Compares lists like sets: an item that both have is no difference, whatever its position.
    fn lists(&mut self, path: &str, before: &[Json], after: &[Json]) {
        let mut has: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
        for (at, new) in after.iter().enumerate() {
            has.entry(new.tight()).or_default().push_back(at);
        }
        let (mut gone, mut last) = (Vec::new(), None);
        let mut added = vec![true; after.len()];
        for (at, old) in before.iter().enumerate() {
            if let Some(found) = has.get_mut(&old.tight()).and_then(VecDeque::pop_front) {
                self.reordered |= last > Some(found);
                last = Some(found);
                added[found] = false;
            } else {
                gone.push(at);
            }
        }
        let mut added: Vec<_> = (0..after.len()).filter(|&at| added[at]).collect();
        let search = gone.len() * added.len() <= MOST_PAIRS;
        for at in gone {
            let old = &before[at];
            let partner = search.then(|| closest(old, after, &added)).flatten();
            if let Some(found) = partner {
                let new = added.remove(found);
                self.compare(&format!("{path}[{at}]"), old, &after[new]);
            } else {
                self.only(format!("{path}[]"), old, false);
            }
        }
        for at in added {
            self.only(format!("{path}[]"), &after[at], true);
        }
    }
}

/// Returns the position of the object that has the most members in common, if one has any.
fn closest(old: &Json, after: &[Json], candidates: &[usize]) -> Option<usize> {
    let Json::Map(old) = old else { return None };
    let common = |at: usize| match &after[at] {
        Json::Map(new) => old.iter().filter(|member| new.contains(member)).count(),
        Json::Leaf(_) | Json::List(_) => 0,
    };
    let best = candidates.iter().enumerate().map(|(place, &at)| (common(at), place));
    let best = best.max_by_key(|&(common, place)| (common, usize::MAX - place))?;
    (best.0 > 0).then_some(best.1)
}

fn member(path: &str, name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(plain) {
        format!("{path}.{name}")
    } else {
        format!("{path}[{}]", exactly(&quoted(name)))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Leaf(serde_json::Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = access.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = access.next_entry()? {
            map.push(member);
        }
        Ok(Json::Map(map))
    }
}
