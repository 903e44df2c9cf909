//! The book is followed page by page, as a reader would: every block of commands in a cluster of its own, against the sandbox.
//! Between two blocks, operators run as the Deployments say.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use hooktender_cluster::Cluster;
use serde_json::{Value, json};

use crate::chart::pod::Process;
use crate::command::Folder;
use crate::markdown::{Block, Page, pages, root};
use crate::operator::Operator;
use crate::samples;
use crate::scene::BODY;
use crate::vendors::{self, Tenant, Vendor};

/// A page with commands, and the check of the vendor's state at its end.
type Played = (&'static str, fn(&Reader));

/// In the order in which they are read.
const PAGES: [Played; 8] = [
    ("docs/getting-started.md", Reader::has_begun_and_ended),
    ("docs/how-to/adopt.md", Reader::has_adopted),
    ("docs/how-to/rotate.md", Reader::has_rotated),
    ("docs/how-to/move.md", Reader::has_moved),
    ("docs/how-to/tenants.md", Reader::has_served_tenants),
    ("docs/how-to/shards.md", Reader::has_written_nothing),
    ("docs/how-to/recover.md", Reader::has_written_nothing),
    ("docs/how-to/remove.md", Reader::has_kept_all),
];

const TOKEN: &str = "canary-staff-token";
const NEW_TOKEN: &str = "canary-new-staff-token";

/// A reader of the book, with a terminal, a checkout and an account at a vendor.
struct Reader {
    cluster: &'static Cluster,
    tenant: Tenant,
    folder: Folder,
    /// By namespace and name of the Deployment: its container's arguments, and the operators that run with them.
    operators: BTreeMap<String, (Vec<String>, Operator)>,
}

impl Reader {
    fn begin() -> Self {
        let tenant = Tenant { vendor: Vendor::Brightpearl, code: "acme".into() };
        tenant.put(&json!({"staffTokens": {"acme_ops": TOKEN}}));
        let folder = Folder::new();
        for name in ["charts", "examples", "crds"] {
            std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).unwrap();
        }
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_hooktender"));
        std::os::unix::fs::symlink(program, folder.path().join("bin/hooktender")).unwrap();
        let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start().unwrap()));
        Self { cluster, tenant, folder, operators: BTreeMap::new() }
    }

    /// Runs a block and returns what it prints; a failure names its line on the page.
    fn types(&self, page: &Page, block: &Block) -> String {
        // The commands have the same line numbers in the script as on the page, so that bash reports these.
        let begin = "set -Eeuo pipefail; trap 'echo \"$0:$LINENO failed: $BASH_COMMAND\" >&2' ERR";
        let address = &vendors::endpoints()[0];
        let commands = block.text.replace("datacenter: euw1 ", &format!("url: {address} "));
        let script = format!("{begin}{}{commands}", "\n".repeat(block.line - 1));
        let path = [&self.folder.path().join("bin"), self.cluster.tools().folder()]
            .map(|folder| folder.display().to_string())
            .join(":");
        let output = self
            .shell()
            .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
            .args(["-c", &script, &page.path])
            .output()
            .unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}\n{}\n{commands}", said(&output.stderr), said(&output.stdout));
        let printed = said(&output.stdout);
        eprintln!("{}:{}\n{printed}", page.path, block.line);
        // The page shows the vendor's own address.
        printed.replace(address.as_str(), "https://euw1.brightpearlconnect.com")
    }

    fn shell(&self) -> Command {
        let mut shell = Command::new("bash");
        shell
            .env_clear()
            .current_dir(self.folder.path())
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .env("HOME", self.folder.path())
            .env("HOOKTENDER_ALLOW_ENDPOINTS", vendors::endpoints().join(","))
            .envs([("TOKEN", TOKEN), ("NEW_TOKEN", NEW_TOKEN)])
            .stdin(Stdio::null());
        shell
    }

    /// Does what kubelets do: runs a Pod of each Deployment's newest template.
    fn run_pods(&mut self) {
        let found = self.kubectl_json(&["get", "deployments", "--all-namespaces"]);
        let mut left = std::mem::take(&mut self.operators);
        for deployment in found["items"].as_array().unwrap() {
            let name = deployment["metadata"]["name"].as_str().unwrap();
            let namespace = deployment["metadata"]["namespace"].as_str().unwrap();
            let pod = &deployment["spec"]["template"]["spec"];
            let mut process = Process::of(self.cluster, namespace, pod, &pod["containers"][0]);
            let asked = process.arguments.clone();
            // Additions for this machine: the address of the sandbox, and no waiting for kubelets.
            for endpoint in vendors::endpoints() {
                process.arguments.push(format!("--allow-endpoint={endpoint}"));
            }
            process.arguments.retain(|argument| !argument.starts_with("--settle="));
            process.arguments.push("--settle=2s".into());
            let key = format!("{namespace}/{name}");
            let running = match left.remove(&key) {
                Some((arguments, operator)) if arguments == asked => operator,
                Some((_, older)) => {
                    older.terminate();
                    process.start()
                }
                None => process.start(),
            };
            self.operators.insert(key, (asked, running));
        }
        for (_, (_, operator)) in left {
            operator.terminate();
        }
    }

    fn kubectl_json(&self, arguments: &[&str]) -> Value {
        self.cluster.kubectl_json(arguments).unwrap()
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.kubectl_run(arguments).unwrap()
    }
}

/// The tenants of the page about them.
fn merchants() -> impl Iterator<Item = Tenant> {
    (1..=20).map(|number| Tenant { vendor: Vendor::Brightpearl, code: format!("shop{number:02}") })
}

