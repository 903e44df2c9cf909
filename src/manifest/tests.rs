//! Tables of accepted and refused manifests, with positions.

use super::*;
use std::fmt::Write as _;
use std::fs;

const HEAD: &str = "apiVersion: hooktender.dev/v1alpha1\nkind: Webhook\nmetadata: {name: a}\n";
const SPEC: &str = "spec:\n  accountRef: {name: a}\n  subscription:\n    brightpearl:\n      subscribeTo: product\n      \
    httpMethod: GET\n      uriTemplate: https://a.example/\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";

fn webhook() -> String {
    format!("{HEAD}{SPEC}")
}

fn good(text: &str) -> Manifests {
    parse("f.yaml", text.as_bytes(), "shop").unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

/// All problems, one per line.
fn bad(text: impl AsRef<[u8]>) -> String {
    let problems = parse("f.yaml", text.as_ref(), "shop").err().unwrap_or_default();
    problems.iter().fold(String::new(), |all, problem| all + &problem.to_string() + "\n")
}

#[test]
fn what_kubectl_accepts_is_accepted() {
    let json = r#"{"apiVersion":"hooktender.dev/v1alpha1","kind":"Webhook","metadata":{"name":"a","labels":{"b":"c"}},
        "spec":{"accountRef":{"name":"a"},"subscription":{"brightpearl":
        {"subscribeTo":"product","httpMethod":"GET","uriTemplate":"https:\/\/a.example\/\ud83d\ude00"}}}}"#;
    let indented = webhook().replace('\n', "\n    ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n  - {}\n", indented.trim());
    let anchors =
        format!("x: &x {{name: a}}\n{}", webhook()).replace("accountRef: {name: a}", "accountRef: *x");
    for (reason, text, count) in [
        ("nothing", String::new(), 0),
        ("only comments", "# nothing\n---\n# nothing\n".into(), 0),
        ("one", webhook(), 1),
        ("an empty document between", format!("---\n---\n{}---\n", webhook()), 1),
        ("Windows", webhook().replace('\n', "\r\n"), 1),
        ("a byte order mark", format!("\u{feff}{}", webhook()), 1),
        ("JSON", json.into(), 1),
        ("a list", list, 1),
        ("a status from the cluster", format!("{}status: {{anything: 1}}\n", webhook()), 1),
    ] {
        assert_eq!(good(&text).webhooks.len(), count, "{reason}");
    }
    assert!(
        bad(anchors).contains("1:1: x: unknown field"),
        "an anchor needs a place the API server knows too"
    );
    let merged = webhook()
        .replace("accountRef: {name: a}", "accountRef: {<<: {name: other, namespace: base}, name: a}");
    let merged = good(&merged).webhooks.remove(0).object;
    assert_eq!(merged.spec.account_ref.name, "a");
    assert_eq!(merged.spec.account_ref.namespace.as_deref(), Some("base"));
}

#[test]
fn objects_without_a_namespace_get_one() {
    let own = webhook().replace("{name: a}\nspec", "{name: a, namespace: own}\nspec");
    let found = good(&format!("{}---\n{own}", webhook())).webhooks;
    let namespaces: Vec<_> = found.iter().map(|found| found.object.metadata.namespace.clone()).collect();
    assert_eq!(namespaces, [Some("shop".into()), Some("own".into())]);
    assert_eq!(found[1].place.to_string(), "f.yaml:12:1");
    assert_eq!(found[1].place_of("spec.subscription.brightpearl.uriTemplate").to_string(), "f.yaml:21:20");
    assert_eq!(found[1].place_of("spec.subscription.brightpearl.bodyTemplate").to_string(), "f.yaml:18:5");
}

#[test]
fn omitted_fields_get_their_defaults() {
    let found = good(&webhook()).webhooks.remove(0).object.spec;
    assert!(!found.suspend);
    let account = "apiVersion: hooktender.dev/v1alpha1\nkind: VendorAccount\nmetadata: {name: a}\nspec: {vendor: \
        {contensis: {alias: a, project: p, credentials: {classic: {usernameSecretRef: {name: c, key: u}, \
        passwordSecretRef: {name: c, key: p}}}}}, deletionGuard: {}, mode: null}";
    let account = good(account).accounts.remove(0).object.spec;
    assert_eq!((account.deletion_guard.max_percent, account.resync_interval.as_str()), (30, "5m"));
}

