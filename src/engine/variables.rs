//! `$(NAME)` in the strings of a subscription, as in a container's env.

use super::secrets::{Dependency, Value, Values};
use crate::api::variables::name_at;
use crate::api::webhook::Variable;
use crate::api::{ObjectKey, Webhook};
use crate::plan::{Redactor, Text};
use secrecy::SecretString;
use std::collections::{BTreeMap, HashMap};

/// A variable's value: shown to everybody, or to nobody.
enum Resolved {
    Plain(String),
    Secret(SecretString),
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
            if secret { Resolved::Secret(value.into()) } else { Resolved::Plain(value.into()) }
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
                .map_err(|problem| format!("variable {}: {problem}", variable.name))?;
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
            if let Resolved::Secret(value) = value {
                redactor.hide(value, &format!("$({name})"));
            }
        }
        redactor
    }

    /// Puts the values into a string. `$$(NAME)` is a literal `$(NAME)`; what does not look like a variable stays.
    pub(super) fn expand(&self, text: &str) -> Result<Text, String> {
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
                match self.0.get(name) {
                    Some(Resolved::Plain(value)) => expanded.push_plain(value),
                    Some(Resolved::Secret(value)) => expanded.push_secret(name, value.clone()),
                    None => {
                        return Err(format!(
                            "$({name}) is used and not declared: add it to spec.variables, or write $$({name}) for a literal $({name})"
                        ));
                    }
                }
            }
            rest = &rest[after..];
        }
        expanded.push_plain(rest);
        Ok(expanded)
    }
}

fn resolve(variable: &Variable, namespace: &str, values: &Values) -> Result<Resolved, String> {
    if let Some(value) = &variable.value {
        return Ok(Resolved::Plain(value.clone()));
    }
    let from = variable.value_from.as_ref().ok_or("it has neither value nor valueFrom")?;
    if let Some(at) = &from.secret_key_ref {
        let from = Dependency::Secret(ObjectKey::new(namespace, &at.name));
        return match values.get(&from, &at.key)? {
            Value::Secret(value) => Ok(Resolved::Secret(value)),
            Value::Plain(value) => Ok(Resolved::Secret(value.into())),
        };
    }
    if let Some(at) = &from.config_map_key_ref {
        let from = Dependency::ConfigMap(ObjectKey::new(namespace, &at.name));
        return match values.get(&from, &at.key)? {
            Value::Secret(value) => Ok(Resolved::Secret(value)),
            Value::Plain(value) => Ok(Resolved::Plain(value)),
        };
    }
    Err("valueFrom has neither secretKeyRef nor configMapKeyRef".into())
}

/// What a Webhook declares, with one secret for each of its variables.
#[cfg(test)]
pub(crate) fn declared(webhook: &Webhook, secret: &str) -> Result<crate::plan::Document, String> {
    let all: Vec<_> = webhook.spec.variables.iter().map(|v| (v.name.as_str(), secret, true)).collect();
    let variables = Variables::of(&all);
    crate::vendor::desired(&webhook.spec.subscription, &mut |text| variables.expand(text))
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
            let expanded = Variables::default().expand(&written).map_err(TestCaseError::fail)?;
            prop_assert_eq!(expanded.exposed(), text, "{}", written);
        }

        #[test]
        fn the_variables_that_are_used_are_those_that_are_missed(text in "[$()A]{0,24}") {
            let missed = Variables::default().expand(&text).is_err();
            prop_assert_eq!(missed, !used(&text).is_empty());
        }
    }

    #[test]
    fn variables_are_put_in_as_in_a_containers_env() {
        let variables = Variables(HashMap::from([
            ("HOST".to_owned(), Resolved::Plain("h.example".into())),
            ("TOKEN".to_owned(), Resolved::Secret("s3cret".into())),
        ]));
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
            let expanded = variables.expand(text).unwrap();
            assert_eq!((expanded.exposed().as_str(), expanded.shown().as_str()), (exposed, shown), "{text}");
        }
        assert!(variables.expand("$(NONE)").unwrap_err().contains("$(NONE) is used and not declared"));
    }
}
