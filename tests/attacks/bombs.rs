//! A small object that expands to a large text.

use serde_json::{Value, json};

use crate::scene::secret;
use crate::site::{OWNERS_TOKEN, Site};
use crate::vendors::Vendor;

/// A Webhook whose variables are each named after the value of the next, so that a redactor that searched its own replacements
/// would multiply its text at each step.
fn redaction_bomb(site: &Site) -> (Value, Value) {
    let name = |number: u8| format!("_{}", char::from(b'a' + number).to_string().repeat(12).repeat(16));
    let value = |number: u8| char::from(b'a' + number).to_string().repeat(12);
    let data = (0..8).map(|number| (format!("k{number}"), json!(value(number)))).collect::<Value>();
    let variables: Vec<_> = (0..8)
        .map(|number| {
            let from = json!({"secretKeyRef": {"name": "bomb", "key": format!("k{number}")}});
            json!({"name": name(number + 1), "valueFrom": from})
        })
        .collect();
    let mut hook = site.guests("bomb");
    hook["spec"]["variables"] = variables.into();
    hook["spec"]["mode"] = json!("Plan");
    hook["spec"]["subscription"]["brightpearl"]["uriTemplate"] =
        json!(format!("https://hooks.example.com/$({})", name(1)));
    (secret("bomb", &data), hook)
}

#[test]
fn names_of_variables_that_are_values_of_others_cost_nothing() {
    let mut site = Site::new("redaction-bomb", Vendor::Brightpearl);
    let (values, hook) = redaction_bomb(&site);
    site.attack(&values).accepted();
    site.attack(&hook).accepted();
    site.guest.webhook_becomes("bomb", "planned", |hook| !hook["status"]["plan"].is_null());
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
    site.the_guest_sees_nothing_of(OWNERS_TOKEN);
}