#[test]
fn each_mistake_has_one_line_and_its_position() {
    let spec = |from: &str, to: &str| webhook().replace(from, to);
    for (reason, text, wanted) in [
        (
            "misspelt",
            spec("uriTemplate", "uriTemplat"),
            "f.yaml:10:7: spec.subscription.brightpearl.uriTemplat: unknown field: did you mean uriTemplate?\n",
        ),
        (
            "nothing near",
            spec("subscribeTo", "xxx: 1\n      subscribeTo"),
            "f.yaml:8:7: spec.subscription.brightpearl.xxx: unknown field\n",
        ),
        ("missing", spec("  accountRef: {name: a}\n", ""), "f.yaml:4:1: spec.accountRef: Required value\n"),
        ("no spec", HEAD.into(), "f.yaml:1:1: spec: Required value\n"),
        (
            "a list of choices",
            spec("GET", "PATCH"),
            "f.yaml:9:19: spec.subscription.brightpearl.httpMethod: Unsupported value: \"PATCH\": supported values: \"GET\", \"POST\", \"PUT\", \"DELETE\"\n",
        ),
        (
            "a rule",
            spec("https://", "//"),
            "f.yaml:10:20: spec.subscription.brightpearl.uriTemplate: Invalid value: \"//a.example/\": uriTemplate must be absolute: start it with https:// (or http://), or with a $(NAME) variable that does\n",
        ),
        (
            "twice",
            spec("httpMethod: GET", "subscribeTo: order"),
            "f.yaml:9:7: duplicate key subscribeTo: first in line 8\n",
        ),
        (
            "no name",
            spec("{name: a}\nspec", "{}\nspec"),
            "f.yaml:3:11: metadata.name: Required value: name is required\n",
        ),
        (
            "no metadata",
            spec("metadata: {name: a}\n", ""),
            "f.yaml:1:1: metadata.name: Required value: name is required\n",
        ),
        (
            "misspelt metadata",
            spec("{name: a}\nspec", "{name: a, lables: {}}\nspec"),
            "f.yaml:3:21: metadata.lables: unknown field: did you mean labels?\n",
        ),
        (
            "a label",
            spec("{name: a}\nspec", "{name: a, labels: {b: 1}}\nspec"),
            "f.yaml:3:33: metadata.labels.b: Invalid value: must be text: put it in quotes\n",
        ),
        (
            "misspelt kind",
            spec("kind: Webhook", "kind: WebHook"),
            "f.yaml:2:7: hooktender.dev has no kind WebHook: did you mean Webhook?\n",
        ),
        (
            "version",
            spec("v1alpha1", "v1"),
            "f.yaml:1:13: unknown version hooktender.dev/v1: write hooktender.dev/v1alpha1\n",
        ),
        (
            "no kind",
            "a: 1\n".into(),
            "f.yaml:1:1: apiVersion: Required value\nf.yaml:1:1: kind: Required value\n",
        ),
        (
            "text",
            "hello\n".into(),
            "f.yaml:1:1: not a Kubernetes object: write a map with apiVersion, kind and metadata\n",
        ),
        (
            "a number that is none",
            spec("https://a.example/", ".inf"),
            "f.yaml:10:20: infinity and not-a-number cannot be sent to an API server\n",
        ),
        (
            "an unknown anchor",
            spec("https://a.example/", "*a"),
            "f.yaml:10:20: not YAML: while parsing node, found unknown anchor\n",
        ),
        (
            "a tag",
            spec("https://a.example/", "!x a"),
            "f.yaml:10:23: an unknown tag, or one that does not fit the value\n",
        ),
    ] {
        assert_eq!(bad(&text), wanted, "{reason}");
    }
    let generated = bad(spec("name: a}\nspec", "generateName: a-}\nspec"));
    assert!(
        generated.starts_with("f.yaml:3:12: metadata.generateName: use metadata.name instead"),
        "{generated}"
    );
    for name in ["A", "-a", "a-", "a..b", "a_b", "''", &"a".repeat(254)] {
        let refusal = bad(spec("{name: a}\nspec", &format!("{{name: {name}}}\nspec")));
        assert!(refusal.starts_with("f.yaml:3:18: metadata.name: Invalid value: "), "{name}: {refusal}");
    }
    good(&spec("{name: a}\nspec", &format!("{{name: a.b-1.{}}}\nspec", "c".repeat(70))));
}

