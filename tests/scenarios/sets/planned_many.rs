//! A plan of many tenants: equal changes are grouped, `whs/NAME` selects members, and changes that a set holds back are not applied.

use serde_json::{Value, json};

use super::{Crowd, account, member, set};
use crate::command::{Folder, Reader, documents, of};
use crate::program;
use crate::scene::{Scene, webhook};
use crate::vendors::Vendor;

/// A text with all white space made single spaces, however it is wrapped.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// So many tenants, each with a ready member of the set, and no operator any more.
fn made(name: &str, size: usize) -> Crowd {
    let crowd = Crowd::new(name, size);
    let operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(size);
    operator.terminate();
    crowd
}

#[test]
fn a_dozen_equal_changes_are_one_entry() {
    let crowd = made("set-grouped", 12);
    let (reader, folder) = (Reader::of(&crowd.scene), Folder::new());
    let namespace = &crowd.scene.namespace;
    let mut changed = set(&["contact.created", "sale.sold"]);
    changed["spec"]["template"]["spec"]["subscription"]["superoffice"]["name"] =
        json!("newer hooks for $(TENANT)");
    let file = folder.write("changed.yaml", &documents(&[changed]));
    let ran = reader.plan(&["-f", &file]).exits(2);
    let text = joined(&ran.stdout);
    assert!(text.contains("~ 12 Webhooks at 12 accounts of superoffice: update (spec changed), "), "{text}");
    assert_eq!(text.matches("sale.sold").count(), 1, "{text}");
    let value = format!("(one value for each account, such as this one of {namespace}/a00)");
    assert!(text.contains(&value) && text.contains("newer hooks for t00"), "{text}");
    let names = |name: &dyn Fn(usize) -> String| {
        let names: Vec<_> = (0..3).map(|number| format!("{namespace}/{}", name(number))).collect();
        format!("{} and 9 more", names.join(", "))
    };
    assert!(text.contains(&format!("Webhooks: {}", names(&member))), "{text}");
    assert!(text.contains(&format!("accounts: {}", names(&account))), "{text}");
    assert!(!text.contains("Account "), "no account has anything else: {text}");
    assert!(text.contains("Plan: 12 to update."), "{text}");
    let all = reader.plan(&["-f", &file, "--all"]).exits(2).stdout;
    for number in 0..12 {
        let id = &crowd.tenants[number].ids()[0];
        let line = format!("{namespace}/{} {id} at {namespace}/{}", member(number), account(number));
        assert!(all.contains(&line), "{line} in {all}");
        assert!(all.contains(&format!("newer hooks for t{number:02}")), "{all}");
    }
    // A tenant with one more difference is not hidden among the others.
    crowd.tenants[7]
        .edit(&crowd.tenants[7].ids()[0], &json!({"TargetUrl": "https://elsewhere.example.net/t07"}));
    let text = joined(&reader.plan(&["-f", &file]).exits(2).stdout);
    assert!(text.contains("~ 11 Webhooks at 11 accounts"), "{text}");
    assert!(text.contains(&format!("Account {namespace}/a07")), "{text}");
    assert!(text.contains("https://elsewhere.example.net/t07"), "{text}");
    let comment = reader.plan(&["-f", &file, "-o", "markdown"]).exits(2).stdout;
    assert!(
        comment.contains("| `~` | 11 Webhooks | 11 accounts of superoffice | update | spec changed |"),
        "{comment}"
    );
    assert!(comment.contains(&format!("# {namespace}/{}", member(11))), "{comment}");
}

#[test]
fn a_set_is_planned_by_its_name() {
    let crowd = Crowd::new("set-named", 4);
    let operator = crowd.operator();
    let mut gold = set(&["contact.created"]);
    gold["spec"]["accountSelector"]["matchLabels"] = json!({"ring": "canary"});
    crowd.scene.apply(&gold);
    crowd.ready(2);
    operator.terminate();
    let mut nothing = set(&["contact.created"]);
    nothing["metadata"]["name"] = json!("nothing");
    nothing["spec"]["accountSelector"]["matchLabels"] = json!({"tier": "golden"});
    crowd.scene.apply(&nothing);
    crowd.tenants.iter().for_each(crate::vendors::Tenant::clear_journal);
    let (reader, folder) = (Reader::of(&crowd.scene), Folder::new());
    let names = |report: &Value| -> Vec<String> {
        let accounts = report["accounts"].as_array().unwrap().iter();
        let webhooks = accounts.flat_map(|account| account["webhooks"].as_array().unwrap());
        webhooks.map(|webhook| webhook["name"].as_str().unwrap().to_owned()).collect()
    };
    // As they are; only the accounts of members are called.
    let report = reader.plan(&["webhooksets", "hooks", "-o", "json"]).exits(0).json();
    assert_eq!(names(&report), [member(0), member(1)]);
    assert!(!crowd.tenants[0].operations().is_empty());
    assert_eq!(crowd.tenants[3].operations(), [""; 0], "the account of no member was called");
    // With a file: also those that it would make and remove.
    gold["spec"]["accountSelector"] =
        json!({"matchExpressions": [{"key": "tenant", "operator": "In", "values": ["t01", "t02"]}]});
    let file = folder.write("gold.yaml", &documents(&[gold]));
    let report = reader.plan(&["whs/hooks", "-f", &file, "-o", "json"]).exits(2).json();
    let actions = [0, 1, 2].map(|number| of(&report, &member(number))["action"].clone());
    assert_eq!(actions, ["Delete", "None", "Create"]);
    assert_eq!(names(&report).len(), 3);
    let namespace = &crowd.scene.namespace;
    assert_eq!(
        reader.plan(&["whs/hook"]).failed(),
        format!("there is no WebhookSet {namespace}/hook: did you mean hooks?")
    );
    assert_eq!(
        reader.plan(&["whs/nothing"]).failed(),
        format!(
            "WebhookSet {namespace}/nothing has no members; hooktender explain whs/nothing -n {namespace} says why"
        )
    );
}

