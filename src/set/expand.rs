//! From a template and an account to the Webhook that is declared for it.

use super::names;
use crate::api::variables::{name_at, used};
use crate::api::webhook::{AccountRef, ValueFrom, Variable};
use crate::api::webhook_set::{AccountField, TemplateKeyRef, TemplateVariable, WebhookTemplate};
use crate::api::{
    ConfigMapKeyRef, ObjectKey, ObjectName, SecretKeyRef, VendorAccount, WebhookSet, WebhookSpec,
};
use crate::plan;
use kube::ResourceExt;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A member of a set: the account that matches, and what is declared for it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Name of its Webhook, in the set's namespace.
    pub(crate) name: String,
    pub(crate) account: Arc<VendorAccount>,
    /// What is declared, or why nothing can be.
    pub(crate) declared: Result<DeclaredMember, MemberError>,
}

/// What a set declares for one account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeclaredMember {
    /// The spec, without `externalId`.
    pub(crate) spec: WebhookSpec,
    /// Digest of the spec, the labels and the annotations.
    pub(crate) revision: String,
}

/// Why a member has no declaration, or its Webhook cannot be written: a condition's reason and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberError {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl MemberError {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Returns the members of a set at these accounts, in their order.
pub(crate) fn expand(set: &WebhookSet, accounts: &[Arc<VendorAccount>]) -> Vec<Member> {
    let key = ObjectKey::of(set);
    let mut names: HashMap<String, ObjectKey> = HashMap::new();
    let mut members = Vec::with_capacity(accounts.len());
    for account in accounts {
        let at = ObjectKey::of(&**account);
        let name = names::member(&key, &at);
        let declared = match names.get(&name) {
            Some(first) => Err(MemberError::new(
                "NameTaken",
                format!("the member of {first} has the same name {name}: rename one of the two accounts"),
            )),
            None => declare(&set.spec.template, &key.namespace, account),
        };
        names.entry(name.clone()).or_insert(at);
        members.push(Member { name, account: Arc::clone(account), declared });
    }
    members
}

/// Returns the labels and annotations that the set gives a member.
pub(crate) fn metadata(
    set: &WebhookSet,
    revision: &str,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let template = &set.spec.template.metadata;
    let (mut labels, mut annotations) = (template.labels.clone(), template.annotations.clone());
    labels.insert(crate::api::SET_LABEL.into(), names::label(&set.name_any()));
    annotations.insert(crate::api::SET_REVISION.into(), revision.into());
    (labels, annotations)
}

fn declare(
    template: &WebhookTemplate,
    namespace: &str,
    account: &VendorAccount,
) -> Result<DeclaredMember, MemberError> {
    let spec = &template.spec;
    let (declared, vendor) = (spec.subscription.vendor(), account.spec.vendor.name());
    if declared != vendor {
        let at = ObjectKey::of(account);
        return Err(MemberError::new(
            "VendorMismatch",
            format!(
                "the template is for {declared} and the account {at} for {vendor}: narrow spec.accountSelector"
            ),
        ));
    }
    let own = account.namespace().unwrap_or_default();
    let at = AccountRef { name: account.name_any(), namespace: (own != namespace).then_some(own) };
    let spec = WebhookSpec {
        account_ref: at,
        subscription: spec.subscription.clone(),
        variables: variables(&spec.variables, namespace, account)?,
        mode: spec.mode,
        drift_policy: spec.drift_policy,
        deletion_policy: spec.deletion_policy,
        external_id: None,
        adoption: spec.adoption,
        suspend: spec.suspend,
    };
    let digest = plan::hash(&json!([spec, template.metadata.labels, template.metadata.annotations]));
    let revision = digest.chars().skip_while(|c| *c != ':').skip(1).take(16).collect();
    Ok(DeclaredMember { spec, revision })
}

/// A variable whose value is known here.
struct Known {
    value: String,
    /// Whether the account's owner chooses the value.
    from_account: bool,
}

