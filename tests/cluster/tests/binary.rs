//! The `hooktender-cluster` binary: finding and building the tools, and a cluster for a person.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows it in the tests, not in what they share"
)]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{env, fs};

use hooktender_cluster::{Purpose, Tool, Tools};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_hooktender-cluster"))
}

/// Runs `hooktender-cluster tools` with an environment of its own.
fn tools(assets: Option<&Path>, path: &Path, cache: &Path) -> Output {
    let mut command = binary();
    command.arg("tools").env("PATH", path).env("HOOKTENDER_TOOLS", cache).env_remove("KUBEBUILDER_ASSETS");
    if let Some(assets) = assets {
        command.env("KUBEBUILDER_ASSETS", assets);
    }
    command.output().unwrap()
}

/// A folder with a placeholder for each of these programs.
fn assets(tools: &[Tool]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for tool in tools {
        fs::write(folder.path().join(tool.name()), "").unwrap();
    }
    folder
}

#[test]
fn ready_made_tools_are_used_unchanged_and_need_no_go() {
    let (folder, empty) = (assets(&Tool::ALL), assets(&[]));
    let output = tools(Some(folder.path()), empty.path(), empty.path());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), folder.path().to_str().unwrap());
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "nothing is built");
}

#[test]
fn a_relative_folder_of_ready_made_tools_is_relative_to_the_caller() {
    let (folder, empty) = (assets(&Tool::ALL), assets(&[]));
    let mut command = binary();
    command.arg("tools").env("PATH", empty.path()).env("KUBEBUILDER_ASSETS", ".").current_dir(folder.path());
    let output = command.output().unwrap();
    let printed = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    assert!(printed.is_absolute(), "{output:?}");
    assert_eq!(printed.canonicalize().unwrap(), folder.path().canonicalize().unwrap());
}