#[test]
fn a_plan_of_a_paused_set_says_that_its_changes_wait() {
    let crowd = made("set-plan-paused", 3);
    let (reader, folder) = (Reader::of(&crowd.scene), Folder::new());
    let mut paused = set(&["sale.sold"]);
    paused["spec"]["paused"] = json!(true);
    let file = folder.write("paused.yaml", &documents(&[paused.clone()]));
    let ran = reader.plan(&["-f", &file, "-o", "json"]).exits(2);
    let report = ran.json();
    for number in 0..3 {
        let shown = of(&report, &member(number));
        assert_eq!((&shown["action"], &shown["class"]), (&json!("Update"), &json!("heldBack")));
        assert_eq!((&shown["held"]["reason"], &shown["held"]["until"]), (&json!("Paused"), &json!("later")));
    }
    assert_eq!((&report["counts"]["heldBack"], &report["calls"]["toApply"]), (&json!(3), &json!(0)));
    let key = format!("WebhookSet {}/hooks", crowd.scene.namespace);
    assert!(
        ran.stderr.contains(&format!("{key} is paused: its members are not changed until")),
        "{}",
        ran.stderr
    );
    // One that changes nothing needs no note.
    paused["spec"]["template"] = set(&["contact.created"])["spec"]["template"].clone();
    let file = folder.write("same.yaml", &documents(&[paused]));
    assert_eq!(reader.plan(&["-f", &file]).exits(0).stderr, "");
    // A file that does not name the field leaves it as `hooktender suspend` has set it.
    let changed = set(&["sale.sold"]);
    let file = folder.write("changed.yaml", &documents(std::slice::from_ref(&changed)));
    assert_eq!(reader.plan(&["-f", &file, "-o", "json"]).exits(2).json()["counts"]["update"], 3);
    let namespace = &crowd.scene.namespace;
    program::run(Some(crowd.scene.cluster.kubeconfig()), &["suspend", "whs/hooks", "-n", namespace]).exits(0);
    assert_eq!(reader.plan(&["-f", &file, "-o", "json"]).exits(2).json()["counts"]["heldBack"], 3);
    crowd.scene.apply(&changed);
    assert_eq!(crowd.scene.set("hooks")["spec"]["paused"], true, "the plan was right");
}