/// Returns the variables of a member: those of the template, with the account's values and the names of objects inserted.
fn variables(
    template: &[TemplateVariable],
    namespace: &str,
    account: &VendorAccount,
) -> Result<Vec<Variable>, MemberError> {
    let mut known: HashMap<&str, Known> = HashMap::new();
    let mut all = Vec::with_capacity(template.len());
    for variable in template {
        let name = variable.name.clone();
        let from = variable.value_from.as_ref();
        let object = |at: &TemplateKeyRef| object_name(&variable.name, at, &known, namespace, account);
        let resolved = match (&variable.value, from) {
            (Some(value), _) => {
                known.insert(&variable.name, Known { value: value.clone(), from_account: false });
                Variable { name, value: Some(value.clone()), value_from: None }
            }
            (None, Some(from)) if from.account_ref.is_some() => {
                let field = from.account_ref.as_ref();
                let value = field.map_or(Ok(String::new()), |field| value(&variable.name, field, account))?;
                known.insert(&variable.name, Known { value: value.clone(), from_account: true });
                Variable { name, value: Some(value), value_from: None }
            }
            (None, Some(from)) => {
                let secret_key_ref = from
                    .secret_key_ref
                    .as_ref()
                    .map(|at| object(at).map(|name| SecretKeyRef { name, key: at.key.clone() }));
                let config_map_key_ref = from
                    .config_map_key_ref
                    .as_ref()
                    .map(|at| object(at).map(|name| ConfigMapKeyRef { name, key: at.key.clone() }));
                let value_from = ValueFrom {
                    secret_key_ref: secret_key_ref.transpose()?,
                    config_map_key_ref: config_map_key_ref.transpose()?,
                };
                Variable { name, value: None, value_from: Some(value_from) }
            }
            (None, None) => Variable { name, value: None, value_from: None },
        };
        all.push(resolved);
    }
    Ok(all)
}

fn missing(variable: &str, problem: &str) -> MemberError {
    MemberError::new("VariableMissing", format!("variable {variable}: {problem}"))
}

/// Returns a value of the account's metadata.
fn value(variable: &str, field: &AccountField, account: &VendorAccount) -> Result<String, MemberError> {
    let at = ObjectKey::of(account);
    let found = |what: &str, name: &str, all: &BTreeMap<String, String>| match all.get(name) {
        Some(value) if !value.is_empty() => Ok(value.clone()),
        Some(_) => {
            Err(missing(variable, &format!("the {what} {name} of VendorAccount {at} is empty: set it")))
        }
        None => Err(missing(variable, &format!("VendorAccount {at} has no {what} {name}: add it"))),
    };
    match field {
        AccountField { label: Some(name), .. } => found("label", name, account.labels()),
        AccountField { annotation: Some(name), .. } => found("annotation", name, account.annotations()),
        AccountField { label: None, annotation: None, .. } => Ok(at.name),
    }
}

/// Returns the name of a Secret or ConfigMap, with the values of earlier variables inserted. The owner of an account in another
/// namespace must not choose which Secret of the set's namespace is sent to that account.
fn object_name(
    variable: &str,
    at: &TemplateKeyRef,
    known: &HashMap<&str, Known>,
    namespace: &str,
    account: &VendorAccount,
) -> Result<String, MemberError> {
    for name in used(&at.name) {
        let Some(value) = known.get(name) else {
            let problem = format!(
                "the name {} uses $({name}), which is no variable above it with a value or an accountRef: declare it first",
                at.name
            );
            return Err(missing(variable, &problem));
        };
        if value.from_account && account.namespace().as_deref() != Some(namespace) {
            let problem = format!(
                "the name {} uses $({name}), a value of {}, an account in another namespace, whose owner would choose the Secret: use a name without it",
                at.name,
                ObjectKey::of(account)
            );
            return Err(MemberError::new("VariableNotAllowed", format!("variable {variable}: {problem}")));
        }
    }
    let name = inserted(&at.name, known);
    match ObjectName::new(namespace, &name) {
        Ok(_) => Ok(name),
        Err(error) => Err(missing(variable, &format!("{}: {error}", at.name))),
    }
}

