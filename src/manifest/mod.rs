//! Manifest files, read as `kubectl apply -f` would read them and checked without a cluster against the very CRDs that are
//! installed: the same structure, the same defaults, the same rules with the same messages.
//!
//! Reads files and standard input; knows the kinds (`api`) and nothing above them.

mod advice;
mod core;
mod kinds;
mod metadata;
mod place;
mod rules;
mod scalar;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod tree;

pub use kinds::{Kind, check_change};
pub use place::{Place, Placed, Problem};

use crate::api::{GROUP, VendorAccount, Webhook};
use advice::did_you_mean;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use place::Fields;
use schema::Flaw;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tree::{Kind as Shape, Node};

/// The one version of both kinds.
const VERSION: &str = "v1alpha1";

/// What the files declare.
#[derive(Clone, Default)]
pub struct Manifests {
    /// The accounts.
    pub accounts: Vec<Placed<VendorAccount>>,
    /// The Webhooks.
    pub webhooks: Vec<Placed<Webhook>>,
    /// The Secrets, `stringData` put over `data`.
    pub secrets: Vec<Placed<Secret>>,
    /// The config maps.
    pub config_maps: Vec<Placed<ConfigMap>>,
    /// What is none of these, and was not looked at.
    pub skipped: Vec<Skipped>,
}

impl Manifests {
    /// With these accounts in place of their own, which are skipped.
    #[must_use]
    pub fn with_accounts(mut self, accounts: Vec<Placed<VendorAccount>>) -> Self {
        let own = std::mem::replace(&mut self.accounts, accounts);
        self.skipped.extend(own.into_iter().map(|account| Skipped {
            object: format!("{}/{}", VendorAccount::KIND, account.object.metadata.name.unwrap_or_default()),
            place: account.place,
            why: "accounts are taken from --accounts-from only".into(),
        }));
        self
    }
}

/// An object that was not looked at.
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

/// Reads and checks files, folders (with `recursive`, also those in them) and, for `-`, standard input. `namespace` is given
/// to objects that name none.
///
/// # Errors
///
/// Everything that is wrong in any of the files, by file and line.
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

/// The same for one file that was read already; `file` is what it is called in complaints.
pub fn parse(file: &str, bytes: &[u8], namespace: &str) -> Result<Manifests, Vec<Problem>> {
    let mut reader = Reader::new(namespace);
    reader.file(&file.into(), bytes);
    reader.finish()
}

struct Reader<'a> {
    namespace: &'a str,
    found: Manifests,
    problems: Vec<Problem>,
    /// Kind, namespace and name of everything so far.
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
        let (documents, faults) = tree::documents(text);
        let place = |at: place::Mark| Place { file: name.clone(), line: at.line, column: at.column };
        self.problems.extend(faults.into_iter().map(|(at, message)| Problem::at(place(at), message)));
        for document in documents {
            self.object(name, &document);
        }
    }

    fn object(&mut self, file: &Arc<str>, node: &Node) {
        let place = Place { file: file.clone(), line: node.at.line, column: node.at.column };
        let Shape::Map(_) = node.kind else {
            let message = "not a Kubernetes object, which is a map with apiVersion, kind and metadata";
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
            ((GROUP, VERSION), Webhook::KIND) => self.take(place, node, kinds::object::<Webhook>),
            ((GROUP, VERSION), VendorAccount::KIND) => self.take(place, node, kinds::object::<VendorAccount>),
            ((GROUP, _), _) => self.unknown(place, node, version, kind),
            (("", "v1"), "Secret") => {
                self.take(place, node, |value, namespace, flaws| core::secret(&value, namespace, flaws));
            }
            (("", "v1"), "ConfigMap") => {
                self.take(place, node, |value, namespace, flaws| core::config_map(&value, namespace, flaws));
            }
            _ => self.skip(place, node, version, kind),
        }
    }

    fn take<T: Known>(
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
        let message = format!("{} {namespace}/{name} stands here and at ", T::NAME);
        if let Some(first) = self.names.get(&(T::NAME, namespace.clone(), name.clone())) {
            self.problems.push(Problem::at(place, format!("{message}{first}: keep one of them")));
            return;
        }
        self.names.insert((T::NAME, namespace, name), place.clone());
        T::list(&mut self.found).push(Placed::with_fields(object, place, Arc::new(fields)));
    }

    fn unknown(&mut self, place: Place, node: &Node, version: &str, kind: &str) {
        let known = [Webhook::KIND, VendorAccount::KIND];
        let (at, message) = if known.contains(&kind) {
            ("apiVersion", format!("{version} is not known here: write {GROUP}/{VERSION}"))
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
        let why = format!("{version} is none of hooktender's{}", did_you_mean(version, [own]));
        self.found.skipped.push(Skipped { place, object: format!("{kind}/{name}"), why });
    }
}

fn text<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.get(name).and_then(Node::text).filter(|text| !text.is_empty())
}

/// A kind that is kept, and where.
trait Known: Sized {
    const NAME: &'static str;
    fn metadata(&self) -> &ObjectMeta;
    fn list(found: &mut Manifests) -> &mut Vec<Placed<Self>>;
}

macro_rules! known {
    ($kind:ty, $name:literal, $list:ident) => {
        impl Known for $kind {
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

known!(Webhook, "Webhook", webhooks);
known!(VendorAccount, "VendorAccount", accounts);
known!(Secret, "Secret", secrets);
known!(ConfigMap, "ConfigMap", config_maps);