#[test]
fn a_plan_without_files_shows_what_a_set_has_yet_to_do() {
    let crowd = made("set-plan-yet", 3);
    let reader = Reader::of(&crowd.scene);
    let counts = |arguments: &[&str], code: i32| {
        let ran = reader.plan(&[arguments, &["-o", "json"]].concat()).exits(code);
        (ran.json()["counts"].clone(), ran.stderr)
    };
    assert_eq!(counts(&[], 0).0["unchanged"], 3);
    let edited = json!({"spec": {"subscription": {"superoffice": {"events": ["sale.sold"]}}}});
    crowd.scene.patch(&format!("webhook/{}", member(0)), &edited);
    assert_eq!(counts(&[], 0).0["unchanged"], 3, "it is put back to what the vendor has");
    let changed = set(&["sale.sold", "contact.created"]);
    crowd.scene.apply(&changed);
    let (planned, notes) = counts(&[], 2);
    assert_eq!((&planned["update"], notes.as_str()), (&json!(3), ""));
    assert_eq!(counts(&["whs/hooks"], 2).0["update"], 3);
    // What the set waits for is said.
    crowd.patch(&json!({"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}));
    let report = reader.plan(&["-o", "json"]).exits(2).json();
    assert_eq!(of(&report, &member(1))["held"]["reason"], "WaitingForDelete");
    assert_eq!(report["calls"]["toApply"], 0);
    crowd.patch(&json!({"paused": true}));
    let (planned, notes) = counts(&[], 2);
    assert_eq!(planned["heldBack"], 3);
    assert!(notes.contains(&format!("WebhookSet {}/hooks is paused: ", crowd.scene.namespace)), "{notes}");
    // A set whose selector is not valid puts nothing back; the plan is made all the same.
    let invalid = json!([{"key": "tier", "operator": "Without", "values": ["a"]}]);
    crowd.patch(&json!({"accountSelector": {"matchExpressions": invalid}}));
    let (planned, notes) = counts(&[], 2);
    assert_eq!((&planned["update"], &planned["unchanged"]), (&json!(1), &json!(2)), "{notes}");
    assert!(notes.contains("WebhookSet") && notes.contains("spec.accountSelector"), "{notes}");
}

#[test]
fn a_plan_without_the_right_to_list_sets_says_so() {
    let crowd = made("set-plan-unlisted", 1);
    let rules = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list]}
- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get]}
";
    let scene = &crowd.scene;
    let config = scene.cluster.service_account(&scene.namespace, "viewer", rules).unwrap();
    let plan =
        |more: &[&str]| program::run(Some(&config), &[&["plan", "-n", &scene.namespace], more].concat());
    let notes = plan(&[]).exits(0).stderr;
    assert!(notes.contains("you may not list WebhookSets: what they have yet to change"), "{notes}");
    let error = plan(&["whs/hooks"]).failed();
    assert!(
        error.starts_with(&format!("WebhookSets of namespace {} cannot be listed", scene.namespace)),
        "{error}"
    );
}

#[test]
fn a_paused_set_is_not_applied_without_a_cluster() {
    let mut crowd = Crowd { scene: Scene::new("set-offline-paused"), tenants: Vec::new() };
    let mut objects: Vec<Value> = (0..2).flat_map(|_| crowd.open()).collect();
    let mut declared = set(&["contact.created"]);
    declared["spec"]["paused"] = json!(true);
    let mut other = webhook("other", Vendor::Superoffice);
    other["spec"]["accountRef"]["name"] = json!(account(0));
    other["spec"]["variables"][0]["valueFrom"]["secretKeyRef"] = json!({"name": "hook-t00", "key": "key"});
    objects.extend([declared, other]);
    let folder = Folder::new();
    let file = folder.write("all.yaml", &documents(&objects));
    let run = |command: &str| program::run(None, &[command, "--offline", "--yes", "-f", &file]);
    let ran = run("apply").exits(0);
    assert_eq!(crowd.stored(), [1, 0], "only the Webhook of no set: {}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("WebhookSet default/hooks is paused"), "{}", ran.stderr);
    // Once it has members, `delete` leaves them, too.
    objects[6]["spec"]["paused"] = json!(false);
    folder.write("all.yaml", &documents(&objects));
    run("apply").exits(0);
    assert_eq!(crowd.stored(), [2, 1]);
    objects[6]["spec"]["paused"] = json!(true);
    folder.write("all.yaml", &documents(&objects));
    let ran = run("delete");
    assert_eq!(crowd.stored(), [1, 1], "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn a_selector_that_matches_nothing_is_named() {
    let mut crowd = Crowd::new("set-unmatched", 1);
    let mut nothing = set(&["contact.created"]);
    nothing["spec"]["accountSelector"]["matchLabels"] = json!({"tier": "golden"});
    let (reader, folder) = (Reader::of(&crowd.scene), Folder::new());
    let namespace = crowd.scene.namespace.clone();
    let file = folder.write("nothing.yaml", &documents(&[nothing.clone()]));
    let notes = reader.plan(&["-f", &file]).exits(0).stderr;
    let place = format!(": WebhookSet {namespace}/hooks matches no account: ");
    assert!(notes.starts_with(&format!("warning: {file}:")) && notes.contains(&place), "{notes}");
    assert!(notes.contains(&format!("kubectl get vendoraccounts -n {namespace} --show-labels")), "{notes}");
    let error = reader.plan(&["-f", &file, "whs/hooks"]).failed();
    assert_eq!(
        error,
        format!("WebhookSet {namespace}/hooks has no members: its spec.accountSelector matches no account")
    );
    let mut objects: Vec<Value> = crowd.open().into();
    objects.push(nothing);
    let file = folder.write("offline.yaml", &documents(&objects));
    let notes = program::run(None, &["plan", "--offline", "-f", &file]).exits(0).stderr;
    assert!(notes.contains("WebhookSet default/hooks matches no account: compare"), "{notes}");
    assert!(notes.contains("with the labels of the VendorAccounts in the files"), "{notes}");
}
