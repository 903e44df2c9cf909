//! Messages of a hostile vendor, in a log and in a status.

use serde_json::{Value, json};

use crate::hostile::{Hostile, account, login, respond};
use crate::site::Site;
use crate::vendors::Vendor;

#[test]
fn a_hostile_vendor_writes_no_line_of_the_log() {
    let words = "no\r\n2001-11-29T01:00:00.000000Z  INFO hooktender: account owner/account: all is well\n\u{202e}\x1b[2J";
    let body = json!({"Message": words}).to_string();
    let vendor = Hostile::answering(move |_, stream| respond(stream, "400 Bad Request", &body));
    let site = Site::with_flags("forged", Vendor::Brightpearl, &["--allow-endpoint", &vendor.address]);
    site.attack(&login()).accepted();
    site.attack(&account("evil", &vendor.address)).accepted();
    site.operator.logs("all is well");
    let log = site.operator.log();
    let forged = log.lines().find(|line| line.starts_with("2001-11-29T01:00:00.000000Z"));
    assert_eq!(forged, None, "{log}");
    assert!(!log.contains(['\r', '\u{202e}', '\x1b']), "{log}");
    assert!(log.contains(r"\u{d}\u{a}2001-11-29T01:00:00.000000Z"), "{log}");
}

#[test]
fn long_messages_do_not_grow_a_status_beyond_the_limit_of_the_api_server() {
    let item = |id: usize| {
        json!({"WebhookId": id, "Name": "n", "Events": [format!("\u{202e}{}", "x".repeat(50_000))],
            "TargetUrl": format!("https://{}.example/", "h".repeat(50_000))})
    };
    let list = Value::from((1..=60).map(item).collect::<Vec<_>>()).to_string();
    let vendor = Hostile::answering(move |_, stream| respond(stream, "200 OK", &list));
    let mut site =
        Site::with_flags("long-words", Vendor::Brightpearl, &["--allow-endpoint", &vendor.address]);
    site.attack(&login()).accepted();
    site.attack(&account("evil", &vendor.address)).accepted();
    let evil =
        site.guest.account_becomes("evil", "read", |account| !account["status"]["unmanaged"].is_null());
    let listed = evil["status"]["unmanaged"].as_array().unwrap();
    assert_eq!(listed.len(), 50);
    for one in listed {
        let summary = one["summary"].as_str().unwrap();
        assert!(summary.chars().count() < 250 && summary.starts_with(r"\u{202e}xxx"), "{summary}");
    }
    assert!(evil["status"].to_string().len() < 20_000);
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}
