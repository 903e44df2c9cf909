//! Checks how the code is layered: which layer imports which, that imports run in no circle, and that each outside effect has one
//! place. `docs/architecture.md` draws the layers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod graph;
mod rules;
mod self_test;
mod source;
mod tokens;

use graph::{Crate, Imports, are_parent_and_child, circles};
use rules::{EFFECTS, ENGINE, LAYERS, Layer, NO_MODULE, SYNCHRONOUS};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

#[test]
fn a_layer_imports_only_from_layers_below() {
    let mut wrong = Vec::new();
    for (from, targets) in imports() {
        for (to, line) in targets {
            let (layer, target) = (top(from), top(to));
            let rule = LAYERS.iter().find(|rule| rule.name == layer);
            let may = |rule: &Layer| layer == target || rule.imports.contains(&target);
            match rule {
                _ if from == "lib.rs" || to == "lib.rs" => {}
                Some(rule) if may(rule) => {}
                Some(rule) => wrong.push(format!("src/{from}:{line} imports {to}: {}", rule.reason)),
                None => wrong.push(format!("src/{from}: add {layer} to LAYERS")),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_layer_names_nothing_that_is_forbidden_to_it() {
    let sources = sources();
    let mut wrong = Vec::new();
    for file in graph(&sources).files() {
        for layer in LAYERS.iter().filter(|layer| top(file) == layer.name) {
            for (number, line) in code(&sources, file) {
                for word in layer.forbidden.iter().filter(|word| line.contains(**word)) {
                    wrong.push(format!("src/{file}:{number}: {word}: {}", layer.reason));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_outside_effect_has_one_place() {
    let sources = sources();
    let graph = graph(&sources);
    let mut wrong = Vec::new();
    for (word, places, reason) in EFFECTS {
        let mut seen = false;
        for file in graph.files().into_iter().chain(["main.rs"]) {
            let allowed = places.split(' ').any(|place| file.starts_with(place));
            for (number, _) in code(&sources, file).into_iter().filter(|(_, line)| line.contains(word)) {
                seen = true;
                if !allowed {
                    wrong.push(format!("src/{file}:{number}: {word}: {reason}"));
                }
            }
        }
        assert!(seen, "no file contains {word} any more: remove this rule");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_import_one_another_in_no_circle() {
    let circles = circles(between_files(imports().clone()));
    let wrong: Vec<String> = circles.iter().map(|circle| describe(circle, imports())).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The simulation is a program of its own, although it is a test.
#[test]
fn files_of_tests_import_one_another_in_no_circle() {
    let sources = sources();
    let imports = Crate::with_tests(texts(&sources)).imports();
    let circles = circles(between_files(imports.clone()));
    let wrong: Vec<String> = circles.iter().map(|circle| describe(circle, &imports)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_engine_imports_in_the_order_of_its_modules() {
    let wrong: Vec<String> = upward(imports()).into_values().collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn modules_of_the_engine_that_compute_are_not_async() {
    let sources = sources();
    let files = graph(&sources);
    let files =
        files.files().into_iter().filter(|file| module(file).is_some_and(|name| SYNCHRONOUS.contains(&name)));
    let mut wrong = Vec::new();
    for file in files {
        if let Some(line) = source::asynchronous(text(&sources, file)).first() {
            wrong.push(format!(
                "src/{file}:{line}: state, inputs and status compute without waiting: move this to pass"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_release_build_has_fail_points() {
    let source = fs::read_to_string(root().join("failpoint.rs")).unwrap();
    let guard = r#"#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!"#;
    assert!(source.contains(guard), "a release build with fail points has to be refused");
    let manifest = fs::read_to_string(root().join("../Cargo.toml")).unwrap();
    let has_default = manifest.lines().any(|line| line.trim_start().starts_with("default = ["));
    assert!(!has_default, "no feature of this package is on by default");
    let release = manifest.split("[profile.release]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(!release.contains("debug-assertions"), "release builds would be taken for test builds");
}

#[test]
fn no_release_has_code_for_fuzzing() {
    let manifest = fs::read_to_string(root().join("../Cargo.toml")).unwrap();
    assert!(manifest.contains("\nfuzzing = []\n"), "fuzz/ asks for the feature fuzzing");
    for file in ["lib.rs", "engine/mod.rs", "vendor/mod.rs"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let (before, _) =
            text.split_once("mod fuzzing;").unwrap_or_else(|| panic!("{file} has no mod fuzzing"));
        let nearest = before.rsplit("mod ").next().unwrap();
        assert!(
            nearest.contains(r#"#[cfg(feature = "fuzzing")]"#),
            "{file}: gate mod fuzzing by the feature"
        );
    }
}

/// Leaves out imports between a parent module and its child: a parent declares and uses its children, and these may import it.
fn between_files(mut imports: Imports) -> Imports {
    for (from, targets) in &mut imports {
        targets.retain(|to, _| !are_parent_and_child(from, to));
    }
    imports
}

/// Returns a circle as a person is to read it.
fn describe(circle: &[String], imports: &Imports) -> String {
    let mut lines = vec![format!("{} files import one another in a circle:", circle.len())];
    for (index, from) in circle.iter().enumerate() {
        let to = &circle[(index + 1) % circle.len()];
        lines.push(format!("    src/{from}:{} imports src/{to}", imports[from][to]));
    }
    lines.push("  move what both need into a module below both".to_owned());
    lines.join("\n")
}

/// Returns the imports against the order of `ENGINE`, with what to say of each.
fn upward(imports: &Imports) -> BTreeMap<(String, String), String> {
    let row = |name: &str| ENGINE.iter().position(|row| row.contains(&name));
    let mut found = BTreeMap::new();
    for (from, targets) in imports {
        for (to, line) in targets {
            let (Some(one), Some(other)) = (module(from), module(to)) else { continue };
            let message = match (row(one), row(other)) {
                _ if one == other => continue,
                (Some(above), Some(below)) if below < above => continue,
                (Some(_), Some(_)) => {
                    format!(
                        "src/{from}:{line} imports {to}: {one} is not above {other}; move what it needs below {one}"
                    )
                }
                (None, _) => format!("src/{from}: add {one} to ENGINE"),
                (_, None) => format!("src/{to}: add {other} to ENGINE"),
            };
            found.insert((from.clone(), to.clone()), message);
        }
    }
    found
}

/// Returns the name of the layer that a file belongs to.
fn top(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// Returns the module of the engine that a file belongs to.
fn module(file: &str) -> Option<&str> {
    let name = top(file.strip_prefix("engine/")?);
    (!NO_MODULE.contains(&name)).then_some(name)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn graph(sources: &[(String, String)]) -> Crate {
    Crate::new(texts(sources))
}

fn texts(sources: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    sources.iter().map(|(file, text)| (file.as_str(), text.as_str()))
}

/// Returns the imports of the crate; read once.
fn imports() -> &'static Imports {
    static IMPORTS: LazyLock<Imports> = LazyLock::new(|| graph(&sources()).imports());
    &IMPORTS
}

/// Returns all source files with their texts; names are below `src`.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn text<'a>(sources: &'a [(String, String)], file: &str) -> &'a str {
    sources.iter().find(|(name, _)| name == file).map_or("", |(_, text)| text)
}

/// Returns the lines of code of a file with their numbers: no comments, and nothing from its test module on.
fn code<'a>(sources: &'a [(String, String)], file: &str) -> Vec<(usize, &'a str)> {
    let lines = text(sources, file).lines().enumerate();
    lines
        .take_while(|(_, line)| !line.starts_with("mod tests {"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
        .collect()
}