#[test]
fn all_mistakes_of_all_documents_are_reported_by_line() {
    let broken = webhook().replace("https://", "//");
    let text = format!("{broken}---\n[1, 2\n---\n{}---\n{broken}", webhook().replace("GET", "{"));
    let lines: Vec<_> = bad(text).lines().map(|line| line.split(':').nth(1).unwrap().to_owned()).collect();
    assert_eq!(lines[0], "10");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[3], "34");
}

#[test]
fn not_text_and_not_yaml_have_a_line_each() {
    assert_eq!(bad(b"a: 1\nb: \xff\n"), "f.yaml:2:4: not UTF-8: save the file as UTF-8 text\n");
    let refusal = bad("a: [1\n");
    assert!(
        refusal.starts_with("f.yaml:") && refusal.contains("not YAML") && refusal.lines().count() == 1,
        "{refusal}"
    );
}

#[test]
fn the_same_object_twice_names_both_places() {
    let other = webhook().replace("{name: a}\nspec", "{name: a, namespace: other}\nspec");
    good(&format!("{}---\n{other}", webhook()));
    let twice = bad(format!("{}---\n{other}---\n{}", webhook(), webhook()));
    assert_eq!(twice, "f.yaml:23:1: Webhook shop/a is declared here and at f.yaml:1:1: keep one of them\n");
}

#[test]
fn objects_of_other_groups_are_skipped_with_a_note() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\napiVersion: hooktender.de/v1alpha1\n\
        kind: Webhook\nmetadata: {name: a}\n";
    let skipped = good(text).skipped;
    assert_eq!((skipped[0].object.as_str(), skipped[0].place.line), ("Deployment/web", 1));
    assert!(skipped[1].why.contains("did you mean hooktender.dev/v1alpha1?"), "{}", skipped[1].why);
}

#[test]
fn secrets_are_merged_as_the_api_server_does_and_never_shown() {
    let secret =
        good(&format!("{SECRET}data: {{a: b2xk, b: b2xk}}\nstringData: {{a: new}}\n")).secrets.remove(0);
    let data = secret.object.data.unwrap();
    assert_eq!((data["a"].0.as_slice(), data["b"].0.as_slice()), (&b"new"[..], &b"old"[..]));
    for (reason, members, wanted) in [
        (
            "not base64",
            "data:\n  a: hunter2!\n",
            "f.yaml:5:6: data.a: Invalid value: not base64; write plain text under stringData\n",
        ),
        (
            "a number",
            "stringData: {a: 4711}\n",
            "f.yaml:4:17: stringData.a: Invalid value: must be text: put it in quotes\n",
        ),
        ("not a map", "data: hunter2\n", "f.yaml:4:7: data: Invalid value: must be a map\n"),
        (
            "misspelt",
            "stringdata: {a: hunter2}\n",
            "f.yaml:4:1: stringdata: unknown field: did you mean stringData?\n",
        ),
        (
            "a key",
            "stringData: {'a b': hunter2}\n",
            "f.yaml:4:14: stringData.a b: Invalid value: use at most 253 letters, digits, -, _ and .\n",
        ),
    ] {
        assert_eq!(bad(format!("{SECRET}{members}")), wanted, "{reason}");
    }
    let map =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata: {a: text}\nbinaryData: {b: b2xk}\n";
    let map = good(map).config_maps.remove(0).object;
    assert_eq!(map.data.unwrap()["a"], "text");
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        let _ = writeln!(bomb, "a{level}: &a{level} [{below}]");
    }
    let long = "x".repeat(1_000_000);
    let text = format!("a: &a {long}\nb: [{}]\n", "*a, ".repeat(1000));
    let flat = format!("[{}]", "0,".repeat(1_000_100));
    let mut chain = "a0: &a0 [x]\n".to_owned();
    let mut deep = String::new();
    for level in 1..2000 {
        let _ = writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1);
    }
    for level in 0..100 {
        let _ = writeln!(deep, "{}{}:", " ".repeat(level), "k".repeat(900));
    }
    let _ = writeln!(deep, "{}[{}]", " ".repeat(100), "0,".repeat(10_000));
    let unknown = (0..20_000).fold(HEAD.to_owned(), |all, number| format!("{all}x{number}: 1\n"));
    let refusal = bad(unknown + SPEC);
    assert!(refusal.lines().count() <= 100, "{}", refusal.lines().count());
    let refusal = bad(webhook().replace("GET", &long));
    assert!(refusal.len() < 3000 && refusal.ends_with("…\n"), "{}", refusal.len());
    assert_eq!(bad(format!("{}  x:\n    {}", webhook(), deep.replace('\n', "\n    "))).lines().count(), 1);
    for text in [
        bomb,
        text,
        flat,
        chain,
        "? ".to_owned() + &long,
        "[".repeat(100_000),
        "- ".repeat(100_000),
        "&a [*a]".into(),
    ] {
        let refusal = bad(&text);
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
    }
}

