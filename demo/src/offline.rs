//! The story without Kubernetes: declarations in files, `plan`, `apply --offline` and `import`, against one fake vendor. Every claim
//! is verified at the vendor.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use hooktender_sandbox::{Options, Sandbox};
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::control::Control;
use crate::examples::Example;
use crate::failure::{Failure, Step};
use crate::interrupt::Interrupt;
use crate::operator;
use crate::screen::Screen;
use crate::subscription::{self, Masks};
use crate::vendor::Vendor;

/// It changes subscriptions in place, so that a correction is one line.
const VENDOR: Vendor = Vendor::Contensis;
/// The project in `examples/contensis/account.yaml`.
const ACCOUNT: &str = "movies";
/// The manifests of the example.
const DECLARED: &str = "contensis.yaml";
/// What `import` prints.
const IMPORTED: &str = "imported.yaml";
/// Exit codes of `hooktender plan`.
const NO_CHANGES: i32 = 0;
const CHANGES: i32 = 2;

/// A folder with manifests, and the vendor.
struct Desk {
    screen: Screen,
    control: Control,
    interrupt: Interrupt,
    folder: TempDir,
    url: String,
    example: Example,
    // They end in this order.
    _sandbox: Sandbox,
    _runtime: Runtime,
}

/// Tells all of it.
pub(crate) fn tell(screen: Screen) -> Step<()> {
    let start = Instant::now();
    let desk = Desk::set_up(screen)?;
    desk.planned()?;
    desk.applied()?;
    desk.changed_by_hand()?;
    desk.imported()?;
    screen.say(
        "\nThe same with your own account: copy examples/contensis/ (or brightpearl/, superoffice/), write your\n\
         address and credentials into it, and run `hooktender plan --offline -f FOLDER`. It writes nothing.\n\
         In a cluster, the operator keeps everything as declared: make demo shows that.",
    );
    drop(desk);
    screen.gap();
    screen.done("everything has ended, and its temporary files are gone", start.elapsed());
    Ok(())
}

impl Desk {
    fn set_up(screen: Screen) -> Step<Self> {
        operator::binary()?;
        screen.say("hooktender keeps webhook subscriptions at SaaS vendors as files or Kubernetes objects declare them.");
        screen
            .say("This is what it does with files only, in a few seconds. The vendor is a fake Contensis on");
        screen.say("loopback that speaks as the real one does. Nothing leaves this machine.");
        let runtime = Runtime::new().map_err(Failure::io("starting threads"))?;
        let interrupt = Interrupt::listen(&runtime).map_err(Failure::io("listening to signals"))?;
        let folder = tempfile::Builder::new()
            .prefix("hooktender-try-")
            .tempdir()
            .map_err(Failure::io("making a temporary folder"))?;
        let sandbox = runtime.block_on(Sandbox::start(Options::default()))?;
        let url = sandbox.addresses().contensis.clone();
        let example = Example::of(VENDOR, &url)?;
        let path = folder.path().join(DECLARED);
        fs::write(&path, &example.manifests).map_err(Failure::io(format!("writing {}", path.display())))?;
        let control = Control::new(sandbox.control_url(), runtime.handle())?;
        Ok(Self { screen, control, interrupt, folder, url, example, _sandbox: sandbox, _runtime: runtime })
    }

    fn planned(&self) -> Step<()> {
        let Example { folder, line, instead, .. } = &self.example;
        let screen = self.screen;
        screen.chapter(1, "Planned");
        screen.say(&format!(
            "{DECLARED} holds the files of {folder}: an account, its Secrets and two Webhooks. Only the account's"
        ));
        screen.say(&format!("address is another one: `{instead}` for `{line}`."));
        screen.gap();
        screen.command(&format!("export HOOKTENDER_ALLOW_ENDPOINTS={}", self.url));
        let start = Instant::now();
        self.hooktender(&["plan", "--offline", "-f", DECLARED], CHANGES)?;
        let requests = self.control.journal(VENDOR, ACCOUNT)?;
        if requests.iter().any(crate::control::Request::is_write) || !self.stored()?.is_empty() {
            return Err(Failure::Unexpected(format!("a plan is not to write: {requests:?}")));
        }
        screen.done("Contensis was read, and nothing was written", start.elapsed());
        Ok(())
    }

    fn applied(&self) -> Step<()> {
        let screen = self.screen;
        screen.chapter(2, "Applied");
        screen.say("apply shows the plan again, and does what it says, once. --yes answers its question.");
        let start = Instant::now();
        self.hooktender(&["apply", "--offline", "--yes", "-f", DECLARED], NO_CHANGES)?;
        let stored = self.stored()?;
        if stored.len() != 2 {
            return Err(Failure::Unexpected(format!("Contensis has {} subscriptions, not 2", stored.len())));
        }
        screen.done("Contensis has both:", start.elapsed());
        for one in &stored {
            screen.output(&format!("  {}  {}", text(one, "name"), text(one, "url")));
        }
        Ok(())
    }