/// Inserts the values into a text whose variables are all known.
fn inserted(text: &str, known: &HashMap<&str, Known>) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        let Some(name) = name_at(&rest[at + 2..]) else { break };
        written.push_str(&rest[..at]);
        written.push_str(known.get(name).map_or("", |known| &known.value));
        rest = &rest[at + 2 + name.len() + 1..];
    }
    written.push_str(rest);
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::testing::{account, set};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn members(variables: &Value, accounts: &[VendorAccount]) -> Vec<Member> {
        let accounts: Vec<_> = accounts.iter().cloned().map(Arc::new).collect();
        expand(&set(json!({"template": {"spec": {"variables": variables}}})), &accounts)
    }

    fn only(variables: &Value, account: &VendorAccount) -> Result<Value, MemberError> {
        let member = members(variables, std::slice::from_ref(account)).remove(0);
        member.declared.map(|declared| serde_json::to_value(declared.spec.variables).unwrap())
    }

    #[test]
    fn variables_come_from_the_account() {
        let mut acme = account("acme", &[("tenant", "t1")]);
        acme.annotations_mut().insert("shown".into(), "Acme Ltd.".into());
        let template = json!([
            {"name": "TENANT", "valueFrom": {"accountRef": {"label": "tenant"}}},
            {"name": "SHOWN", "valueFrom": {"accountRef": {"annotation": "shown"}}},
            {"name": "NAME", "valueFrom": {"accountRef": {"name": true}}},
            {"name": "HOST", "value": "h.example"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "hook-$(TENANT)-$(NAME)", "key": "k"}}},
            {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "k"}}},
        ]);
        assert_eq!(
            only(&template, &acme).unwrap(),
            json!([
                {"name": "TENANT", "value": "t1"},
                {"name": "SHOWN", "value": "Acme Ltd."},
                {"name": "NAME", "value": "acme"},
                {"name": "HOST", "value": "h.example"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "hook-t1-acme", "key": "k"}}},
                {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "k"}}},
            ])
        );
    }

    #[test]
    fn a_member_says_what_its_account_lacks() {
        let acme = account("acme", &[("empty", ""), ("upper", "A")]);
        let label = |label: &str| json!({"name": "T", "valueFrom": {"accountRef": {"label": label}}});
        let secret = json!({"name": "K", "valueFrom": {"secretKeyRef": {"name": "hook-$(T)", "key": "k"}}});
        for (variables, words) in [
            (json!([label("tenant")]), "variable T: VendorAccount shop/acme has no label tenant: add it"),
            (json!([label("empty")]), "the label empty of VendorAccount shop/acme is empty"),
            (json!([label("upper"), secret]), "\"hook-A\" is not valid"),
            (json!([secret, label("upper")]), "is no variable above it"),
        ] {
            let error = only(&variables, &acme).unwrap_err();
            assert_eq!(error.reason, "VariableMissing");
            assert!(error.message.contains(words), "{}", error.message);
        }
    }

    #[test]
    fn an_account_of_another_namespace_does_not_choose_a_secret() {
        let mut acme = account("acme", &[("tenant", "victim")]);
        acme.metadata.namespace = Some("tenants".into());
        let label = json!({"name": "T", "valueFrom": {"accountRef": {"label": "tenant"}}});
        let secret =
            |name: &str| json!({"name": "K", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}});
        let error = only(&json!([label, secret("hook-$(T)")]), &acme).unwrap_err();
        assert_eq!(error.reason, "VariableNotAllowed");
        assert!(only(&json!([label, secret("hook")]), &acme).is_ok());
        let plain = json!({"name": "T", "value": "own"});
        assert!(only(&json!([plain, secret("hook-$(T)")]), &acme).is_ok(), "the set's owner chose it");
    }

    #[test]
    fn an_account_of_another_vendor_concerns_its_member_only() {
        let mut other = account("other", &[]);
        other.spec.vendor = serde_json::from_value(json!({"contensis": {"alias": "a", "project": "p", "credentials":
            {"clientCredentials": {"clientIdSecretRef": {"name": "s", "key": "k"}, "clientSecretSecretRef": {"name": "s", "key": "k"}}}}}))
        .unwrap();
        let all = members(&json!([]), &[account("acme", &[]), other]);
        assert!(all[0].declared.is_ok());
        let error = all[1].declared.as_ref().unwrap_err();
        assert_eq!(error.reason, "VendorMismatch");
        assert!(
            error.message.contains("for superoffice and the account shop/other for contensis"),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_member_names_its_account() {
        let mut far = account("far", &[]);
        far.metadata.namespace = Some("tenants".into());
        let all = members(&json!([]), &[account("acme", &[]), far]);
        let at = |member: &Member| member.declared.as_ref().unwrap().spec.account_ref.clone();
        assert_eq!((at(&all[0]).name.as_str(), at(&all[0]).namespace), ("acme", None));
        assert_eq!((at(&all[1]).name.as_str(), at(&all[1]).namespace.as_deref()), ("far", Some("tenants")));
        assert_eq!(all[0].name, "set-acme");
    }

    proptest! {
        /// Members depend on their own account alone: another account changes none.
        #[test]
        fn members_are_independent(names in prop::collection::btree_set("[a-z]{1,3}", 1..6), drop: usize) {
            let variables = json!([{"name": "N", "valueFrom": {"accountRef": {"name": true}}}]);
            let all: Vec<_> = names.iter().map(|name| account(name, &[])).collect();
            let mut some = all.clone();
            some.remove(drop % some.len());
            let of = |accounts: &[VendorAccount]| -> Vec<_> {
                members(&variables, accounts).into_iter().map(|member| (member.name, member.declared)).collect()
            };
            let (all, some) = (of(&all), of(&some));
            prop_assert!(some.iter().all(|member| all.contains(member)));
            let names: std::collections::BTreeSet<_> = all.iter().map(|(name, _)| name).collect();
            prop_assert_eq!(names.len(), all.len(), "names differ");
        }
    }
}
