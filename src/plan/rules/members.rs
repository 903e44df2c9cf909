//! Compares members of sets and maps. A vendor or a tenant decides how many there are, so that members of large ones are never
//! compared pairwise.

use super::{Members, Rule, SecretText, Value};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

/// Up to this many values are compared pairwise, which takes less time than to spell them.
const FEW: usize = 64;

/// Removes repetitions by a set's inner rule. The first occurrence stays.
pub(super) fn distinct(inner: Rule, list: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut all: Vec<Value> = list.collect();
    if few(&all) {
        let mut kept: Vec<Value> = Vec::with_capacity(all.len());
        for value in all {
            if !kept.iter().any(|k| inner.same(k, &value)) {
                kept.push(value);
            }
        }
        return kept;
    }
    let mut seen = HashSet::with_capacity(all.len());
    all.retain(|value| seen.insert(spelled(inner, value)));
    all
}

/// Whether two sets without repetitions have the same members.
pub(super) fn same_sets(inner: Rule, a: &[Value], b: &[Value]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if few(a) && few(b) {
        return a.iter().all(|x| b.iter().any(|y| inner.same(x, y)));
    }
    let all = |set: &[Value]| {
        let mut all: Vec<_> = set.iter().map(|value| spelled(inner, value)).collect();
        all.sort_unstable();
        all
    };
    all(a) == all(b)
}

/// Whether two maps have the same members, each by the inner rule.
pub(super) fn same_maps(inner: Rule, ignore_case: bool, a: &Members, b: &Members) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (a, b) = (Names::new(a, ignore_case), Names::new(b, ignore_case));
    // Both ways, as two names that are equal but for case would find the same partner.
    let within = |a: &Names<'_>, b: &Names<'_>| {
        a.map.iter().all(|(name, x)| b.get(name).is_some_and(|(_, y)| inner.same(x, y)))
    };
    within(&a, &b) && within(&b, &a)
}

/// Returns one text for all values that are equal by a rule.
fn spelled(rule: Rule, value: &Value) -> String {
    rule.readable(value, &SecretText::expose).to_string()
}

fn few(list: &[Value]) -> bool {
    let mut left = FEW;
    list.iter().all(|value| value.fits(&mut left))
}

/// The members of a map by name, ignoring case if the rule says so.
pub(in crate::plan) struct Names<'a> {
    map: &'a Members,
    ignore_case: bool,
    /// The first member of each name in lower case. Computed when a name is not found in its own spelling.
    folded: OnceCell<HashMap<String, (&'a str, &'a Value)>>,
}

impl<'a> Names<'a> {
    pub(in crate::plan) fn new(map: &'a Members, ignore_case: bool) -> Self {
        Self { map, ignore_case, folded: OnceCell::new() }
    }

    /// Returns the member of that name. One with exactly that spelling goes first.
    pub(in crate::plan) fn get(&self, name: &str) -> Option<(&'a str, &'a Value)> {
        if let Some((name, value)) = self.map.find_index(name).ok().and_then(|at| self.map.get_indexed(at)) {
            return Some((name.as_str(), value));
        }
        if !self.ignore_case {
            return None;
        }
        let folded = self.folded.get_or_init(|| {
            let mut folded = HashMap::with_capacity(self.map.len());
            for (name, value) in self.map {
                folded.entry(name.to_lowercase()).or_insert((name.as_str(), value));
            }
            folded
        });
        folded.get(&name.to_lowercase()).copied()
    }
}
