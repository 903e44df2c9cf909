//! Reads manifest files as `kubectl apply -f` does, and validates them without a cluster against the CRDs that hooktender
//! installs: the same structure, defaults, rules and messages.
//!
//! The schema walker (`schema.rs`) is own code. The crate `jsonschema` was tried (0.61): it adds 25 crates, all under licences
//! that `deny.toml` allows, and would replace only the checks of types, bounds and enums, some 120 lines. Everything else
//! would remain: what Kubernetes does with nulls, defaults and unknown fields, the CEL rules with their paths, and the API
//! server's messages, which `tests/scenarios/refusals` compares word for word.

mod advice;
mod core;
mod flaw;
mod kinds;
mod metadata;
mod place;
mod rule;
mod rules;
mod scalar;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod tree;

pub use kinds::{Kind, check_change};
pub use place::{Place, Placed, Problem};

use crate::api::{GROUP, VendorAccount, Webhook, WebhookSet};
pub(crate) use advice::did_you_mean;
use flaw::Flaw;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use place::Fields;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tree::{Kind as Shape, Node};

/// Marks a line that is to be filled in.
pub const MARK: &str = "# <-";
/// The version of all kinds.
const VERSION: &str = "v1alpha1";

/// The objects of the files.
#[derive(Clone, Default)]
pub struct Manifests {
    /// The accounts.
    pub accounts: Vec<Placed<VendorAccount>>,
    /// The Webhooks.
    pub webhooks: Vec<Placed<Webhook>>,
    /// The WebhookSets.
    pub sets: Vec<Placed<WebhookSet>>,
    /// The Secrets, with `stringData` merged into `data`.
    pub secrets: Vec<Placed<Secret>>,
    /// The ConfigMaps.
    pub config_maps: Vec<Placed<ConfigMap>>,
    /// Objects of other kinds, which are not validated.
    pub skipped: Vec<Skipped>,
    /// Lines with the mark of what is to be filled in.
    pub marked: Vec<MarkedLine>,
}

impl Manifests {
    /// Whether there is no object that is used; there may be skipped ones.
    pub fn is_empty(&self) -> bool {
        let Self { accounts: _, webhooks: _, sets: _, secrets, config_maps, skipped: _, marked: _ } = self;
        self.declares_nothing() && secrets.is_empty() && config_maps.is_empty()
    }

    /// Whether there is neither an account nor a Webhook nor a WebhookSet.
    pub fn declares_nothing(&self) -> bool {
        self.accounts.is_empty() && self.webhooks.is_empty() && self.sets.is_empty()
    }

    /// Replaces the accounts, and adds the previous ones to the skipped objects.
    #[must_use]
    pub fn with_accounts(mut self, accounts: Vec<Placed<VendorAccount>>) -> Self {
        let own = std::mem::replace(&mut self.accounts, accounts);
        self.skipped.extend(own.into_iter().map(|account| Skipped {
            object: format!("{}/{}", VendorAccount::KIND, account.object.metadata.name.unwrap_or_default()),
            place: account.place,
            why: "accounts are read only from --accounts-from".into(),
        }));
        self
    }
}

/// A line that ends with [`MARK`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedLine {
    /// Where its text begins.
    pub place: Place,
    /// Its text without the mark.
    pub text: String,
}

/// An object that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it begins.
    pub place: Place,
    /// Kind and name, such as `Deployment/web`.
    pub object: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is skipped: {}", self.place, self.object, self.why)
    }
}

/// Reads and validates files, folders (with `recursive`, also their subfolders) and, for `-`, standard input. Objects without
/// a namespace get `namespace`.
///
/// # Errors
///
/// All problems of all files, sorted by file and line.
pub fn read(sources: &[PathBuf], recursive: bool, namespace: &str) -> Result<Manifests, Vec<Problem>> {
    let mut reader = Reader::new(namespace);
    for file in source::files(sources, recursive, &mut reader.problems) {
        match file.bytes() {
            Ok(bytes) => reader.file(&file.name(), &bytes),
            Err(problem) => reader.problems.push(problem),
        }
    }
    reader.finish()
}

/// Validates one file that is already read; `file` is its name in problems.
pub fn parse(file: &str, bytes: &[u8], namespace: &str) -> Result<Manifests, Vec<Problem>> {
    let mut reader = Reader::new(namespace);
    reader.file(&file.into(), bytes);
    reader.finish()
}

struct Reader<'a> {
    namespace: &'a str,
    found: Manifests,
    problems: Vec<Problem>,
    /// Where each object was found, by kind, namespace and name.
    names: HashMap<(&'static str, String, String), Place>,
}

impl<'a> Reader<'a> {
    fn new(namespace: &'a str) -> Self {
        Self { namespace, found: Manifests::default(), problems: Vec::new(), names: HashMap::new() }
    }

    fn finish(mut self) -> Result<Manifests, Vec<Problem>> {
        if self.problems.is_empty() {
            return Ok(self.found);
        }
        self.problems.sort();
        self.problems.dedup();
        Err(self.problems)
    }

    fn file(&mut self, name: &Arc<str>, bytes: &[u8]) {
        let text = match source::text(name, bytes) {
            Ok(text) => text,
            Err(problem) => return self.problems.push(problem),
        };
        self.found.marked.extend(marked(name, text));
        let (documents, faults) = tree::documents(text);
        let place = |at: place::Position| Place { file: name.clone(), line: at.line, column: at.column };
        self.problems.extend(faults.into_iter().map(|(at, message)| Problem::at(place(at), message)));
        for document in documents {
            self.object(name, &document);
        }
    }

