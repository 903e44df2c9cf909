//! The book is followed page by page, as a reader would: every block of commands in a cluster of its own, against the sandbox.
//! Between two blocks, operators run as the Deployments say. What a page asks for outside of its commands is done before the block
//! that comes after it: filling in a file, and a change in a vendor's screens.

mod checks;

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
const PAGES: [Played; 12] = [
    ("docs/two-minutes.md", Reader::has_only_looked),
    ("docs/getting-started.md", Reader::has_begun_and_ended),
    ("docs/tutorials/contensis.md", Reader::has_managed_contensis),
    ("docs/tutorials/superoffice.md", Reader::has_managed_superoffice),
    ("docs/rights.md", Reader::has_written_nothing),
    ("docs/how-to/adopt.md", Reader::has_adopted),
    ("docs/how-to/rotate.md", Reader::has_rotated),
    ("docs/how-to/move.md", Reader::has_moved),
    ("docs/how-to/tenants.md", Reader::has_served_tenants),
    ("docs/how-to/shards.md", Reader::has_written_nothing),
    ("docs/how-to/recover.md", Reader::has_written_nothing),
    ("docs/how-to/remove.md", Reader::has_kept_all),
];

/// The page, the first command of a block on it, and what is done before this block is typed.
type ByHand = (&'static str, &'static str, fn(&Reader));

const BY_HAND: [ByHand; 4] = [
    ("docs/two-minutes.md", "hooktender validate ", Reader::fills_in_the_file),
    ("docs/tutorials/contensis.md", "hooktender plan wh/search-index ", Reader::an_editor_switches_it_off),
    ("docs/tutorials/superoffice.md", "hooktender plan wh/contact-sync ", Reader::an_administrator_edits_it),
    ("docs/tutorials/superoffice.md", "hooktender plan va/cust12345 ", Reader::superoffice_stops_it),
];

const TOKEN: &str = "canary-staff-token";
const NEW_TOKEN: &str = "canary-new-staff-token";
const CLIENT_ID: &str = "00000000-0000-4000-8000-00000000c1d0";
const CLIENT_SECRET: &str = "canary-client-secret";
const APP_SECRET: &str = "canary-app-secret";
const SYSTEM_USER_TOKEN: &str = "canary-system-user-token";
/// What a person writes as a body.
const SHORT_BODY: &str = r#"{"account":"${account-code}","type":"${resource-type}","id":"${resource-id}","event":"${lifecycle-event}"}"#;
/// Contensis generates ids at random: this one is the same in each run.
const CONTENSIS_ID: &str = "5d7b2f06-0c1e-4e0b-9a53-6f2f6f0c9d11";

/// A reader of the book, with a terminal, a checkout and accounts at the vendors.
struct Reader {
    cluster: &'static Cluster,
    /// At Brightpearl, as in most pages.
    tenant: Tenant,
    /// At Brightpearl too, for the page that needs no cluster.
    trial: Tenant,
    contensis: Tenant,
    superoffice: Tenant,
    folder: Folder,
    /// By namespace and name of the Deployment: its container's arguments, and the operators that run with them.
    operators: BTreeMap<String, (Vec<String>, Operator)>,
}

