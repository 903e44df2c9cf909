//! How the members of a WebhookSet follow a change of its template: all types of `spec.updateStrategy`.

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How members follow a change of the template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.rollingUpdate) || self.type == 'RollingUpdate'")
        .message("rollingUpdate is allowed only with type: RollingUpdate")
)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// RollingUpdate: change members, some at a time. OnDelete: change a member when its Webhook is deleted. Default
    /// RollingUpdate.
    #[serde(default, rename = "type")]
    pub kind: UpdateStrategyType,
    /// Limits of a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_update: Option<RollingUpdate>,
}

/// How members follow a change of the template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpdateStrategyType {
    /// Change members, some at a time.
    #[default]
    RollingUpdate,
    /// Change a member when its Webhook is deleted.
    OnDelete,
}

/// Limits of a rolling update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollingUpdate {
    /// How many members may be unavailable at a time: a number, or a share of all members such as `25%`, rounded up. A member is
    /// available when its Webhook is ready and the vendor does not report that it stopped delivering. Default 25%.
    #[serde(default)]
    #[x_kube(validation = Rule::new("string(self).matches('^([1-9][0-9]{0,5}|([1-9][0-9]?|100)%)$')").message("maxUnavailable must be a number from 1 on, or a share from 1% to 100%"))]
    pub max_unavailable: MaxUnavailable,
    /// Which members are changed first. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_by: Option<OrderBy>,
}

/// The order of a rolling update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderBy {
    /// The label of the accounts.
    #[x_kube(validation = Rule::new("size(self) > 0").message("label must not be empty: give the name of a label"))]
    #[schemars(length(max = 317))]
    pub label: String,
    /// Its values, first to last, such as `[canary, early]`. The members of one value are changed only when all members of the
    /// values before it are changed and available. Accounts with another value, or without the label, come last.
    #[x_kube(validation = Rule::new("size(self) > 0").message("values must not be empty: give at least one value, such as canary"))]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a == b))").message("two values are the same: keep one of them"))]
    #[schemars(length(max = 16), inner(length(max = 63)))]
    pub values: Vec<String>,
}

impl UpdateStrategy {
    /// Describes how a change of the template reaches so many members.
    pub fn describe(&self, members: usize) -> String {
        match self.kind {
            UpdateStrategyType::OnDelete => {
                "a change of the template reaches a member when its Webhook is deleted".to_owned()
            }
            UpdateStrategyType::RollingUpdate => {
                let limits = self.rolling_update.clone().unwrap_or_default();
                let limit = limits.max_unavailable.of(members);
                let order = limits.order_by.map_or_else(String::new, |order| {
                    format!(", {} first by the accounts' label {}", order.values.join(", then "), order.label)
                });
                format!(
                    "a change of the template reaches members while at most {limit} are unavailable{order}"
                )
            }
        }
    }
}

/// A number of members, or a share of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaxUnavailable {
    /// A number.
    Count(i32),
    /// A share, such as `25%`.
    Share(String),
}

impl Default for MaxUnavailable {
    fn default() -> Self {
        Self::Share("25%".into())
    }
}

impl MaxUnavailable {
    /// Returns the number for so many members: at least 1, a share rounded up.
    pub fn of(&self, members: usize) -> usize {
        let number = match self {
            Self::Count(number) => usize::try_from(*number).unwrap_or_default(),
            Self::Share(share) => {
                let percent = share.strip_suffix('%').and_then(|percent| percent.parse::<usize>().ok());
                (percent.unwrap_or_default().min(100) * members).div_ceil(100)
            }
        };
        number.max(1)
    }
}

impl JsonSchema for MaxUnavailable {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MaxUnavailable".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_members_is_rounded_up_and_never_zero() {
        let share = |text: &str| MaxUnavailable::Share(text.into());
        for (limit, members, number) in [
            (share("25%"), 200, 50),
            (share("25%"), 3, 1),
            (share("1%"), 101, 2),
            (share("100%"), 7, 7),
            (share("100%"), 0, 1),
            (MaxUnavailable::Count(3), 200, 3),
            (MaxUnavailable::Count(0), 200, 1),
        ] {
            assert_eq!(limit.of(members), number, "{limit:?} of {members}");
        }
    }
}
