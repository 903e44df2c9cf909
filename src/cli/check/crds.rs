//! Checks that the CRDs are installed, and that they are those of this hooktender.

use super::line::Line;
use crate::api::{self, GROUP};
use crate::cli::cluster_reader::api_message;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps,
};
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeSet;

const CRDS: &str = "CRDs";
/// How to install them.
const INSTALL: &str = "hooktender crds | kubectl apply --server-side -f -";
/// Most fields that a message names.
const MAX_FIELDS: usize = 3;

/// Checks all CRDs.
pub(super) async fn check(client: &Client) -> Vec<Line> {
    let own = match api::crds() {
        Ok(own) => own,
        Err(error) => return vec![Line::problem(CRDS, error.to_string())],
    };
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut lines = Vec::new();
    for crd in &own {
        let name = crd.name_any();
        match api.get(&name).await {
            Ok(found) => lines.extend(compare(crd, &found)),
            Err(kube::Error::Api(refused)) if refused.code == 404 => {
                lines.push(Line::problem(CRDS, format!("{name} is not installed")).fix(INSTALL));
            }
            Err(kube::Error::Api(refused)) if refused.is_forbidden() => {
                // Every user may see which kinds are served, but not the definitions.
                return vec![served(client, &own).await];
            }
            Err(error) => {
                lines.push(Line::problem(CRDS, format!("{name} cannot be read: {}", api_message(&error))));
            }
        }
    }
    if lines.is_empty() {
        let mut names: Vec<_> = own.iter().map(ResourceExt::name_any).collect();
        let last = names.pop().unwrap_or_default();
        let (others, version) = (names.join(", "), env!("CARGO_PKG_VERSION"));
        lines.push(Line::ok(CRDS, format!("{others} and {last} are those of hooktender {version}")));
    }
    lines
}

/// Checks by discovery that the kinds are served.
async fn served(client: &Client, own: &[CustomResourceDefinition]) -> Line {
    let version = own.iter().flat_map(|crd| &crd.spec.versions).map(|version| version.name.as_str()).next();
    let group = format!("{GROUP}/{}", version.unwrap_or_default());
    let served = match client.list_api_group_resources(&group).await {
        Ok(served) => served.resources.into_iter().map(|one| one.name).collect::<BTreeSet<_>>(),
        Err(kube::Error::Api(refused)) if refused.code == 404 => BTreeSet::new(),
        Err(error) => return Line::problem(CRDS, format!("{group} cannot be read: {}", api_message(&error))),
    };
    let missing: Vec<_> =
        own.iter().map(|crd| &crd.spec.names.plural).filter(|name| !served.contains(*name)).collect();
    match missing.first() {
        None => Line::note(
            CRDS,
            format!(
                "the kinds of {group} are served; without the right to read CustomResourceDefinitions, it is not known whether they are those of this hooktender"
            ),
        ),
        Some(missing) => Line::problem(CRDS, format!("{missing}.{GROUP} is not installed")).fix(INSTALL),
    }
}

/// Compares an installed CRD with that of this hooktender; returns a line if they differ.
fn compare(own: &CustomResourceDefinition, found: &CustomResourceDefinition) -> Option<Line> {
    let name = own.name_any();
    let conditions = found.status.as_ref().and_then(|status| status.conditions.as_ref());
    let established = conditions.is_some_and(|all| {
        all.iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
    });
    if !established {
        let message = format!("{name} is installed, and not served yet");
        return Some(Line::problem(CRDS, message).fix(format!("kubectl describe crd {name}")));
    }
    let wanted = own.spec.versions.first()?;
    let Some(is) = found.spec.versions.iter().find(|version| version.name == wanted.name && version.served)
    else {
        let message = format!("{name} does not serve the version {}", wanted.name);
        return Some(Line::problem(CRDS, message).fix(INSTALL));
    };
    let schema = |version: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionVersion| {
        version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.clone()).unwrap_or_default()
    };
    difference(&name, &schema(wanted), &schema(is))
}

