//! The picture of what `hooktender plan` prints on a terminal: an SVG, written from the real output, so that it can be compared
//! byte by byte whatever fonts a machine has.

use hooktender_sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use tokio::runtime::Runtime;

const TOKEN: &str = "k3y-of-the-receiver";
/// Size of a column and a line, and the space around all.
const COLUMN: usize = 8;
const LINE: usize = 20;
const SPACE: usize = 20;

fn hook(name: &str, resource: &str, path: &str) -> Value {
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook", "metadata": {"name": name},
        "spec": {"accountRef": {"name": "brightpearl-eu"},
            "variables": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hooks", "key": "token"}}}],
            "subscription": {"brightpearl": {"subscribeTo": resource, "httpMethod": "POST",
                "uriTemplate": format!("https://hooks.example.com/{path}?token=$(TOKEN)"),
                "bodyTemplate": "{\"account\":\"${account-code}\",\"type\":\"${resource-type}\",\"id\":\"${resource-id}\",\"event\":\"${lifecycle-event}\"}",
                "contentType": "application/json", "qualityOfService": 1}}},
    })
}

/// Prints a plan with one Webhook that is new, one that was changed at the vendor, one that is as declared, and an unmanaged
/// subscription.
fn print_plan() -> String {
    let runtime = Runtime::new().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(Options::default())).unwrap();
    let send = |method: &str, path: &str, body: &Value| {
        let url = format!("{}/brightpearl/acme{path}", sandbox.control_url());
        let request = reqwest::Client::new().request(method.parse().unwrap(), url).json(body);
        let answer = runtime.block_on(request.send()).unwrap();
        assert!(answer.status().is_success(), "{method} {path}");
    };
    send("PUT", "", &json!({"staffTokens": {"ops": "login"}}));
    let products = hook("product-changes", "product.modified", "products");
    let stock = hook("stock-levels", "product.modified.on-hand-modified", "stock");
    for (declared, edit) in [
        (&products, json!({})),
        (&stock, json!({"qualityOfService": 0, "bodyTemplate": "{\"id\":\"${resource-id}\"}"})),
    ] {
        let mut stored = declared["spec"]["subscription"]["brightpearl"].clone();
        stored["uriTemplate"] = json!(stored["uriTemplate"].as_str().unwrap().replace("$(TOKEN)", TOKEN));
        edit.as_object().unwrap().iter().for_each(|(name, value)| stored[name] = value.clone());
        send("POST", "/subscriptions", &stored);
    }
    send(
        "POST",
        "/subscriptions",
        &json!({"subscribeTo": "order.modified", "httpMethod": "GET", "uriTemplate": "https://old-erp.example.com/in",
        "idSetAccepted": false, "qualityOfService": 0}),
    );
    let secret = |name: &str, value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": value}});
    let login = json!({"staffToken": {"appRef": "ops", "tokenSecretRef": {"name": "login", "key": "token"}}});
    let account = json!({"apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": "brightpearl-eu"},
        "spec": {"vendor": {"brightpearl": {"url": sandbox.addresses().brightpearl, "account": "acme", "credentials": login}}}});
    let folder = tempfile::tempdir().unwrap();
    let orders = hook("order-status", "order.modified.order-status", "orders");
    for (name, object) in [
        ("account", account),
        ("login", secret("login", "login")),
        ("hooks", secret("hooks", TOKEN)),
        ("products", products),
        ("stock", stock),
        ("orders", orders),
    ] {
        std::fs::write(folder.path().join(format!("{name}.yaml")), object.to_string()).unwrap();
    }
    let plan = Command::new(env!("CARGO_BIN_EXE_hooktender"))
        .args([
            "plan",
            "--offline",
            "-f",
            ".",
            "--color=always",
            "--allow-endpoint",
            &sandbox.addresses().brightpearl,
        ])
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(plan.status.code(), Some(2), "{}", String::from_utf8_lossy(&plan.stderr));
    let text = String::from_utf8(plan.stdout).unwrap();
    assert!(!text.contains(TOKEN), "{text}");
    text
}

/// The classes of a colour sequence, such as `1;32`.
fn classes(sequence: &str) -> String {
    let class = |number: &str| match number {
        "1" => "bold",
        "2" => "faint",
        "7" => "marked",
        "31" => "red",
        "32" => "green",
        "33" => "yellow",
        "35" => "magenta",
        "36" => "cyan",
        "0" | "" => "",
        other => panic!("the colour {other} has no class"),
    };
    sequence.split(';').map(class).filter(|class| !class.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Draws the output of a command as on a terminal.
fn draw(command: &str, output: &str) -> String {
    let lines: Vec<_> = std::iter::once(format!("\u{1b}[2m$\u{1b}[0m {command}"))
        .chain(output.lines().map(str::to_owned))
        .collect();
    let (mut body, mut widest) = (String::new(), 0);
    for (at, line) in lines.iter().enumerate() {
        let _ = write!(body, "<text x=\"{SPACE}\" y=\"{}\">", SPACE + LINE * at + LINE * 3 / 4);
        let (mut column, mut style) = (0, Vec::new());
        for (number, piece) in line.split("\u{1b}[").enumerate() {
            let (sequence, text) = if number == 0 { ("", piece) } else { piece.split_once('m').unwrap() };
            if sequence == "0" || number == 0 {
                style.clear();
            } else {
                style.push(classes(sequence));
            }
            if text.is_empty() {
                continue;
            }
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let class = style.join(" ");
            // Each piece has its place, so that a font of another width does not shift it.
            let _ =
                write!(body, "<tspan x=\"{}\" class=\"{class}\">{escaped}</tspan>", SPACE + COLUMN * column);
            column += text.chars().count();
        }
        widest = widest.max(column);
        body.push_str("</text>\n");
    }
    let (width, height) = (2 * SPACE + COLUMN * widest, 2 * SPACE + LINE * lines.len());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>What hooktender plan prints</title>\n\
         <style>text {{ font: 13.3px ui-monospace, 'Cascadia Mono', 'JetBrains Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d8e0db; white-space: pre; }}\n\
         .bold {{ font-weight: 700; fill: #fff; }} .faint {{ fill: #93a19a; }} .marked {{ font-weight: 700; text-decoration: underline; }}\n\
         .red {{ fill: #ff9a90; }} .green {{ fill: #7fd3a0; }} .yellow {{ fill: #f0b860; }} .magenta {{ fill: #e3a6f2; }} .cyan {{ fill: #74d2dd; }}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#121917\"/>\n{body}</svg>\n"
    )
}

#[test]
fn the_picture_of_a_plan_is_up_to_date() {
    let drawn = draw("hooktender plan --offline -f .", &print_plan());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/plan.svg");
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        std::fs::write(&path, &drawn).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == drawn,
        "hooktender plan prints something else than docs/pictures/plan.svg shows: run make pictures"
    );
}
