//! One text for texts that differ by account: variables of the accounts in place of their values.

use super::account_values::{AccountValue, Origin};
use crate::api::variables::{Part, literal, parts};
use std::collections::HashSet;

/// How many places with a choice of variables a search visits before it gives up.
const MOST_PLACES: usize = 1_000;

/// A text in the smallest pieces that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unit {
    Char(char),
    Variable(String),
}

/// A place in all texts that a search has yet to visit.
struct Place {
    at: Vec<usize>,
    /// What the texts have in common before it.
    before: Vec<Unit>,
}

/// Returns a text whose expansion at each account is that account's text, if there is one. The texts are those of manifests, one for
/// each of `accounts`, which are indexes of the values.
pub(super) fn common_text(texts: &[&str], accounts: &[usize], values: &[AccountValue]) -> Option<String> {
    let first = texts.first()?;
    if texts.iter().all(|text| text == first) {
        return Some((*first).to_owned());
    }
    let texts: Vec<Vec<Unit>> = texts.iter().map(|text| units(text, &|_| None)).collect();
    // Names alone if they are enough, then with labels, then with annotations too.
    let enough = [Origin::Name, Origin::Label, Origin::Annotation];
    let enough = enough.map(|last| values.partition_point(|value| value.origin() <= last));
    let found = enough.into_iter().find_map(|number| search(&texts, accounts, &values[..number]))?;
    let common = written(&found);
    // A `$` in front of a variable would escape it.
    let is_reproduced = |(account, text): (&usize, &Vec<Unit>)| {
        let value = |name: &str| {
            values.iter().find(|value| value.variable == name).map(|value| value.values[*account].as_str())
        };
        units(&common, &value) == *text
    };
    accounts.iter().zip(&texts).all(is_reproduced).then_some(common)
}

/// Returns the expansion of a text without variables; `None` if it has some.
pub(super) fn expansion(text: &str) -> Option<String> {
    let plain = |part| match part {
        Part::Text(text) => Some(text),
        Part::Variable(_) => None,
    };
    parts(text).into_iter().map(plain).collect()
}

/// Splits a text, with the values of variables that have one.
fn units<'a>(text: &'a str, value: &dyn Fn(&'a str) -> Option<&'a str>) -> Vec<Unit> {
    let mut units = Vec::new();
    for part in parts(text) {
        match part {
            Part::Text(text) => units.extend(text.chars().map(Unit::Char)),
            Part::Variable(name) => match value(name) {
                Some(value) => units.extend(value.chars().map(Unit::Char)),
                None => units.push(Unit::Variable(name.to_owned())),
            },
        }
    }
    units
}

fn written(units: &[Unit]) -> String {
    let (mut written, mut plain) = (String::new(), String::new());
    for unit in units {
        match unit {
            Unit::Char(letter) => plain.push(*letter),
            Unit::Variable(name) => {
                written.push_str(&literal(&plain));
                plain.clear();
                written.extend(["$(", name, ")"]);
            }
        }
    }
    written + &literal(&plain)
}

/// Reads all texts in step: at each place, either the value of one variable follows in each of them, or the same unit. Variables are
/// tried first, in their order.
fn search(texts: &[Vec<Unit>], accounts: &[usize], values: &[AccountValue]) -> Option<Vec<Unit>> {
    let mut open = vec![Place { at: vec![0; texts.len()], before: Vec::new() }];
    let mut seen = HashSet::new();
    while let Some(Place { mut at, mut before }) = open.pop() {
        if seen.len() > MOST_PLACES {
            return None;
        }
        loop {
            if at.iter().zip(texts).all(|(at, text)| *at == text.len()) {
                return Some(before);
            }
            let fitting: Vec<_> =
                values.iter().filter(|value| follows(value, texts, &at, accounts)).collect();
            if !fitting.is_empty() && !seen.insert(at.clone()) {
                break;
            }
            let next = same_unit(texts, &at);
            let mut with = |unit: Unit, at: Vec<usize>| {
                open.push(Place { at, before: before.iter().cloned().chain([unit]).collect() });
            };
            let after_unit = || at.iter().map(|at| at + 1).collect::<Vec<_>>();
            match next {
                Some(unit) if fitting.is_empty() => {
                    before.push(unit.clone());
                    at = after_unit();
                    continue;
                }
                Some(unit) => with(unit.clone(), after_unit()),
                None => {}
            }
            for value in fitting.into_iter().rev() {
                let lengths = accounts.iter().map(|account| value.values[*account].chars().count());
                let after = at.iter().zip(lengths).map(|(at, length)| at + length).collect();
                with(Unit::Variable(value.variable.clone()), after);
            }
            break;
        }
    }
    None
}