#[test]
fn files_folders_and_missing_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("deeper")).unwrap();
    fs::write(path("b.yml"), webhook().replace("{name: a}\nspec", "{name: b}\nspec")).unwrap();
    fs::write(path("a.yaml"), webhook()).unwrap();
    fs::write(path("notes.txt"), "not YAML: [").unwrap();
    fs::write(path("deeper/c.json"), "{").unwrap();
    let names = |found: &Manifests| -> Vec<_> {
        found.webhooks.iter().filter_map(|found| found.object.metadata.name.clone()).collect()
    };
    let all = [folder.path().to_owned()];
    assert_eq!(names(&read(&all, false, "shop").ok().unwrap()), ["a", "b"]);
    let deeper = read(&all, true, "shop").err().unwrap();
    assert!(deeper[0].to_string().contains("deeper/c.json:"), "{deeper:?}");
    let large = path("large.yaml");
    fs::File::create(&large).unwrap().set_len(17 * 1024 * 1024).unwrap();
    fs::create_dir(path("empty")).unwrap();
    let problems =
        read(&[path("none.yaml"), large, path("empty"), path("b.yml")], false, "shop").err().unwrap();
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(
        problems[0]
            .ends_with("empty: no *.yaml, *.yml or *.json in this folder (its subfolders are not read)"),
        "{problems:?}"
    );
    assert!(
        problems[1].ends_with("large.yaml: larger than 16 MiB, the most that hooktender reads: split it"),
        "{problems:?}"
    );
    assert!(problems[2].ends_with("none.yaml: no such file or folder"), "{problems:?}");
}

/// Opening a named pipe waits for a writer.
#[test]
fn a_pipe_in_place_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.yaml")).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let named = [folder.path().to_owned(), pipe];
    std::thread::spawn(move || {
        let of = |source: &PathBuf| read(std::slice::from_ref(source), true, "shop").err().unwrap();
        let _ =
            tell.send(named.map(|source| of(&source).iter().map(ToString::to_string).collect::<Vec<_>>()));
    });
    let [folder, pipe] =
        told.recv_timeout(std::time::Duration::from_secs(30)).expect("it waits for a writer");
    assert!(
        folder[0].ends_with("pipe.yaml: not a regular file: replace it with a file, or remove it"),
        "{folder:?}"
    );
    assert!(
        folder[1].ends_with("zero.yaml: not a regular file: replace it with a file, or remove it"),
        "{folder:?}"
    );
    assert!(
        pipe[0].ends_with("pipe.yaml: a named pipe, on which hooktender might wait forever: use - and pipe the manifest into it"),
        "{pipe:?}"
    );
}

#[test]
fn immutable_fields_are_reported_at_their_position() {
    let old = good(&webhook()).webhooks.remove(0).object;
    let new = good(&webhook().replace("accountRef: {name: a}", "accountRef: {name: b}")).webhooks.remove(0);
    let problems = check_change(&old, &new);
    assert_eq!(problems.len(), 1);
    let problem = problems[0].to_string();
    assert!(
        problem.starts_with("f.yaml:5:15: spec.accountRef: Invalid value: accountRef cannot be changed"),
        "{problem}"
    );
    assert!(check_change(&old, &good(&webhook()).webhooks[0]).is_empty());
}

#[test]
fn a_problem_is_one_line_for_any_content() {
    let text =
        webhook().replace("GET", "\"a\\nb\\e[31m\"").replace("{name: a}\nspec", "{name: \"x\\ny\"}\nspec");
    let refusal = bad(text);
    assert_eq!(refusal.lines().count(), 2, "{refusal}");
    assert!(!refusal.contains('\u{1b}'), "{refusal}");
    assert_eq!(bad(webhook().replace("subscribeTo", "\"a\\nb\": 1\n      subscribeTo")).lines().count(), 1);
}
