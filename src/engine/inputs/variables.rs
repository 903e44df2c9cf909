//! `$(NAME)` in the strings of a subscription, as in a container's env.

use crate::api::variables::name_at;
use crate::api::webhook::Variable;
use crate::api::{ObjectKey, Webhook};
use crate::engine::cluster::values::Value;
use crate::engine::cluster::values::Values;
use crate::engine::dependency::Dependency;
use crate::plan::{Redactor, SecretText, Usage};
use std::collections::{BTreeMap, HashMap};

/// Maximum size, in bytes, of a subscription with the values of its variables. Without a limit a small manifest could expand to
/// many times its size, in each place where it is stored, compared, shown and sent.
pub(crate) const MAX_EXPANDED: usize = 256 * 1024;
/// Each use of a variable counts as at least this many bytes, because it needs that much memory even if the value is short.
const LEAST_PER_USE: usize = 64;

/// Why the variables of a subscription cannot be expanded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpandError {
    /// A value is missing, or cannot be used there.
    #[error("{0}")]
    Missing(String),
    /// The expanded subscription would be too long.
    #[error(
        "the subscription is longer than {} KiB with the values of its variables: shorten the values, or use them less often",
        MAX_EXPANDED / 1024
    )]
    TooLarge,
}

/// The value of a variable, and where it comes from, for messages.
struct Resolved {
    value: Value,
    from: String,
}

impl Resolved {
    /// Returns why the value cannot be used there; the message does not show the value.
    fn refused(&self, usage: Usage) -> Option<String> {
        let place = usage.one_line()?;
        let found = self.value.control_character()?;
        let what = if matches!(found, '\n' | '\r') { "a line break" } else { "a control character" };
        Some(format!("{} contains {what}, which is not allowed in {place}: remove it", self.from))
    }
}

/// The variables of one Webhook.
#[derive(Default)]
pub(crate) struct Variables(HashMap<String, Resolved>);

/// Returns the Secrets and ConfigMaps that a Webhook's variables refer to.
pub(crate) fn dependencies(webhook: &Webhook) -> impl Iterator<Item = Dependency> + '_ {
    keys(webhook).map(|(from, _)| from)
}

/// Returns the keys of Secrets and ConfigMaps that a Webhook's variables refer to.
pub(crate) fn keys(webhook: &Webhook) -> impl Iterator<Item = (Dependency, &str)> + '_ {
    let namespace = webhook.metadata.namespace.as_deref().unwrap_or_default();
    webhook.spec.variables.iter().filter_map(move |variable| {
        let from = variable.value_from.as_ref()?;
        let (secret, map) = (from.secret_key_ref.as_ref(), from.config_map_key_ref.as_ref());
        secret.map(|at| (Dependency::Secret(ObjectKey::new(namespace, &at.name)), at.key.as_str())).or_else(
            || map.map(|at| (Dependency::ConfigMap(ObjectKey::new(namespace, &at.name)), at.key.as_str())),
        )
    })
}

impl Variables {
    /// Creates variables from names and values, each with whether the value is secret.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of(all: &[(&str, &str, bool)]) -> Self {
        let resolved = |value: &str, secret| {
            let value = if secret { Value::Secret(value.into()) } else { Value::Plain(value.into()) };
            Resolved { value, from: "its value".into() }
        };
        Self(all.iter().map(|(name, value, secret)| ((*name).to_owned(), resolved(value, *secret))).collect())
    }

    /// Returns the variables whose values are known.
    pub(crate) fn known(webhook: &Webhook, values: &Values) -> Self {
        let namespace = webhook.metadata.namespace.as_deref().unwrap_or_default();
        let known =
            webhook.spec.variables.iter().filter_map(|variable| {
                Some((variable.name.clone(), resolve(variable, namespace, values).ok()?))
            });
        Self(known.collect())
    }

    /// Resolves all variables.
    ///
    /// # Errors
    ///
    /// If a variable has no usable value; the message says which one, and what to do.
    pub(crate) fn resolve(webhook: &Webhook, values: &Values) -> Result<Self, String> {
        let namespace = webhook.metadata.namespace.as_deref().unwrap_or_default();
        let resolved = webhook.spec.variables.iter().map(|variable| {
            let value = resolve(variable, namespace, values)
                .map_err(|problem| of_variable(&variable.name, &problem))?;
            Ok((variable.name.clone(), value))
        });
        resolved.collect::<Result<_, String>>().map(Self)
    }

    /// Returns a redactor for every value that comes from a Secret.
    pub(crate) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        // Sorted by name, because digests are computed from redacted values.
        let sorted: BTreeMap<_, _> = self.0.iter().collect();
        for (name, value) in sorted {
            if let Value::Secret(value) = &value.value {
                redactor.hide(value, &format!("$({name})"));
            }
        }
        redactor
    }

    /// Starts the expansion of one subscription.
    pub(crate) fn expansion(&self) -> Expansion<'_> {
        Expansion { variables: self, room: MAX_EXPANDED }
    }

    /// Expands one string, as of a subscription without any other.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn expand(&self, text: &str, usage: Usage) -> Result<SecretText, ExpandError> {
        self.expansion().expand(text, usage)
    }

    fn value(&self, name: &str, usage: Usage) -> Result<&Resolved, ExpandError> {
        let resolved = self.0.get(name).ok_or_else(|| {
            ExpandError::Missing(format!(
                "$({name}) is used but not declared: add it to spec.variables, or write $$({name}) for a literal $({name})"
            ))
        })?;
        match resolved.refused(usage) {
            Some(problem) => Err(ExpandError::Missing(of_variable(name, &problem))),
            None => Ok(resolved),
        }
    }
}

