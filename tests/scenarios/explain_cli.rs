//! Arguments, output and errors of `hooktender explain`.

use crate::command::hooktender;
use crate::explain::{Place, joined};
use crate::program::run;
use crate::scene::webhook;
use crate::support;
use crate::terminal::Terminal;
use crate::vendors::Vendor;
use serde_json::json;

#[test]
fn arguments_are_those_of_kubectl() {
    let place = Place::new();
    let namespace = &place.scene.namespace;
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.apply(&webhook("other", Vendor::Brightpearl));
    let titles = |arguments: &[&str]| -> Vec<String> {
        let ran = place.ran(arguments);
        let lines = ran
            .well()
            .lines()
            .filter(|line| line.starts_with("Webhook ") || line.starts_with("VendorAccount "));
        lines.map(|line| line.split(" (").next().unwrap().replace(&format!("{namespace}/"), "")).collect()
    };
    let printed = place.scene.kubectl(&["get", "webhooks", "-o", "name"]);
    let printed: Vec<&str> = printed.lines().collect();
    assert_eq!(printed, ["webhook.hooktender.dev/hook", "webhook.hooktender.dev/other"]);
    for arguments in
        [&["wh/hook"][..], &["wh", "hook"], &["webhook/hook"], &["Webhooks", "hook"], &printed[..1]]
    {
        assert_eq!(titles(arguments), ["Webhook hook"], "{arguments:?}");
    }
    for arguments in [&["wh"][..], &["wh", "hook", "other"], &["wh/hook", "webhooks/other"], &printed] {
        assert_eq!(titles(arguments), ["Webhook hook", "Webhook other"], "{arguments:?}");
    }
    assert_eq!(titles(&["va/account", "wh/hook"]), ["VendorAccount account", "Webhook hook"]);
    assert_eq!(titles(&["hooktender"]), ["VendorAccount account", "Webhook hook", "Webhook other"]);
    // What is there is printed all the same.
    let ran = place.ran(&["wh", "hook", "othr"]).exits(1);
    assert!(ran.stdout.starts_with(&format!("Webhook {namespace}/hook ")), "{ran:#?}");
    assert_eq!(ran.stderr, format!("error: there is no Webhook {namespace}/othr: did you mean other?\n"));
}

#[test]
fn all_namespaces_are_all() {
    let place = Place::new();
    let (scene, cluster) = (&place.scene, place.scene.cluster);
    let other = cluster.namespace("explain-too").unwrap();
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    support::apply(&other, &webhook("hook", Vendor::Brightpearl).to_string()).accepted();
    let explain = |arguments: &[&str]| run(Some(cluster.kubeconfig()), &[&["explain"], arguments].concat());
    let ran = explain(&["-A", "wh/hook"]);
    for namespace in [&scene.namespace, &other] {
        let title = format!("Webhook {namespace}/hook (brightpearl)\n");
        assert_eq!(ran.well().matches(&title).count(), 1, "{title:?} in\n{}", ran.stdout);
    }
    // Names are not unique in this cluster of all tests, so that another one may be meant as well.
    let nobody = explain(&["-A", "wh/nobody-has-this-name-at-all"]).failed();
    assert!(
        nobody.starts_with("there is no Webhook nobody-has-this-name-at-all in any namespace"),
        "{nobody}"
    );
    // In the wrong namespace.
    scene.apply(&webhook("only-there", Vendor::Brightpearl));
    let there = &scene.namespace;
    let says = format!(
        "there is no Webhook {other}/only-there: did you mean the one in namespace {there}? Add -n {there}."
    );
    assert_eq!(explain(&["-n", &other, "wh/only-there"]).failed(), says);
}

#[test]
fn the_page_fits_the_terminal_and_has_its_colours() {
    let place = Place::new();
    let mut bad = webhook("hook", Vendor::Brightpearl);
    bad["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("later");
    place.scene.apply(&bad);
    let _operator = place.scene.operator();
    place.scene.stalled("hook", "VariableMissing");
    let at_terminal = |arguments: &[&str], columns: u16, no_color: Option<&str>| {
        let mut command = hooktender(&[&["explain", "wh/hook"], arguments].concat());
        command.env("KUBECONFIG", &place.reader).envs(no_color.map(|value| ("NO_COLOR", value)));
        let (code, screen) = Terminal::run(&mut command, columns).ends();
        assert_eq!(code, Some(0), "{screen}");
        screen
    };
    for columns in [60_u16, 120] {
        let screen = at_terminal(&["--color", "never"], columns, None);
        let lines = || screen.lines().filter(|line| !line.contains("kubectl "));
        assert!(lines().all(|line| line.chars().count() <= usize::from(columns)), "{columns}:\n{screen}");
        assert!(
            columns > 60 || lines().any(|line| line.chars().count() > 45),
            "it uses the width:\n{screen}"
        );
        // Words are whole.
        assert!(
            joined(&screen).contains("create the Secret, the ConfigMap or the key that the message names"),
            "{screen}"
        );
    }
    let coloured = |text: &str| text.contains("\u{1b}[");
    assert!(coloured(&at_terminal(&[], 100, None)) && coloured(&at_terminal(&[], 100, Some(""))));
    assert!(!coloured(&at_terminal(&[], 100, Some("1"))));
    assert!(coloured(&at_terminal(&["--color", "always"], 100, Some("1"))));
    assert!(!coloured(place.ran(&["wh/hook"]).well()));
    assert!(coloured(place.ran(&["wh/hook", "--color", "always"]).well()));
}

#[test]
fn an_object_that_cannot_be_explained_gives_one_line() {
    let place = Place::new();
    let namespace = &place.scene.namespace;
    assert_eq!(place.ran(&["wh/nobody"]).failed(), format!("there is no Webhook {namespace}/nobody"));
    assert_eq!(
        place.ran(&["va/acount"]).failed(),
        format!("there is no VendorAccount {namespace}/acount: did you mean account?")
    );
    assert_eq!(place.ran(&["wh"]).failed(), format!("there is no Webhook in namespace {namespace}"));
    for (wrong, says) in [
        ("foo", "write wh/foo for the Webhook, whs/foo for the WebhookSet, or va/foo for the VendorAccount"),
        ("pod/x", "pod is not a kind of hooktender: write wh/NAME"),
        ("wh/", "write wh/NAME; --namespace says in which namespace"),
        ("wh/a/b", "write wh/NAME; --namespace says in which namespace"),
    ] {
        let line = place.ran(&[wrong]).failed();
        assert!(line.contains(says), "{line}");
    }
    let viewer = place.scene.cluster.service_account(namespace, "without-rights", "[]").unwrap();
    let ran = run(Some(&viewer), &["explain", "va/account"]);
    assert!(ran.failed().starts_with(&format!("VendorAccount {namespace}/account cannot be read: ")));
    // Without a kubeconfig there is no cluster to ask, and no flag that helps.
    let alone = run(None, &["explain", "va/account"]).failed();
    assert!(alone.starts_with("there is no cluster to talk to: ") && !alone.contains("--offline"), "{alone}");
}

#[test]
fn missing_rights_are_reported() {
    let place = Place::new();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    let rules = "[{apiGroups: [hooktender.dev], resources: [webhooks], verbs: [get]}]";
    let poor = place.scene.cluster.service_account(&place.scene.namespace, "poor", rules).unwrap();
    let ran = run(Some(&poor), &["explain", "wh/hook"]);
    let text = joined(ran.well());
    for part in [" Events ", "cannot be read: ", "is forbidden", "/account, which cannot be read: "] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