/// State before a page, and checks after it.
impl Reader {
    fn before(&mut self, page: &str) {
        match page {
            "docs/how-to/adopt.md" => self.somebody_made_two_by_hand(),
            // The vendor gets a new token, and the old one is revoked sooner than the page says.
            "docs/how-to/rotate.md" => {
                self.tenant.put(&json!({"staffTokens": {"acme_ops": NEW_TOKEN}}));
            }
            "docs/how-to/tenants.md" => merchants().for_each(|merchant| {
                merchant.put(&json!({"staffTokens": {"acme_ops": TOKEN}}));
            }),
            "docs/how-to/recover.md" => self.the_cluster_is_lost(),
            _ => {}
        }
        self.tenant.clear_journal();
    }

    fn somebody_made_two_by_hand(&self) {
        for resource in ["product", "order"] {
            self.tenant.insert(&json!({
                "subscribeTo": format!("{resource}.created"), "httpMethod": "POST", "bodyTemplate": BODY,
                "contentType": "application/json", "uriTemplate": format!("https://hooks.example.com/old/{resource}"),
                "idSetAccepted": true, "qualityOfService": 1,
            }));
        }
    }

    /// The vendor is not asked; the declarations are in Git.
    fn the_cluster_is_lost(&mut self) {
        for (_, (_, operator)) in std::mem::take(&mut self.operators) {
            operator.kill();
        }
        let manifests = self.folder.path().join("manifests");
        std::fs::create_dir(&manifests).unwrap();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                std::fs::copy(&path, manifests.join(path.file_name().unwrap())).unwrap();
            }
        }
        // Its Webhook is deleted on the first page.
        std::fs::remove_file(manifests.join("product-changes.yaml")).unwrap();
        let no_finalizers = r#"{"metadata":{"finalizers":null}}"#;
        for kind in ["webhooks", "vendoraccounts"] {
            let all = self.kubectl(&["get", kind, "-n", "webhooks", "-o", "name"]);
            for name in all.lines() {
                self.kubectl(&["patch", name, "-n", "webhooks", "--type=merge", "--patch", no_finalizers]);
            }
        }
        self.kubectl(&[
            "delete",
            "crd",
            "webhooks.hooktender.dev",
            "webhooksets.hooktender.dev",
            "vendoraccounts.hooktender.dev",
        ]);
        self.kubectl(&["delete", "namespace", "webhooks", "hooktender"]);
        let rights = "--selector=app.kubernetes.io/name=hooktender";
        self.kubectl(&["delete", "clusterroles,clusterrolebindings", rights]);
    }

    fn wrote(&self, create: usize, update: usize, delete: usize) {
        let count = ["create", "update", "delete"].map(|operation| self.tenant.count(operation));
        assert_eq!(count, [create, update, delete], "{:?}", self.tenant.operations());
    }

    /// Created, replaced, deleted.
    fn has_begun_and_ended(&self) {
        self.wrote(2, 0, 2);
        assert!(self.tenant.stored().is_empty());
    }

    fn has_adopted(&self) {
        self.has_written_nothing();
        let webhooks = self.kubectl_json(&["get", "webhooks", "-n", "webhooks"]);
        let of = |webhook: &Value| webhook["status"]["externalId"].as_str().unwrap().to_owned();
        let mut ids: Vec<_> = webhooks["items"].as_array().unwrap().iter().map(of).collect();
        ids.sort_unstable();
        let mut there = self.tenant.ids();
        there.sort_unstable();
        assert_eq!(ids, there);
    }

    /// The one with a token was created, and replaced.
    fn has_rotated(&self) {
        self.wrote(2, 0, 1);
        assert!(
            self.addresses().contains(&"https://hooks.example.com/brightpearl?token=the-next-token".into())
        );
    }

    fn has_moved(&self) {
        self.wrote(2, 0, 1);
        let addresses = self.addresses();
        let moved =
            addresses.iter().filter(|address| address.starts_with("https://hooks-2.example.com/stock/"));
        assert_eq!(moved.count(), 1, "{addresses:?}");
    }

    /// Each was created, replaced and deleted.
    fn has_served_tenants(&self) {
        for merchant in merchants() {
            let count = ["create", "delete"].map(|operation| merchant.count(operation));
            assert_eq!(count, [2, 2], "{}: {:?}", merchant.code, merchant.operations());
        }
        self.has_written_nothing();
    }

    fn has_written_nothing(&self) {
        self.wrote(0, 0, 0);
    }

    fn has_kept_all(&self) {
        self.has_written_nothing();
        assert_eq!(self.tenant.stored().len(), 4);
    }

    fn addresses(&self) -> Vec<String> {
        let address = |stored: &Value| stored["uriTemplate"].as_str().unwrap().to_owned();
        self.tenant.stored().iter().map(address).collect()
    }
}

#[test]
fn every_command_of_the_book_works() {
    let mut reader = Reader::begin();
    for (path, so) in PAGES {
        let page = Page::read(path);
        reader.before(path);
        for (number, block) in page.blocks.iter().enumerate().filter(|(_, block)| block.language == "sh") {
            let printed = reader.types(&page, block);
            if let Some(sample) = page.blocks.get(number + 1).filter(|next| samples::is_sample(next)) {
                samples::check(&page, sample, &printed);
            }
            reader.run_pods();
        }
        so(&reader);
    }
    // The second release of the page about shards ended with the cluster, the first with the last page.
    assert!(reader.operators.is_empty());
}

#[test]
fn no_page_has_commands_that_are_not_run() {
    let played = PAGES.map(|(path, _)| path);
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.language == "sh") {
            assert!(
                played.contains(&page.path.as_str()),
                "{}:{}: mark it `sh,illustration`, or play the page here",
                page.path,
                block.line
            );
        }
    }
}