/// Describes how the schema in the cluster differs.
fn difference(name: &str, own: &JSONSchemaProps, found: &JSONSchemaProps) -> Option<Line> {
    let (wanted, is) = (fields(own), fields(found));
    let lacks: Vec<_> = wanted.difference(&is).collect();
    let more: Vec<_> = is.difference(&wanted).collect();
    if !lacks.is_empty() {
        let message = format!("{name} is of another hooktender: it lacks {}", some(&lacks));
        return Some(Line::problem(CRDS, message).fix(INSTALL));
    }
    if !more.is_empty() {
        let message = format!("{name} is of a newer hooktender: it has {}", some(&more));
        let fix = "use the hooktender of that version, so that nothing that is declared is overlooked";
        return Some(Line::problem(CRDS, message).fix(fix));
    }
    (own != found).then(|| {
        let message = format!(
            "{name} is of another hooktender: it has the same fields, and other rules, defaults or texts"
        );
        Line::problem(CRDS, message).fix(INSTALL)
    })
}

/// Lists the first fields.
fn some(fields: &[&String]) -> String {
    let shown: Vec<_> = fields.iter().take(MAX_FIELDS).map(|field| field.as_str()).collect();
    match fields.len().saturating_sub(MAX_FIELDS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Returns the paths of all fields of a schema.
fn fields(schema: &JSONSchemaProps) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    add_fields(schema, "", &mut all);
    all
}

fn add_fields(schema: &JSONSchemaProps, path: &str, all: &mut BTreeSet<String>) {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        JSONSchemaPropsOrArray as Items, JSONSchemaPropsOrBool as Additional,
    };
    for (name, member) in schema.properties.iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        add_fields(member, &path, all);
        all.insert(path);
    }
    if let Some(Additional::Schema(member)) = &schema.additional_properties {
        add_fields(member, &format!("{path}.*"), all);
    }
    match &schema.items {
        Some(Items::Schema(item)) => add_fields(item, &format!("{path}[]"), all),
        Some(Items::Schemas(items)) => {
            for item in items {
                add_fields(item, &format!("{path}[]"), all);
            }
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::line::State;

    fn webhook() -> JSONSchemaProps {
        let all = api::crds().unwrap();
        let crd = all.into_iter().find(|crd| crd.spec.names.plural == "webhooks").unwrap();
        crd.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap()
    }

    fn spec(schema: &mut JSONSchemaProps) -> &mut std::collections::BTreeMap<String, JSONSchemaProps> {
        schema.properties.as_mut().unwrap().get_mut("spec").unwrap().properties.as_mut().unwrap()
    }

    #[test]
    fn differences_are_named_by_field() {
        let own = webhook();
        assert_eq!(difference("wh", &own, &own), None);
        let mut older = own.clone();
        spec(&mut older).remove("adoption");
        let line = difference("wh", &own, &older).unwrap();
        assert_eq!(
            line,
            Line::problem(
                CRDS,
                "wh is of another hooktender: it lacks spec.adoption, spec.adoption.writeOnlyValues"
            )
            .fix(INSTALL)
        );
        let line = difference("wh", &older, &own).unwrap();
        assert_eq!(line.state, State::Problem);
        assert!(format!("{line:?}").contains("of a newer hooktender: it has spec.adoption"), "{line:?}");
        let mut stricter = own.clone();
        spec(&mut stricter).get_mut("mode").unwrap().description = Some("other".into());
        let line = difference("wh", &own, &stricter).unwrap();
        assert!(format!("{line:?}").contains("other rules, defaults or texts"), "{line:?}");
    }

    #[test]
    fn fields_of_lists_and_maps_are_found() {
        let fields = fields(&webhook());
        for path in ["spec.variables[].name", "spec.subscription.contensis.headers.*.secret"] {
            assert!(fields.contains(path), "{path} in {fields:#?}");
        }
    }
}