impl Reader {
    fn begin() -> Self {
        let tenant = Tenant { vendor: Vendor::Brightpearl, code: "acme".into() };
        tenant.put(&json!({"staffTokens": {"acme_ops": TOKEN}}));
        let trial = Tenant { vendor: Vendor::Brightpearl, code: "example".into() };
        trial.put(&json!({"staffTokens": {"example_hooks": TOKEN}}));
        let contensis = Tenant { vendor: Vendor::Contensis, code: "movies".into() };
        contensis.put(&json!({"apiKeys": [{"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}]}));
        contensis.settings(&json!({"nextIds": [CONTENSIS_ID]}));
        let superoffice = Tenant { vendor: Vendor::Superoffice, code: "Cust12345".into() };
        let app =
            json!({"clientId": "app", "clientSecret": APP_SECRET, "systemUserToken": SYSTEM_USER_TOKEN});
        let approved = superoffice.put(&json!({"apps": [app]}));
        let folder = Folder::new();
        folder.write("private-key.pem", approved["apps"][0]["privateKeyPem"].as_str().unwrap());
        for name in ["charts", "examples", "crds"] {
            std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).unwrap();
        }
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_hooktender"));
        std::os::unix::fs::symlink(program, folder.path().join("bin/hooktender")).unwrap();
        let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start().unwrap()));
        Self { cluster, tenant, trial, contensis, superoffice, folder, operators: BTreeMap::new() }
    }

    /// Runs a block and returns what it prints; a failure names its line on the page.
    fn types(&self, page: &Page, block: &Block) -> String {
        // The commands have the same line numbers in the script as on the page, so that bash reports these.
        let begin = "set -Eeuo pipefail; trap 'echo \"$0:$LINENO failed: $BASH_COMMAND\" >&2' ERR";
        let [brightpearl, contensis, superoffice] = vendors::endpoints();
        let commands = block
            .text
            .replace("datacenter: euw1 ", &format!("url: {brightpearl} "))
            .replace("alias: example ", &format!("url: {contensis} "))
            .replace("customerId: Cust12345}", &format!("customerId: Cust12345, url: \"{superoffice}\"}}"));
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
        // The page shows the vendors' own addresses.
        printed
            .replace(&brightpearl, "https://euw1.brightpearlconnect.com")
            .replace(&contensis, "https://cms-example.cloud.contensis.com")
            .replace(&superoffice, "https://online.superoffice.com")
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
            .envs([("CONTENSIS_ID", CLIENT_ID), ("CONTENSIS_SECRET", CLIENT_SECRET)])
            .envs([("SUPEROFFICE_SECRET", APP_SECRET), ("SUPEROFFICE_TOKEN", SYSTEM_USER_TOKEN)])
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

/// What other people do before a page, or while it is read.
impl Reader {
    fn before(&mut self, page: &str) {
        match page {
            "docs/two-minutes.md" => self.somebody_made_one_by_hand(),
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
        for tenant in [&self.tenant, &self.trial, &self.contensis, &self.superoffice] {
            tenant.clear_journal();
        }
    }

    fn somebody_made_one_by_hand(&self) {
        self.trial.insert(&json!({
            "subscribeTo": "order.modified.order-status", "httpMethod": "POST", "bodyTemplate": SHORT_BODY,
            "contentType": "application/json", "uriTemplate": "https://hooks.example.com/old/orders",
            "idSetAccepted": true, "qualityOfService": 1,
        }));
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

    fn fills_in_the_file(&self) {
        let path = self.folder.path().join("trial/account.yaml");
        let filled = std::fs::read_to_string(&path)
            .unwrap()
            .replace("datacenter: euw1", &format!("url: {}", vendors::endpoints()[0]))
            .replace("your-account", "example")
            .replacen("replace-me", TOKEN, 1)
            .replace("replace-me", "canary-receiver-token")
            // The rest is right as it is.
            .replace(" # <-", "");
        std::fs::write(&path, filled).unwrap();
    }

    fn an_editor_switches_it_off(&self) {
        self.contensis.edit(CONTENSIS_ID, &json!({"enabled": false}));
    }

    fn an_administrator_edits_it(&self) {
        self.superoffice.edit(&self.superoffice.ids()[0], &json!({"Events": ["contact.created"]}));
    }

    fn superoffice_stops_it(&self) {
        self.superoffice.edit(&self.superoffice.ids()[0], &json!({"State": "TooManyErrors"}));
    }
}

#[test]
fn every_command_of_the_book_works() {
    let mut reader = Reader::begin();
    for (path, so) in PAGES {
        let page = Page::read(path);
        reader.before(path);
        for (number, block) in page.blocks.iter().enumerate().filter(|(_, block)| block.language == "sh") {
            for (_, _, act) in
                BY_HAND.iter().filter(|(on, first, _)| *on == path && block.text.starts_with(first))
            {
                act(&reader);
            }
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
