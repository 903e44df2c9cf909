//! Addresses that a tenant may have credentials sent to.

use std::sync::{Arc, Mutex};

use crate::hostile::{Hostile, account, login, respond};
use crate::scene::condition;
use crate::site::Site;
use crate::vendors::Vendor;

/// The paths of requests to a server.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server without subscriptions that records each path.
fn listening() -> (Hostile, Heard) {
    let heard = Heard::default();
    let noted = Arc::clone(&heard);
    let server = Hostile::answering(move |request, stream| {
        noted.lock().unwrap().push(request.line.split(' ').nth(1).unwrap_or_default().to_owned());
        respond(stream, "200 OK", "[]")
    });
    (server, heard)
}

#[test]
fn an_endpoint_that_is_allowed_for_others_gets_no_request() {
    let ((elsewhere, unheard), (crm, heard)) = (listening(), listening());
    let other = format!("{},namespace=elsewhere", elsewhere.address);
    let path = format!("{}/crm,vendor=superoffice", crm.address);
    let site = Site::with_flags(
        "addresses",
        Vendor::Brightpearl,
        &["--allow-endpoint", &other, "--allow-endpoint", &path],
    );
    site.attack(&login()).accepted();
    for (name, address, allowed) in [
        ("own", format!("{}/crm/eu", crm.address), true),
        ("root", crm.address.clone(), false),
        ("beside", format!("{}/crm2", crm.address), false),
        ("above", format!("{}/crm/../admin", crm.address), false),
        ("encoded", format!("{}/crm/%2e%2e/admin", crm.address), false),
        ("half-encoded", format!("{}/crm/..%2fadmin", crm.address), false),
        ("other", elsewhere.address.clone(), false),
        ("container", "https://live-example.cloud.contensis.com".to_owned(), false),
        ("website", "https://community.superoffice.com".to_owned(), false),
    ] {
        site.attack(&account(name, &address)).accepted();
        if allowed {
            site.guest.account_becomes(name, "ready", |object| {
                condition(object, "Ready").is_some_and(|ready| ready.status == "True")
            });
        } else {
            let message = site.guest.account_stalled(name, "EndpointNotAllowed");
            assert!(
                !message.contains("elsewhere"),
                "{name}: whom it is allowed to is no one else's: {message}"
            );
        }
    }
    assert_eq!(*unheard.lock().unwrap(), [""; 0]);
    let heard = heard.lock().unwrap();
    assert!(!heard.is_empty() && heard.iter().all(|path| path.starts_with("/crm/eu/api/")), "{heard:?}");
    site.an_edit_of_the_owner_arrives();
}
