//! What a user sees, and what an attacker does not get.

use crate::api_server::ApiServer;
use crate::axe;
use crate::chromium::{self, Browser, Screen};
use crate::objects::{ago, company, hostile, many};
use crate::program::Program;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One address of each page.
const PAGES: &[&str] = &[
    "/accounts",
    "/accounts/integrations/brightpearl-eu",
    "/accounts/integrations/contensis-movies",
    "/webhooks",
    "/webhooks?q=shop&state=drifted",
    "/webhooks?q=nothing-like-this",
    "/sets",
    "/sets/shop/tenants",
    "/webhooks/shop/invoices",
    "/webhooks/shop/tenants-brightpearl-eu",
    "/webhooks/shop/stock-levels",
    "/webhooks/sales/appointments",
    "/plan",
    "/nowhere",
];
const PHONE: Screen = Screen { width: 360, height: 740, dark: false };
const DESKTOP: Screen = Screen { width: 1280, height: 800, dark: false };
const WALL: Screen = Screen { width: 2560, height: 1440, dark: false };

/// Checks that the page does not have to be scrolled sideways.
#[track_caller]
fn fits(browser: &mut Browser, what: &str) {
    let widest = "[...document.querySelectorAll('body *')].filter(e => !e.closest('.spoken, .skip, thead') \
        && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200))";
    assert_eq!(
        browser.evaluate("document.documentElement.scrollWidth <= innerWidth"),
        true,
        "{what}: {}",
        browser.evaluate(widest)
    );
}

#[test]
fn every_page_fits_every_screen_and_is_accessible() {
    let Some(mut browser) = chromium::start() else { return };
    let Some(script) = axe::script() else { return };
    let api = ApiServer::start(&company());
    let program = Program::start(&api, &["-A"]);
    for screen in [PHONE, DESKTOP, WALL, Screen { dark: true, ..PHONE }, Screen { dark: true, ..DESKTOP }] {
        browser.set(screen);
        for page in PAGES {
            browser.open(&format!("{}{page}", program.origin));
            let what = format!("{page} on {screen:?}");
            fits(&mut browser, &what);
            let wrong = axe::check(&mut browser, script);
            assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
            let unexpected: Vec<_> = browser.errors.iter().filter(|error| !error.contains("404")).collect();
            assert!(unexpected.is_empty(), "{what}: {unexpected:?}");
        }
    }
}

#[test]
fn a_page_is_complete_without_scripts_and_on_paper() {
    let Some(mut browser) = chromium::start() else { return };
    let api = ApiServer::start(&company());
    let program = Program::start(&api, &["-A"]);
    browser.set(DESKTOP);
    browser.call("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    browser.open(&format!("{}/webhooks?state=blocked", program.origin));
    browser.call("Emulation.setScriptExecutionDisabled", &json!({"value": false}));
    assert_eq!(browser.evaluate("document.querySelector('tbody th').innerText"), "shop/invoices");
    assert_eq!(browser.evaluate("document.querySelector('#filter-state').value"), "blocked");
    browser.call("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    let shown =
        |selector: &str| format!("getComputedStyle(document.querySelector('{selector}')).display !== 'none'");
    for (selector, printed) in
        [("table", true), ("h1", true), (".filter", false), (".search", false), (".top nav", false)]
    {
        assert_eq!(browser.evaluate(&shown(selector)), printed, "{selector}");
    }
    let paper = browser.call("Page.printToPDF", &json!({"printBackground": false}));
    assert!(paper["data"].as_str().unwrap().len() > 1000);
}

/// The text of the element that has the focus.
fn focused(browser: &mut Browser) -> String {
    let text = "(e => e.id || e.innerText || e.name || e.tagName)(document.activeElement)";
    browser.evaluate(text).as_str().unwrap().trim().to_owned()
}

#[test]
fn the_keyboard_is_enough() {
    let Some(mut browser) = chromium::start() else { return };
    let api = ApiServer::start(&company());
    let program = Program::start(&api, &["-A"]);
    browser.set(DESKTOP);
    browser.open(&format!("{}/webhooks", program.origin));
    browser.press("Tab");
    assert_eq!(focused(&mut browser), "Skip to the content");
    let outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, "solid", "the focus is seen");
    browser.press("Enter");
    assert_eq!(browser.evaluate("document.activeElement.id"), "main");
    // From the content on, the first stops are the numbers by state.
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        browser.press("Tab");
        seen.insert(focused(&mut browser));
        if focused(&mut browser).contains("shop/invoices") {
            break;
        }
    }
    assert!(seen.iter().any(|text| text.contains("Blocked")) && seen.contains("filter-state"), "{seen:?}");
    browser.press("Enter");
    browser.loaded();
    assert_eq!(browser.evaluate("location.pathname"), "/webhooks/shop/invoices");
}