/// Whether the value of each account follows in its text.
fn follows(value: &AccountValue, texts: &[Vec<Unit>], at: &[usize], accounts: &[usize]) -> bool {
    texts.iter().zip(at).zip(accounts).all(|((text, at), account)| {
        let mut rest = text[*at..].iter();
        value.values[*account].chars().all(|letter| rest.next() == Some(&Unit::Char(letter)))
    })
}

fn same_unit<'a>(texts: &'a [Vec<Unit>], at: &[usize]) -> Option<&'a Unit> {
    let mut units = texts.iter().zip(at).map(|(text, at)| text.get(*at));
    let first = units.next()??;
    units.all(|unit| unit == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::webhook_set::AccountField;

    fn values(all: &[(&str, &[&str])]) -> Vec<AccountValue> {
        let value = |(variable, values): &(&str, &[&str])| AccountValue {
            variable: (*variable).to_owned(),
            field: AccountField { label: None, annotation: None, name: Some(true) },
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        all.iter().map(value).collect()
    }

    #[test]
    fn values_of_the_accounts_become_variables() {
        let values = values(&[("ACCOUNT", &["hooks", "shop"]), ("CODE", &["h1", "s2"])]);
        let cases: [(&[&str], Option<&str>); 12] = [
            (&["same", "same"], Some("same")),
            (&["https://h/hooks/x", "https://h/shop/x"], Some("https://h/$(ACCOUNT)/x")),
            (&["https://h/h1", "https://h/s2"], Some("https://h/$(CODE)")),
            (&["hooks-h1 hooks", "shop-s2 shop"], Some("$(ACCOUNT)-$(CODE) $(ACCOUNT)")),
            // By chance, the name of one account is in both texts.
            (&["https://hooks/hooks", "https://hooks/shop"], Some("https://hooks/$(ACCOUNT)")),
            (&["https://hooks/x", "https://hooks/y"], None),
            (&["hooks", "hooks!"], None),
            // What is escaped stays escaped, and a variable of the manifest is no text.
            (&["$$(A) hooks $(KEY)", "$$(A) shop $(KEY)"], Some("$$(A) $(ACCOUNT) $(KEY)")),
            (&["hooks $(KEY)", "shop $$(KEY)"], None),
            // The variable would be escaped by what is in front of it.
            (&["$hooks", "$shop"], None),
            (&["hooks", ""], None),
            (&["(hooks)", "(shop)"], Some("($(ACCOUNT))")),
        ];
        for (texts, common) in cases {
            assert_eq!(common_text(texts, &[0, 1], &values).as_deref(), common, "{texts:?}");
        }
    }

    #[test]
    fn a_variable_that_leads_nowhere_is_not_used() {
        let values = values(&[("ACCOUNT", &["a", "b"]), ("LONG", &["a-1", "b-2"])]);
        assert_eq!(common_text(&["x/a-1/", "x/b-2/"], &[0, 1], &values).as_deref(), Some("x/$(LONG)/"));
        let values = self::values(&[("ACCOUNT", &["a", "aa"])]);
        let (few, many) = ("a".repeat(3_000), "a".repeat(6_001));
        assert_eq!(common_text(&[&few, &many], &[0, 1], &values), None, "the search ends");
    }

    #[test]
    fn only_a_text_without_variables_has_an_expansion() {
        assert_eq!(expansion("$$(A) $(not a name)").as_deref(), Some("$(A) $(not a name)"));
        assert_eq!(expansion("a $(B)"), None);
    }
}