/// The expansion of one subscription. Its size is limited, and counted before memory is allocated.
pub(crate) struct Expansion<'v> {
    variables: &'v Variables,
    /// How many bytes are left.
    room: usize,
}

impl Expansion<'_> {
    /// Expands a string. `$$(NAME)` becomes a literal `$(NAME)`; text that does not look like a variable stays unchanged.
    ///
    /// # Errors
    ///
    /// If a variable is not declared or its value cannot be used there; the message names the variable.
    pub(crate) fn expand(&mut self, text: &str, usage: Usage) -> Result<SecretText, ExpandError> {
        let mut expanded = SecretText::default();
        let mut rest = text;
        while let Some(at) = rest.find("$(") {
            let escaped = rest[..at].ends_with('$');
            let Some(name) = name_at(&rest[at + 2..]) else {
                self.take(at + 2)?;
                expanded.push_plain(&rest[..at + 2]);
                rest = &rest[at + 2..];
                continue;
            };
            let after = at + 2 + name.len() + 1;
            self.take(at)?;
            if escaped {
                self.take(after - at)?;
                expanded.push_plain(&rest[..at - 1]);
                expanded.push_plain(&rest[at..after]);
            } else {
                expanded.push_plain(&rest[..at]);
                let value = &self.variables.value(name, usage)?.value;
                // A redacted value is shown by its name, which may be longer.
                self.take(value.len().max(after - at).max(LEAST_PER_USE))?;
                match value {
                    Value::Plain(value) => expanded.push_plain(value),
                    Value::Secret(value) => expanded.push_secret(name, value.clone()),
                }
            }
            rest = &rest[after..];
        }
        self.take(rest.len())?;
        expanded.push_plain(rest);
        Ok(expanded)
    }

    fn take(&mut self, bytes: usize) -> Result<(), ExpandError> {
        self.room = self.room.checked_sub(bytes).ok_or(ExpandError::TooLarge)?;
        Ok(())
    }
}

fn of_variable(name: &str, problem: &str) -> String {
    format!("variable {name}: {problem}")
}

fn resolve(variable: &Variable, namespace: &str, values: &Values) -> Result<Resolved, String> {
    if let Some(value) = &variable.value {
        if value.is_empty() {
            return Err("its value is empty: set one, or remove the variable from spec.variables".into());
        }
        return Ok(Resolved { value: Value::Plain(value.clone()), from: "its value".into() });
    }
    let from = variable.value_from.as_ref().ok_or("it has neither value nor valueFrom")?;
    let (object, key) = match (&from.secret_key_ref, &from.config_map_key_ref) {
        (Some(at), _) => (Dependency::Secret(ObjectKey::new(namespace, &at.name)), &at.key),
        (None, Some(at)) => (Dependency::ConfigMap(ObjectKey::new(namespace, &at.name)), &at.key),
        (None, None) => return Err("valueFrom has neither secretKeyRef nor configMapKeyRef".into()),
    };
    Ok(Resolved { value: values.get(&object, key)?, from: format!("the key {key} of {object}") })
}

