//! `$(NAME)` in the strings of a subscription, as in a container's env.

use super::secrets::{Dependency, Value, Values};
use crate::api::variables::name_at;
use crate::api::webhook::Variable;
use crate::api::{ObjectKey, Webhook};
use crate::plan::{Redactor, Text, Usage};
use std::collections::{BTreeMap, HashMap};

/// A variable's value, and its source for messages.
struct Resolved {
    value: Value,
    from: String,
}

impl Resolved {
    /// Returns why the value cannot be used there, without showing it.
    fn refused(&self, usage: Usage) -> Option<String> {
        let place = usage.one_line()?;
        let found = self.value.control_character()?;
        let what = if matches!(found, '\n' | '\r') { "a line break" } else { "a control character" };
        Some(format!("{} holds {what}, which is not allowed in {place}: remove it", self.from))
    }
}

/// The variables of one Webhook.
#[derive(Default)]
pub(super) struct Variables(HashMap<String, Resolved>);

/// The objects that a Webhook's variables are taken from.
pub(super) fn dependencies(webhook: &Webhook) -> impl Iterator<Item = Dependency> + '_ {
    keys(webhook).map(|(from, _)| from)
}

/// The keys of these objects that a Webhook's variables name.
pub(super) fn keys(webhook: &Webhook) -> impl Iterator<Item = (Dependency, &str)> + '_ {
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
    /// Names with their values, and whether nobody may see them.
    pub(super) fn of(all: &[(&str, &str, bool)]) -> Self {
        let resolved = |value: &str, secret| {
            let value = if secret { Value::Secret(value.into()) } else { Value::Plain(value.into()) };
            Resolved { value, from: "its value".into() }
        };
        Self(all.iter().map(|(name, value, secret)| ((*name).to_owned(), resolved(value, *secret))).collect())
    }

    /// Those of them whose value is to be had.
    pub(super) fn known(webhook: &Webhook, values: &Values) -> Self {
        let namespace = webhook.metadata.namespace.as_deref().unwrap_or_default();
        let known =
            webhook.spec.variables.iter().filter_map(|variable| {
                Some((variable.name.clone(), resolve(variable, namespace, values).ok()?))
            });
        Self(known.collect())
    }

    /// Takes the values; an error says which variable lacks what, and how to put it right.
    pub(super) fn resolve(webhook: &Webhook, values: &Values) -> Result<Self, String> {
        let namespace = webhook.metadata.namespace.as_deref().unwrap_or_default();
        let resolved = webhook.spec.variables.iter().map(|variable| {
            let value = resolve(variable, namespace, values)
                .map_err(|problem| of_variable(&variable.name, &problem))?;
            Ok((variable.name.clone(), value))
        });
        resolved.collect::<Result<_, String>>().map(Self)
    }

    /// Hides every value that comes from a Secret.
    pub(super) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        // In order of their names: a digest is made of what is shown.
        let sorted: BTreeMap<_, _> = self.0.iter().collect();
        for (name, value) in sorted {
            if let Value::Secret(value) = &value.value {
                redactor.hide(value, &format!("$({name})"));
            }
        }
        redactor
    }

    /// Puts the values into a string. `$$(NAME)` is a literal `$(NAME)`; what does not look like a variable stays. An error
    /// names the variable that is not declared, or whose value cannot be used there.
    pub(super) fn expand(&self, text: &str, usage: Usage) -> Result<Text, String> {
        let mut expanded = Text::default();
        let mut rest = text;
        while let Some(at) = rest.find("$(") {
            let escaped = rest[..at].ends_with('$');
            let Some(name) = name_at(&rest[at + 2..]) else {
                expanded.push_plain(&rest[..at + 2]);
                rest = &rest[at + 2..];
                continue;
            };
            let after = at + 2 + name.len() + 1;
            if escaped {
                expanded.push_plain(&rest[..at - 1]);
                expanded.push_plain(&rest[at..after]);
            } else {
                expanded.push_plain(&rest[..at]);
                match &self.value(name, usage)?.value {
                    Value::Plain(value) => expanded.push_plain(value),
                    Value::Secret(value) => expanded.push_secret(name, value.clone()),
                }
            }
            rest = &rest[after..];
        }
        expanded.push_plain(rest);
        Ok(expanded)
    }

    fn value(&self, name: &str, usage: Usage) -> Result<&Resolved, String> {
        let resolved = self.0.get(name).ok_or_else(|| {
            format!(
                "$({name}) is used and not declared: add it to spec.variables, or write $$({name}) for a literal $({name})"
            )
        })?;
        match resolved.refused(usage) {
            Some(problem) => Err(of_variable(name, &problem)),
            None => Ok(resolved),
        }
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

/// What a Webhook declares, with one secret for each of its variables.
#[cfg(test)]
pub(crate) fn declared(webhook: &Webhook, secret: &str) -> Result<crate::plan::Document, String> {
    let all: Vec<_> = webhook.spec.variables.iter().map(|v| (v.name.as_str(), secret, true)).collect();
    let variables = Variables::of(&all);
    crate::vendor::desired(&webhook.spec.subscription, &mut |text, usage| variables.expand(text, usage))
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
            let expanded = Variables::default().expand(&written, Usage::Content).map_err(TestCaseError::fail)?;
            prop_assert_eq!(expanded.exposed(), text, "{}", written);
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
            assert_eq!((expanded.exposed().as_str(), expanded.shown().as_str()), (exposed, shown), "{text}");
        }
        let undeclared = variables.expand("$(NONE)", Usage::Content).unwrap_err();
        assert!(undeclared.contains("$(NONE) is used and not declared"));
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
                    let problem = variables.expand("a$(TOKEN)", usage).unwrap_err();
                    assert!(
                        problem.starts_with(&format!("variable TOKEN: its value holds {found}, ")),
                        "{problem}"
                    );
                    assert!(!problem.contains("s3"), "{problem}");
                    assert!(variables.expand("$$(TOKEN)", usage).is_ok());
                }
                for usage in [Usage::Content, Usage::Word] {
                    assert_eq!(variables.expand("a$(TOKEN)", usage).unwrap().exposed(), format!("a{value}"));
                }
            }
        }
    }
}
