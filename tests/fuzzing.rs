//! What `make fuzz` looks at for hours, for seconds: random bytes, and the samples of the vendors' own pages bent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hooktender::fuzzing;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

/// The seeds of one target: the files that `make fuzz` begins with too.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut found: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// One place of a seed made another: bytes written over, taken out, doubled, or a word put in.
fn bent(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "null",
        "-1",
        "1e999",
        "\"\"",
        "[]",
        "{}",
        "@@",
        "##",
        "$(TOKEN)",
        "$$(",
        "\u{0}",
        "é",
        "true",
        "9223372036854775808",
    ]);
    let bend = (any::<prop::sample::Index>(), 0..24_usize, 0..4_u8, words);
    (prop::sample::select(seeds), prop::collection::vec(bend, 0..6)).prop_map(|(mut bytes, bends)| {
        for (at, length, how, word) in bends {
            let at = at.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            match how {
                0 => drop(bytes.splice(at..end, word.bytes())),
                1 => drop(bytes.splice(at..at, word.bytes())),
                2 => drop(bytes.drain(at..end)),
                _ => {
                    let twice = bytes[at..end].to_vec();
                    drop(bytes.splice(at..at, twice));
                }
            }
        }
        bytes
    })
}

fn look(target: &str, at: fn(&[u8])) {
    look_beside(target, vec![], at);
}

fn look_beside(target: &str, mut seeds: Vec<Vec<u8>>, at: fn(&[u8])) {
    seeds.extend(self::seeds(target));
    for seed in &seeds {
        at(seed);
    }
    let any_bytes = prop::collection::vec(any::<u8>(), 0..200);
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(bytes in prop_oneof![1 => any_bytes, 4 => bent(seeds)])| at(&bytes));
}

#[test]
fn brightpearls_answers() {
    look("brightpearl", fuzzing::brightpearl);
}

#[test]
fn contensis_answers() {
    look("contensis", fuzzing::contensis);
}

#[test]
fn superoffices_answers() {
    look("superoffice", fuzzing::superoffice);
}

#[test]
fn manifests() {
    look("manifest", fuzzing::manifest);
}

#[test]
fn private_keys() {
    // A key that is one: no file holds it, so that nobody takes it for a secret that was lost.
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'static> = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    look_beside("private_key", vec![pem.into_bytes()], fuzzing::private_key);
}

#[test]
fn variables() {
    look("variables", fuzzing::variables);
}

#[test]
fn headers() {
    look("headers", fuzzing::headers);
}
