//! The house keeps its floors: a room imports only from floors below, and each outside effect has one room.
//! `docs/architecture.md` draws it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and what its code may not name, with the reason that a person reads when it does.
struct Floor {
    room: &'static str,
    forbidden: &'static [&'static str],
    reason: &'static str,
}

const FLOORS: &[Floor] = &[
    Floor {
        room: "api",
        forbidden: &[
            "crate::plan",
            "crate::manifest",
            "crate::vendor",
            "crate::telemetry",
            "crate::engine",
            "crate::controller",
            "crate::cli",
            "reqwest",
            "tokio",
            "kube::Client",
            "kube::Api",
            "kube::api::",
        ],
        reason: "api is what users write: types, no I/O",
    },
    Floor {
        room: "plan",
        forbidden: &[
            "crate::manifest",
            "crate::vendor",
            "crate::telemetry",
            "crate::engine",
            "crate::controller",
            "crate::cli",
            "reqwest",
            "tokio",
            "kube::",
            "k8s_openapi",
            "std::time",
            "std::fs",
            "std::net",
            "std::env",
        ],
        reason: "plan is pure: no client, no clock, no I/O",
    },
    Floor {
        room: "plan",
        forbidden: &["brightpearl", "contensis", "superoffice"],
        reason: "plan knows no vendor by name",
    },
    Floor {
        room: "manifest",
        forbidden: &[
            "crate::plan",
            "crate::vendor",
            "crate::telemetry",
            "crate::engine",
            "crate::controller",
            "crate::cli",
            "reqwest",
            "tokio",
            "kube::",
            "std::net",
            "std::env",
            "std::time",
            "fs::write",
        ],
        reason: "manifest reads files and knows the kinds: no cluster, no vendor, no clock",
    },
    Floor {
        room: "vendor",
        forbidden: &[
            "crate::manifest",
            "crate::telemetry",
            "crate::engine",
            "crate::controller",
            "crate::cli",
            "kube::",
            "k8s_openapi",
        ],
        reason: "vendor knows nothing of Kubernetes",
    },
    Floor {
        room: "import",
        forbidden: &[
            "crate::telemetry",
            "crate::engine",
            "crate::controller",
            "crate::cli",
            "reqwest",
            "tokio",
            "kube::Client",
            "kube::Api",
            "std::time",
            "std::fs",
            "std::net",
            "std::env",
        ],
        reason: "import is pure: the command line lists the vendor and prints",
    },
    Floor {
        room: "import",
        forbidden: &["brightpearl", "contensis", "superoffice"],
        reason: "import knows no vendor by name",
    },
    Floor {
        room: "telemetry",
        forbidden: &[
            "crate::manifest",
            "crate::engine",
            "crate::controller",
            "crate::cli",
            "kube::",
            "k8s_openapi",
        ],
        reason: "telemetry is told, it does not ask",
    },
    Floor {
        room: "engine",
        forbidden: &["crate::controller", "crate::cli", "reqwest"],
        reason: "both front doors stand on the engine",
    },
    Floor {
        room: "engine",
        forbidden: &[
            "brightpearl",
            "contensis",
            "superoffice",
            "Brightpearl",
            "Contensis",
            "Superoffice",
            "OAUTH",
        ],
        reason: "engine knows no vendor by name: vendor answers what differs, such as vendor::secret_refs",
    },
    Floor {
        room: "controller",
        forbidden: &["crate::cli", "crate::manifest", "reqwest"],
        reason: "one front door does not lead through the other",
    },
    Floor { room: "cli", forbidden: &["reqwest"], reason: "only vendor::transport talks to vendors" },
];