    fn changed_by_hand(&self) -> Step<()> {
        let screen = self.screen;
        screen.chapter(3, "Changed by hand at the vendor, and corrected");
        let before = self.stored()?;
        let first = before.first().map(|one| subscription::id(VENDOR, one)).unwrap_or_default();
        let edit = VENDOR.edit_by_hand();
        screen.say(edit.told);
        let url = format!("{}/{first}", self.control.subscriptions_url(VENDOR, ACCOUNT));
        screen.command(&format!("curl -X PATCH {url} -d '{}'", edit.patch));
        let edited = self.control.ask(Method::PATCH, &url, Some(&edit.patch))?;
        let unedited = before.first().unwrap_or(&Value::Null);
        screen.output(&subscription::differences(VENDOR, unedited, &edited, &Masks::default()));
        self.hooktender(&["plan", "--offline", "-f", DECLARED], CHANGES)?;
        let start = Instant::now();
        self.hooktender(&["apply", "--offline", "--yes", "-f", DECLARED], NO_CHANGES)?;
        let essences =
            |list: &[Value]| list.iter().map(|one| subscription::essence(VENDOR, one)).collect::<Vec<_>>();
        let after = self.stored()?;
        if essences(&before) != essences(&after) {
            return Err(Failure::Unexpected(format!("not as before: {after:?}")));
        }
        screen.done("Contensis has it as declared again", start.elapsed());
        Ok(())
    }

    fn imported(&self) -> Step<()> {
        let screen = self.screen;
        screen.chapter(4, "Made by hand, and declared from now on");
        let url = self.control.subscriptions_url(VENDOR, ACCOUNT);
        let body = VENDOR.unmanaged();
        screen.command(&format!("curl {url} -d '{body}'"));
        let made = self.control.ask(Method::POST, &url, Some(&body))?;
        let requests = self.control.journal(VENDOR, ACCOUNT)?.len();
        let start = Instant::now();
        let manifests = self.hooktender(&["import", "-f", DECLARED], NO_CHANGES)?;
        if manifests.matches("kind: Webhook").count() != 1 {
            return Err(Failure::Unexpected("import has not printed one Webhook".to_owned()));
        }
        let path = self.folder.path().join(IMPORTED);
        fs::write(&path, manifests).map_err(Failure::io(format!("writing {}", path.display())))?;
        screen.say(&format!("\nThis in a file, {IMPORTED}, declares what is there already:"));
        let plan = self.hooktender(&["plan", "--offline", "-f", DECLARED, "-f", IMPORTED], NO_CHANGES)?;
        let id = subscription::id(VENDOR, &made);
        if plan.contains(&id) {
            return Err(Failure::Unexpected(format!("{id} is not declared")));
        }
        let journal = self.control.journal(VENDOR, ACCOUNT)?;
        if let Some(write) = journal.iter().skip(requests).find(|request| request.is_write()) {
            return Err(Failure::Unexpected(format!("import and plan are not to write: {write:?}")));
        }
        screen.done("all three subscriptions are declared, and nothing was written", start.elapsed());
        Ok(())
    }

    fn stored(&self) -> Step<Vec<Value>> {
        self.control.subscriptions(VENDOR, ACCOUNT)
    }

    /// Shows a command, runs it, shows what it prints, and checks its exit code; returns its standard output.
    fn hooktender(&self, arguments: &[&str], code: i32) -> Step<String> {
        self.interrupt.check()?;
        let shown = format!("hooktender {}", arguments.join(" "));
        self.screen.gap();
        self.screen.command(&shown);
        let output = Command::new(operator::binary()?)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("HOOKTENDER_ALLOW_ENDPOINTS", self.url.as_str()), ("NO_PROXY", "127.0.0.1")])
            .stdin(Stdio::null())
            .output()
            .map_err(Failure::io(format!("running `{shown}`")))?;
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        self.screen.output(if arguments.contains(&"apply") { after_plan(&stdout) } else { &stdout });
        self.screen.output(&stderr);
        self.interrupt.check()?;
        if output.status.code() == Some(code) {
            return Ok(stdout.into_owned());
        }
        let said = format!("it ended with {}, and should with exit code {code}", output.status);
        Err(Failure::Command { command: shown, said })
    }
}

/// What `apply` prints after the plan, which the reader has just seen.
fn after_plan(printed: &str) -> &str {
    printed.find("\nPlan: ").map_or(printed, |at| printed[at..].trim_start())
}

fn text<'a>(subscription: &'a Value, member: &str) -> &'a str {
    subscription[member].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_shown_once() {
        assert_eq!(
            after_plan("  + create\n\nPlan: 1 to create.\n1 done.\n"),
            "Plan: 1 to create.\n1 done.\n"
        );
        assert_eq!(after_plan("1 done.\n"), "1 done.\n");
    }
}
