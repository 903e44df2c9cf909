//! The pictures of the docs, made from the real program (`make pictures`).
//!
//! Whether they are up to date is judged by what they are made of, not by their pixels, which depend on the machine's fonts: a
//! digest of each page without its times, which names style sheet and script by their own digests.

use crate::api_server::ApiServer;
use crate::chromium::{self, Screen};
use crate::objects::company;
use crate::program::Program;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A picture of a page.
struct Picture {
    name: &'static str,
    page: &'static str,
    screen: Screen,
}

const DESKTOP: Screen = Screen { width: 1180, height: 760, dark: false };
const PICTURES: &[Picture] = &[
    Picture { name: "accounts", page: "/accounts", screen: DESKTOP },
    Picture {
        name: "account",
        page: "/accounts/integrations/brightpearl-eu",
        screen: Screen { height: 1100, ..DESKTOP },
    },
    Picture {
        name: "webhook",
        page: "/webhooks/shop/stock-levels",
        screen: Screen { height: 1000, ..DESKTOP },
    },
    Picture {
        name: "blocked-dark",
        page: "/webhooks/shop/invoices",
        screen: Screen { dark: true, height: 900, ..DESKTOP },
    },
    Picture {
        name: "webhooks-phone",
        page: "/webhooks",
        screen: Screen { width: 390, height: 900, dark: false },
    },
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures")
}

/// What a picture is made of: the page without the times, which differ with each run.
fn digest(page: &str) -> String {
    let times = regex::Regex::new("<time .*?</time>").unwrap();
    let page = times.replace_all(page, "");
    Sha256::digest(page.as_bytes()).iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[test]
fn the_pictures_of_the_docs_are_up_to_date() {
    let api = ApiServer::start(&company());
    let program = Program::start(&api, &["-A"]);
    let made_of: BTreeMap<_, _> =
        PICTURES.iter().map(|picture| (picture.name, digest(&program.get(picture.page)))).collect();
    let made_of = serde_json::to_string_pretty(&made_of).unwrap() + "\n";
    let sources = folder().join("sources.json");
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        take(&program);
        std::fs::write(&sources, &made_of).unwrap();
    }
    let known = std::fs::read_to_string(&sources).unwrap_or_default();
    assert_eq!(known, made_of, "the pages have changed since their pictures were taken: run make pictures");
    for picture in PICTURES {
        assert!(folder().join(format!("{}.png", picture.name)).is_file(), "{} is missing", picture.name);
    }
}

fn take(program: &Program) {
    let mut browser = chromium::start().unwrap();
    std::fs::create_dir_all(folder()).unwrap();
    for picture in PICTURES {
        browser.set(picture.screen);
        browser.open(&format!("{}{}", program.origin, picture.page));
        let png = browser.picture(1.5, Some(picture.screen.height));
        std::fs::write(folder().join(format!("{}.png", picture.name)), png).unwrap();
    }
}