/// Something that only one file may do.
const ONE_ROOM: &[(&str, &str, &str)] = &[
    (".execute(", "vendor/transport.rs", "only the transport sends requests to vendors"),
    ("reqwest::Client", "vendor/transport/http.rs", "only the transport sends requests to vendors"),
    (
        "Api<Secret>",
        "engine/cluster/secrets.rs engine/cluster/token_store.rs",
        "secrets reads Secrets, keeper writes what a vendor exchanged",
    ),
    (
        "patch_status",
        "engine/cluster/writer.rs engine/cluster/objects.rs",
        "only engine::record writes status",
    ),
    (
        "Api::namespaced(",
        "engine/cluster/objects.rs",
        "a name goes into a path only as an ObjectName, which is checked",
    ),
    (
        ".get_opt(",
        "engine/cluster/objects.rs",
        "a name goes into a path only as an ObjectName, which is checked",
    ),
    ("Api<Event>", "engine/cluster/writer.rs", "only engine::record makes events"),
    ("FAILPOINTS", "failpoint.rs", "only failpoint is told what to do at which place"),
    ("stdout().lock()", "cli/print.rs", "only cli::print prints, as it makes visible what others have said"),
    (
        "stderr().lock()",
        "cli/print.rs telemetry/logging.rs",
        "only cli::print prints, as it makes visible what others have said",
    ),
    (
        "println!",
        "main.rs failpoint.rs engine/simulation/mod.rs",
        "only cli::print prints, as it makes visible what others have said",
    ),
    (
        "expose_secret",
        "plan/document.rs plan/redact.rs vendor/ engine/cluster/token_store.rs engine/cluster/values.rs",
        "secrets are laid open only where they are read, sent, kept, compared or hidden",
    ),
];

#[test]
fn a_room_imports_only_from_floors_below() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (number, line) in code(&file) {
            for floor in FLOORS.iter().filter(|floor| in_room(&file, floor.room)) {
                for word in floor.forbidden.iter().filter(|word| line.contains(**word)) {
                    wrong.push(format!("{}:{number}: {word}: {}", name(&file), floor.reason));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_outside_effect_has_one_room() {
    let mut wrong = Vec::new();
    for (word, rooms, reason) in ONE_ROOM {
        let mut seen = false;
        for file in sources() {
            let allowed = rooms.split(' ').any(|room| name(&file).starts_with(room));
            for (number, _) in code(&file).into_iter().filter(|(_, line)| line.contains(word)) {
                seen = true;
                if !allowed {
                    wrong.push(format!("{}:{number}: {word}: {reason}", name(&file)));
                }
            }
        }
        assert!(seen, "{word} is nowhere any more: this rule guards nothing");
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
    let by_itself = manifest.lines().any(|line| line.trim_start().starts_with("default = ["));
    assert!(!by_itself, "no feature of this package comes by itself");
    let release = manifest.split("[profile.release]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(!release.contains("debug-assertions"), "release builds would be taken for test builds");
}

#[test]
fn no_release_has_what_only_fuzzing_needs() {
    let manifest = fs::read_to_string(root().join("../Cargo.toml")).unwrap();
    assert!(manifest.contains("\nfuzzing = []\n"), "the feature that fuzz/ asks for");
    assert!(!manifest.lines().any(|line| line.starts_with("default =")), "no feature is on by default");
    for file in ["lib.rs", "engine/mod.rs", "vendor/mod.rs"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let (before, _) =
            text.split_once("mod fuzzing;").unwrap_or_else(|| panic!("{file} has no mod fuzzing"));
        let attributes = before.rsplit("\n\n").next().unwrap();
        let nearest = attributes.rsplit("mod ").next().unwrap();
        assert!(
            nearest.contains(r#"#[cfg(feature = "fuzzing")]"#),
            "{file}: gate mod fuzzing by the feature"
        );
    }
}

#[test]
fn the_rules_can_fail() {
    let file = Path::new("src/plan/x.rs");
    assert!(in_room(file, "plan") && !in_room(file, "vendor"));
    assert!(!sources().is_empty());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn name(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).to_string_lossy().into_owned()
}

fn in_room(file: &Path, room: &str) -> bool {
    let name = name(file);
    let name = name.strip_prefix("src/").unwrap_or(&name);
    name.starts_with(&format!("{room}/"))
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// Lines of code with their numbers: no comments, and nothing from a file's test module on.
fn code(file: &Path) -> Vec<(usize, String)> {
    let is_test =
        ["tests.rs", "testing.rs", "properties.rs", "seeds.rs"].iter().any(|end| file.ends_with(end));
    if is_test
        || name(file).contains("/tests/")
        || name(file).contains("properties/")
        || name(file).contains("simulation/")
    {
        return Vec::new();
    }
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("mod tests {"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line.to_owned()))
        .collect()
}