#[test]
fn ready_made_tools_without_an_api_server_are_an_error() {
    let (folder, empty) = (assets(&[Tool::Etcd, Tool::Kubectl]), assets(&[]));
    let output = tools(Some(folder.path()), empty.path(), empty.path());
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    let expected =
        format!("KUBEBUILDER_ASSETS is {}, where there is no kube-apiserver", folder.path().display());
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn without_go_the_message_says_what_to_install() {
    let empty = assets(&[]);
    let usual = assets(&[Tool::Etcd, Tool::Kubectl, Tool::ApiServer]);
    for (given, missing) in [
        (None, "etcd, kubectl, kube-apiserver, kube-controller-manager, helm, prometheus, promtool"),
        (Some(usual.path()), "build kube-controller-manager, helm, prometheus, promtool with"),
    ] {
        let output = tools(given, empty.path(), empty.path());
        assert!(!output.status.success());
        let message = String::from_utf8_lossy(&output.stderr);
        for part in ["no `go` on PATH", "install Go", "KUBEBUILDER_ASSETS", missing] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn a_failing_build_shows_the_compilers_output_and_leaves_nothing_behind() {
    let (programs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let go = programs.path().join("go");
    // The shell by its path: PATH holds nothing else.
    fs::write(&go, "#!/bin/sh\n[ \"$1\" = version ] && exit 0\necho 'no space left' >&2\nexit 1\n").unwrap();
    make_executable(&go);
    let output = tools(None, programs.path(), cache.path());
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("building etcd failed:\nno space left"), "{message}");
    let partial = fs::read_dir(cache.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".building"));
    assert_eq!(partial.count(), 0);
}

#[test]
fn two_processes_do_not_build_at_the_same_time() {
    let (programs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = cache.path().join("log");
    // `go build -trimpath -ldflags FLAGS -o FILE -tags TAGS -v PACKAGE`
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = build ] || exit 0\necho \"${{6##*/}}\" >> {log}\n/bin/sleep 0.2\n: > \"$6\"\n",
        log = log.display()
    );
    let go = programs.path().join("go");
    fs::write(&go, script).unwrap();
    make_executable(&go);
    let run = || tools(None, programs.path(), cache.path());
    let (one, other) = std::thread::scope(|scope| {
        let (one, other) = (scope.spawn(run), scope.spawn(run));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert!(one.status.success() && other.status.success(), "{one:?} {other:?}");
    assert_eq!(one.stdout, other.stdout);
    let built = fs::read_to_string(&log).unwrap();
    let expected: Vec<_> = Tool::ALL.iter().map(|tool| tool.name()).collect();
    assert_eq!(built.lines().collect::<Vec<_>>(), expected, "each once");
}

/// Runs `hooktender-cluster prepare-demo` with these programs only: `go` and `kubectl` on the PATH, and `cargo`. Returns the result, and what
/// was called, in order of its names.
fn prepare_demo(kubectl: &str, cargo: &str) -> (Output, Vec<String>) {
    let (programs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = cache.path().join("log");
    let log_name = |name: &str| format!("echo \"{name}\" >> {}\n", log.display());
    let go =
        format!("[ \"$1\" = build ] || exit 0\n{}echo package >&2\n: > \"$6\"\n", log_name("${6##*/} ${10}"));
    for (name, script) in [
        ("go", go),
        ("kubectl", format!("echo '{kubectl}'\n")),
        ("cargo", format!("[ $1 = tree ] && exit 0\n{}{cargo}\n", log_name("cargo $*"))),
    ] {
        let path = programs.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        make_executable(&path);
    }
    let mut command = binary();
    command.args(["prepare-demo", "--"]).arg(programs.path().join("cargo")).args(["build", "--workspace"]);
    command
        .env("PATH", programs.path())
        .env("HOOKTENDER_TOOLS", cache.path())
        .env_remove("KUBEBUILDER_ASSETS");
    let output = command.output().unwrap();
    let mut called: Vec<_> =
        fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect();
    called.sort();
    (output, called)
}

const CARGO_CALL: &str = "cargo build --workspace --message-format=json-render-diagnostics";

#[test]
fn the_demo_builds_only_what_it_uses_beside_cargo() {
    let flags = "all=-dwarf=false -N -l";
    let new = r#"{"clientVersion": {"major": "1", "minor": "33"}}"#;
    let (output, called) = prepare_demo(new, "");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(called, [CARGO_CALL.to_owned(), format!("etcd {flags}"), format!("kube-apiserver {flags}")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("building etcd, kube-apiserver and hooktender from source, the first time only"),
        "{said}"
    );
    assert!(said.contains(" minutes\n"), "it says how long it takes: {said}");

    let old = r#"{"clientVersion": {"major": "1", "minor": "20"}}"#;
    let (output, called) = prepare_demo(old, "");
    assert!(output.status.success(), "{output:?}");
    assert!(called.contains(&format!("kubectl {flags}")), "{called:?}");
}

#[test]
fn a_failing_cargo_command_is_shown() {
    let (output, _) = prepare_demo("", "echo 'error: no linker' >&2; exit 101");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("building hooktender failed:\nerror: no linker"), "{said}");
}

#[test]
fn serve_runs_on_given_assets_until_its_input_ends() {
    serve_until(|server| drop(server.stdin.take()));
}

#[test]
fn serve_runs_until_it_is_interrupted() {
    serve_until(|server| kill(Pid::from_raw(i32::try_from(server.id()).unwrap()), Signal::SIGINT).unwrap());
}

fn serve_until(end: impl FnOnce(&mut Child)) {
    let ours = Tools::ensure(Purpose::Tests).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for tool in Tool::ALL {
        symlink(ours.path(tool), folder.path().join(tool.name())).unwrap();
    }
    let kubeconfig = folder.path().join("config");
    let mut server = binary()
        .args(["serve", "--kubeconfig"])
        .arg(&kubeconfig)
        .env("KUBEBUILDER_ASSETS", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let export = lines.find(|line| line.contains("export KUBECONFIG=")).expect("it says how to use it");
    assert!(export.ends_with(kubeconfig.to_str().unwrap()), "{export}");
    let path = lines.find(|line| line.contains("export PATH=")).unwrap();
    assert!(path.contains(folder.path().to_str().unwrap()), "the given tools: {path}");
    let logs =
        lines.find_map(|line| line.split("Logs: ").nth(1)?.split(". ").next().map(PathBuf::from)).unwrap();
    assert!(logs.is_dir());
    let mut kubectl = Command::new(ours.path(Tool::Kubectl));
    kubectl.args(["auth", "whoami", "--output=jsonpath={.status.userInfo.username}"]);
    let output = kubectl.env("KUBECONFIG", &kubeconfig).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "admin", "{output:?}");

    end(&mut server);
    assert!(server.wait().unwrap().success());
    assert!(!kubeconfig.exists() && !logs.exists());
}

#[test]
fn serve_does_not_touch_a_kubeconfig_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    fs::write(&kubeconfig, "current-context: production\n").unwrap();
    let output =
        binary().args(["serve", "--kubeconfig"]).arg(&kubeconfig).stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("was not written by hooktender-cluster"));
    assert_eq!(fs::read_to_string(&kubeconfig).unwrap(), "current-context: production\n");
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