/// Returns what a Webhook declares if each of its variables without a literal value is this secret.
#[cfg(test)]
pub(crate) fn declared(webhook: &Webhook, secret: &str) -> Result<crate::plan::Document, String> {
    let of = |v: &'_ Variable| (v.name.clone(), v.value.clone().unwrap_or(secret.into()), v.value.is_none());
    let all: Vec<_> = webhook.spec.variables.iter().map(of).collect();
    let all: Vec<_> = all.iter().map(|(name, value, is_secret)| (&**name, &**value, *is_secret)).collect();
    let variables = Variables::of(&all);
    let mut expansion = variables.expansion();
    crate::vendor::desired(&webhook.spec.subscription, &mut |text, usage| expansion.expand(text, usage))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::variables::{literal, used};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_literal_text_is_expanded_to_itself(text in "[$()A a${}.1-]{0,24}") {
            let written = literal(&text);
            let expanded = Variables::default().expand(&written, Usage::Content);
            let expanded = expanded.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(expanded.expose(), text, "{}", written);
        }

        #[test]
        fn the_variables_that_are_used_are_those_that_are_missed(text in "[$()A]{0,24}") {
            let missed = Variables::default().expand(&text, Usage::Content).is_err();
            prop_assert_eq!(missed, !used(&text).is_empty());
        }
    }

    #[test]
    fn variables_are_put_in_as_in_a_containers_env() {
        let variables = Variables::of(&[("HOST", "h.example", false), ("TOKEN", "s3cret", true)]);
        let cases = [
            ("https://$(HOST)/?t=$(TOKEN)", "https://h.example/?t=s3cret", "https://h.example/?t=$(TOKEN)"),
            ("$$(HOST)", "$(HOST)", "$(HOST)"),
            ("$$$(HOST)", "$$(HOST)", "$$(HOST)"),
            (
                "${resource-id} $(not a name) $()",
                "${resource-id} $(not a name) $()",
                "${resource-id} $(not a name) $()",
            ),
            ("$(open", "$(open", "$(open"),
            ("", "", ""),
            ("é$(HOST)é", "éh.exampleé", "éh.exampleé"),
        ];
        for (text, exposed, shown) in cases {
            let expanded = variables.expand(text, Usage::Address).unwrap();
            assert_eq!(
                (expanded.expose().as_str(), expanded.redacted().as_str()),
                (exposed, shown),
                "{text}"
            );
        }
        let undeclared = variables.expand("$(NONE)", Usage::Content).unwrap_err().to_string();
        assert!(undeclared.contains("$(NONE) is used but not declared"));
    }

    #[test]
    fn a_subscription_is_bounded_before_it_is_built() {
        let long = "a".repeat(64 * 1024);
        for secret in [true, false] {
            let variables = Variables::of(&[("A", &long, secret), ("S", "s", secret)]);
            let expand = |text: &str| variables.expand(text, Usage::Content).map(|text| text.expose().len());
            assert_eq!(expand(&"$(A)".repeat(4)), Ok(MAX_EXPANDED));
            // As a text it would be 256 MiB.
            for text in
                ["$(A)".repeat(4096), "$(A)".repeat(4) + "b", "$(S)".repeat(MAX_EXPANDED / LEAST_PER_USE + 1)]
            {
                assert_eq!(expand(&text), Err(ExpandError::TooLarge), "{}", text.len());
            }
            let mut expansion = variables.expansion();
            for _ in 0..4 {
                assert!(expansion.expand("$(A)", Usage::Word).is_ok());
            }
            assert!(expansion.expand("", Usage::Word).is_ok());
            assert_eq!(
                expansion.expand("b", Usage::Word),
                Err(ExpandError::TooLarge),
                "all strings count together"
            );
        }
        let problem = ExpandError::TooLarge.to_string();
        assert!(problem.starts_with("the subscription is longer than 256 KiB with"), "{problem}");
    }

    #[test]
    fn what_goes_onto_one_line_holds_no_control_character() {
        let refused = [Usage::Address, Usage::Header, Usage::SigningKey];
        for secret in [true, false] {
            for (value, found) in [
                ("s3cret\nX-More: 1", "a line break"),
                ("s3cret\r", "a line break"),
                ("s3cret\0", "a control character"),
                ("s3\tcret", "a control character"),
            ] {
                let variables = Variables::of(&[("TOKEN", value, secret)]);
                for usage in refused {
                    let problem = variables.expand("a$(TOKEN)", usage).unwrap_err().to_string();
                    assert!(
                        problem.starts_with(&format!("variable TOKEN: its value contains {found}, ")),
                        "{problem}"
                    );
                    assert!(!problem.contains("s3"), "{problem}");
                    assert!(variables.expand("$$(TOKEN)", usage).is_ok());
                }
                for usage in [Usage::Content, Usage::Word] {
                    assert_eq!(variables.expand("a$(TOKEN)", usage).unwrap().expose(), format!("a{value}"));
                }
            }
        }
    }
}
