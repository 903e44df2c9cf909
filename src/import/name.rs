//! Names for the objects: short, readable, and the same for each import.

use super::Before;
use crate::plan::Observed;
use crate::vendor::Described;
use std::collections::{BTreeMap, BTreeSet};

/// The longest name in characters, which is that of a label value.
pub(super) const LONGEST: usize = 63;

/// Returns a free name for each. If several would have the same name, or one that is taken, the vendor's id is added to all of them,
/// so that no name depends on the order. A subscription whose id a Webhook has already keeps that Webhook's name: it is the same
/// object.
pub(super) fn names(before: &Before<'_>, described: &[(&Observed, Described)]) -> Vec<String> {
    let here = before.existing.iter().filter(|w| w.metadata.namespace.as_deref() == Some(before.namespace));
    let mut taken = before.taken.clone();
    taken.extend(here.clone().filter_map(|w| w.metadata.name.clone()));
    let declared = |observed: &Observed| {
        let mut owners = here.clone().filter(|w| super::reuse::has_id_of(before, w, observed));
        owners.find_map(|w| w.metadata.name.clone())
    };
    let titles: Vec<String> = described.iter().map(|(_, described)| slug(&described.title)).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for title in &titles {
        *count.entry(title).or_default() += 1;
    }
    let mut names: Vec<Option<String>> = Vec::new();
    let mut kept = BTreeSet::new();
    for ((observed, _), title) in described.iter().zip(&titles) {
        let alone = !title.is_empty() && count.get(title.as_str()) == Some(&1) && !taken.contains(title);
        let own = declared(observed).filter(|name| kept.insert(name.clone()));
        names.push(own.or_else(|| alone.then(|| title.clone())));
    }
    taken.extend(names.iter().flatten().cloned());
    let all = described.iter().zip(&titles).zip(names);
    all.map(|(((observed, _), title), name)| {
        name.unwrap_or_else(|| {
            let title = if title.is_empty() { before.vendor.as_str() } else { title };
            let name = free(title, &slug(observed.id.as_str()), &taken);
            taken.insert(name.clone());
            name
        })
    })
    .collect()
}

/// Returns the title with the id, and with a number if that is taken.
fn free(title: &str, id: &str, taken: &BTreeSet<String>) -> String {
    let mut name = join(title, id);
    for number in 2_u64.. {
        if !taken.contains(&name) {
            break;
        }
        name = join(title, &format!("{id}-{number}"));
    }
    name
}

fn join(title: &str, end: &str) -> String {
    let end = &end[end.len().saturating_sub(LONGEST - 2)..];
    let room = LONGEST - 1 - end.len();
    let title = title[..title.len().min(room)].trim_end_matches('-');
    [title, end].join("-").trim_matches('-').to_owned()
}

/// Converts a title to lower-case letters, digits, and single hyphens between them.
pub(super) fn slug(title: &str) -> String {
    let mut slug = String::new();
    for letter in title.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == LONGEST {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_label() {
        let cases = [
            ("product.modified hooks.example.com", "product-modified-hooks-example-com"),
            ("  Blick-Schroeder (EU)! ", "blick-schroeder-eu"),
            ("在庫", ""),
            ("Łódź 1", "d-1"),
        ];
        for (title, name) in cases {
            assert_eq!(slug(title), name, "{title}");
        }
        let long = slug(&"ab ".repeat(40));
        assert!(long.len() <= LONGEST && long.ends_with('b'), "{long}");
    }

    #[test]
    fn an_id_always_fits_behind_a_name() {
        let long = "a".repeat(LONGEST);
        for id in ["7", "3a7ce8e3-9c9f-4242-be20-35edb29c4a07", &long] {
            let name = join(&long, id);
            assert!(name.len() <= LONGEST && name.starts_with('a'), "{name}");
        }
        let taken = BTreeSet::from(["a-7".to_owned()]);
        assert_eq!(free("a", "7", &taken), "a-7-2");
    }
}