    fn object(&mut self, file: &Arc<str>, node: &Node) {
        let place = Place { file: file.clone(), line: node.at.line, column: node.at.column };
        let Shape::Map(_) = node.kind else {
            let message = "not a Kubernetes object: write a map with apiVersion, kind and metadata";
            return self.problems.push(Problem::at(place, message));
        };
        let missing = |what: &str| Problem::at(place.clone(), format!("{what}: Required value"));
        let (version, kind) = match (text(node, "apiVersion"), text(node, "kind")) {
            (Some(version), Some(kind)) => (version, kind),
            (version, kind) => {
                self.problems.extend(version.is_none().then(|| missing("apiVersion")));
                self.problems.extend(kind.is_none().then(|| missing("kind")));
                return;
            }
        };
        if let (true, Some(Node { kind: Shape::List(items), .. })) =
            (kind.ends_with("List"), node.get("items"))
        {
            for item in items.iter() {
                self.object(file, item);
            }
            return;
        }
        match (version.split_once('/').unwrap_or(("", version)), kind) {
            ((GROUP, VERSION), Webhook::KIND) => self.add(place, node, kinds::object::<Webhook>),
            ((GROUP, VERSION), WebhookSet::KIND) => self.add(place, node, kinds::object::<WebhookSet>),
            ((GROUP, VERSION), VendorAccount::KIND) => self.add(place, node, kinds::object::<VendorAccount>),
            ((GROUP, _), _) => self.unknown(place, node, version, kind),
            (("", "v1"), "Secret") => {
                self.add(place, node, |value, namespace, flaws| core::secret(&value, namespace, flaws));
            }
            (("", "v1"), "ConfigMap") => {
                self.add(place, node, |value, namespace, flaws| core::config_map(&value, namespace, flaws));
            }
            _ => self.skip(place, node, version, kind),
        }
    }

    fn add<T: ManifestKind>(
        &mut self,
        place: Place,
        node: &Node,
        check: impl Fn(Value, &str, &mut Vec<Flaw>) -> Option<T>,
    ) {
        let mut fields = Fields::default();
        let value = node.json(&mut fields);
        let mut flaws = Vec::new();
        let object = check(value, self.namespace, &mut flaws);
        self.problems.extend(flaws.into_iter().map(|flaw| kinds::placed(flaw, &place, &fields)));
        let Some(object) = object else { return };
        let metadata = object.metadata();
        let name = metadata.name.clone().unwrap_or_default();
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let message = format!("{} {namespace}/{name} is declared here and at ", T::NAME);
        if let Some(first) = self.names.get(&(T::NAME, namespace.clone(), name.clone())) {
            self.problems.push(Problem::at(place, format!("{message}{first}: keep one of them")));
            return;
        }
        self.names.insert((T::NAME, namespace, name), place.clone());
        T::list(&mut self.found).push(Placed::with_fields(object, place, Arc::new(fields)));
    }

    fn unknown(&mut self, place: Place, node: &Node, version: &str, kind: &str) {
        let known = [Webhook::KIND, WebhookSet::KIND, VendorAccount::KIND];
        let (at, message) = if known.contains(&kind) {
            ("apiVersion", format!("unknown version {version}: write {GROUP}/{VERSION}"))
        } else {
            ("kind", format!("{GROUP} has no kind {kind}{}", did_you_mean(kind, known)))
        };
        let at = node.get(at).map_or(place.clone(), |node| Place {
            line: node.at.line,
            column: node.at.column,
            file: place.file,
        });
        self.problems.push(Problem::at(at, message));
    }

    fn skip(&mut self, place: Place, node: &Node, version: &str, kind: &str) {
        let name = node.get("metadata").and_then(|metadata| text(metadata, "name")).unwrap_or("?");
        let own = format!("{GROUP}/{VERSION}");
        let why = format!("hooktender has no kinds of {version}{}", did_you_mean(version, [own]));
        self.found.skipped.push(Skipped { place, object: format!("{kind}/{name}"), why });
    }
}

fn marked<'t>(file: &'t Arc<str>, text: &'t str) -> impl Iterator<Item = MarkedLine> + 't {
    text.lines().enumerate().filter_map(move |(number, line)| {
        let line = line.trim_end().strip_suffix(MARK)?.trim_end();
        let text = line.trim_start();
        let column = line.chars().count() - text.chars().count() + 1;
        let place = Place { file: file.clone(), line: number + 1, column };
        Some(MarkedLine { place, text: text.to_owned() })
    })
}

fn text<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.get(name).and_then(Node::text).filter(|text| !text.is_empty())
}

/// A kind that is read, and the list that it is stored in.
trait ManifestKind: Sized {
    const NAME: &'static str;
    fn metadata(&self) -> &ObjectMeta;
    fn list(found: &mut Manifests) -> &mut Vec<Placed<Self>>;
}

macro_rules! manifest_kind {
    ($kind:ty, $name:literal, $list:ident) => {
        impl ManifestKind for $kind {
            const NAME: &'static str = $name;
            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn list(found: &mut Manifests) -> &mut Vec<Placed<Self>> {
                &mut found.$list
            }
        }
    };
}

manifest_kind!(Webhook, "Webhook", webhooks);
manifest_kind!(WebhookSet, "WebhookSet", sets);
manifest_kind!(VendorAccount, "VendorAccount", accounts);
manifest_kind!(Secret, "Secret", secrets);
manifest_kind!(ConfigMap, "ConfigMap", config_maps);