#[test]
fn hostile_text_runs_no_script_and_sends_no_request() {
    let Some(mut browser) = chromium::start() else { return };
    let api = ApiServer::start(&hostile());
    let program = Program::start(&api, &["-A"]);
    browser.call(
        "Page.addScriptToEvaluateOnNewDocument",
        &json!({"source": "window.alert = () => { window.ran = true }"}),
    );
    browser.set(DESKTOP);
    let mut pages = vec![
        "/accounts".to_owned(),
        "/accounts/shop/acme".into(),
        "/sets".into(),
        "/sets/shop/orders".into(),
        "/webhooks".into(),
        "/webhooks/shop/hook".into(),
        "/plan".into(),
    ];
    pages.push(format!(
        "/webhooks?q={}",
        form_urlencoded::byte_serialize(b"<script>alert(1)</script>").collect::<String>()
    ));
    browser.open(&format!("{}/webhooks", program.origin));
    let links =
        browser.evaluate("[...document.querySelectorAll('tbody a')].map(a => a.getAttribute('href'))");
    pages.extend(links.as_array().unwrap().iter().map(|link| link.as_str().unwrap().to_owned()));
    for page in pages {
        browser.open(&format!("{}{page}", program.origin));
        let ours = |url: &&String| !url.starts_with(&program.origin) && !url.starts_with("data:");
        let elsewhere: Vec<_> = browser.requests.iter().filter(ours).collect();
        assert!(elsewhere.is_empty(), "{page}: {elsewhere:?}");
        let found = "window.ran || document.querySelector('main img, main script, main b[onmouseover], [onerror]') !== null";
        assert_eq!(browser.evaluate(found), false, "{page}");
        let hidden = browser.evaluate("/[\\u0000-\\u0008\\u000b-\\u001f\\u202a-\\u202e\\u2066-\\u2069]/.test(document.documentElement.innerText)");
        assert_eq!(hidden, false, "{page}");
        let text = browser.evaluate("document.body.innerText");
        assert!(
            page.contains('%') || text.as_str().unwrap().contains("<script>"),
            "{page} shows the text: {text}"
        );
    }
}

#[test]
fn a_page_refreshes_itself_without_losing_the_place() {
    let Some(mut browser) = chromium::start() else { return };
    let api = ApiServer::start(&many(400));
    let program = Program::start(&api, &["-A"]);
    browser.set(PHONE);
    browser.open(&format!("{}/webhooks?q=hook-000", program.origin));
    browser.evaluate(
        "scrollTo(0, 1500); document.querySelectorAll('tbody th a')[9].focus({preventScroll: true})",
    );
    let place = "JSON.stringify([scrollY, document.activeElement.getAttribute('href')])";
    let before = browser.evaluate(place);
    let changed = many(8).into_iter().rfind(|object| object["kind"] == "Webhook").map(|mut object: Value| {
        object["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "reason": "JustNow", "message": "m",
            "lastTransitionTime": ago(0)}]);
        object
    });
    api.put(&changed.unwrap());
    program.until("/webhooks?q=justnow", |page| page.contains("JustNow"));
    let shown = "new Promise(done => { const look = () => document.body.innerText.includes('JustNow') ? done(true) : setTimeout(look, 100); look() })";
    assert_eq!(browser.evaluate(shown), true);
    assert_eq!(browser.evaluate(place), before, "place and focus are as before");
    drop(program);
    let ended = shown
        .replace("document.body.innerText.includes('JustNow')", "!document.getElementById('ended').hidden");
    assert_eq!(browser.evaluate(&ended), true, "the page says that the program has ended");
}

#[test]
fn no_page_lists_watches_or_writes_anything() {
    let api = ApiServer::start(&company());
    let program = Program::start(&api, &["-A"]);
    api.watched(4);
    let before = api.asked();
    for page in PAGES {
        program.get(page);
        program.get(&format!("{}.json", page.split('?').next().unwrap()));
    }
    assert_eq!(api.asked(), before, "pages are made of what the watches have read");
    let lists: Vec<_> = before.iter().filter(|asked| !asked.watch).map(|asked| asked.path.as_str()).collect();
    assert_eq!(lists.len(), 4, "one list of each kind: {lists:?}");
    assert!(before.iter().all(|asked| asked.method == "GET"), "{before:?}");
}

#[test]
fn ten_thousand_webhooks_are_paged() {
    let Some(mut browser) = chromium::start() else { return };
    let api = ApiServer::start(&many(10_000));
    let program = Program::start(&api, &["-A"]);
    program.until("/webhooks", |page| page.contains("10000 Webhooks"));
    for page in ["/accounts", "/accounts/shop/tenant-00", "/webhooks", "/webhooks?page=200", "/plan"] {
        let html = program.get(page);
        assert!(html.len() < 300_000, "{page} has {} bytes", html.len());
        let rows = html.matches("<tr>").count() + html.matches("<article").count();
        assert!(rows <= 2 * 52, "{page} has {rows} rows");
    }
    browser.set(DESKTOP);
    browser.open(&format!("{}/webhooks?page=200", program.origin));
    let range = browser.evaluate("document.querySelector('nav.pages span').innerText");
    assert_eq!(range, "9951–10000 of 10000");
}

#[test]
fn a_missing_right_is_named_and_the_rest_is_shown() {
    let api = ApiServer::start(&company());
    api.forbid("vendoraccounts");
    api.forbid("events");
    let program = Program::start(&api, &["-A"]);
    let page = program.until("/webhooks", |page| page.contains("shop/"));
    assert!(
        page.contains("you lack the right to list and watch vendoraccounts.hooktender.dev in all namespaces"),
        "{page}"
    );
    assert!(page.contains("list and watch events in all namespaces"), "{page}");
    assert!(page.contains("invoices"), "{page}");
    let of_namespace = Program::start(&api, &["-n", "shop"]);
    let page = of_namespace.until("/webhooks", |page| page.contains("invoices"));
    assert!(!page.contains("contact-sync"), "only the namespace: {page}");
    assert!(page.contains("vendoraccounts.hooktender.dev in namespace shop: ask for these verbs"), "{page}");
}

#[test]
fn a_page_says_since_when_it_is_true_while_the_api_server_is_away() {
    let mut api = ApiServer::start(&company());
    let program = Program::start(&api, &["-A"]);
    assert!(program.get("/webhooks").contains("class=\"live\""));
    api.go_away();
    let page = program.until("/webhooks", |page| page.contains("Webhooks are shown as they were"));
    assert!(page.contains("the API server does not answer") && page.contains("invoices"), "{page}");
    api.come_back();
    program.until("/webhooks", |page| page.contains("class=\"live\"") && page.contains("invoices"));
}
