//! Executes plans that a person has seen, without a cluster, with the engine of the controller.

use super::flags::VendorFlags;
use super::objects::{ObjectSet, OverlaySource};
use super::output::OutputFlags;
use super::plan_runner::{EventSink, PlannedAccount, context, hold_members, named, with_spinner};
use super::sets::HeldBySets;
use super::{CommandError, CommandResult, print};
use crate::api::{ObjectKey, visible};
use crate::engine::cluster::dry_run::DryRunWriter;
use crate::engine::pass::{self, Context, Input};
use crate::engine::preview::{AccountObjects, preview};
use crate::engine::state::account::{AccountState, Readiness};
use crate::plan::report::{Outlook, Report, Until, WebhookReport};
use clap::Args;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Event reasons of Webhooks that were not changed.
const NOT_COUNTED: [&str; 2] = ["Planned", "Suspended"];

/// How a plan is executed.
#[derive(Debug, Args)]
pub(super) struct ExecuteFlags {
    /// Do not ask for confirmation.
    #[arg(short = 'y', long)]
    yes: bool,
    /// How long to retry changes that do not succeed at once, such as `10m`.
    #[arg(long, default_value = "10m", value_parser = crate::engine::interval::interval)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) output: OutputFlags,
    #[command(flatten)]
    pub(super) vendors: VendorFlags,
}

impl ExecuteFlags {
    /// Prints a line after the plan: to stderr if the format of the plan is for programs.
    pub(super) fn print_last(&self, line: &str) -> Result<(), CommandError> {
        if self.output.is_text() {
            return print::text(line);
        }
        print::note(line);
        Ok(())
    }
}

/// Asks for confirmation on the terminal, unless that is not wanted, and says so if the answer is no; fails without a terminal.
pub(super) fn confirm(question: &str, report: &Report, flags: &ExecuteFlags) -> Result<bool, CommandError> {
    if flags.yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err("nothing was written: without a terminal to confirm on, add --yes".to_owned().into());
    }
    let calls = report.calls.to_apply;
    let calls = if calls == 1 { "1 call".to_owned() } else { format!("{calls} calls") };
    print::ask(&format!("{question} ({calls})? Only `yes` is accepted: "));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| format!("reading the answer: {error}"))?;
    let confirmed = answer.trim() == "yes";
    if !confirmed {
        print::note("cancelled: nothing was written");
    }
    Ok(confirmed)
}

/// Returns a cancellation that Ctrl-C requests. It takes effect between two steps.
fn cancelled_by_ctrl_c() -> Cancellation {
    let flag = Arc::new(AtomicBool::new(false));
    let (send, stopped) = watch::channel(false);
    let set = Arc::clone(&flag);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            print::note("stopping after the running steps");
            set.store(true, Ordering::Relaxed);
            send.send_replace(true);
        }
    });
    Cancellation { flag, stopped }
}

#[derive(Clone)]
struct Cancellation {
    flag: Arc<AtomicBool>,
    stopped: watch::Receiver<bool>,
}

impl Cancellation {
    fn is_requested(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    async fn wait(&self, wait: Duration) {
        let mut stopped = self.stopped.clone();
        let _ = tokio::time::timeout(wait, stopped.wait_for(|stop| *stop)).await;
    }
}

/// The execution of plans that a person has seen.
pub(super) struct Execution<'a> {
    flags: &'a ExecuteFlags,
    source: &'a OverlaySource,
    held: &'a HeldBySets,
    cancellation: Cancellation,
    until: Instant,
}

/// What was done of a plan, and what was not.
#[derive(Default)]
pub(super) struct Executed {
    /// The Webhooks that were changed, one entry for each change.
    done: Vec<ObjectKey>,
    left: Vec<String>,
}

impl Executed {
    /// Whether everything was done.
    pub(super) fn is_whole(&self) -> bool {
        self.left.is_empty()
    }

    /// Adds what is not done for another reason.
    pub(super) fn leave(&mut self, what: String) {
        self.left.push(what);
    }

    /// Adds what another execution has done.
    pub(super) fn add(&mut self, mut other: Self) {
        self.done.append(&mut other.done);
        self.left.append(&mut other.left);
    }

    /// Prints it; returns the exit code of a command that has shown this plan.
    pub(super) fn print(&self, flags: &ExecuteFlags, report: &Report) -> CommandResult {
        self.left.iter().for_each(|line| print::note(&format!("not done: {line}")));
        flags.print_last(&format!("{} done, {} not done.", self.done.len(), self.left.len()))?;
        for line in self.former(report) {
            flags.print_last(&line)?;
        }
        Ok(u8::from(!self.left.is_empty() || report.result == Outlook::Blocked))
    }

    /// Names the former subscriptions of what was created: they are left at the vendor.
    fn former(&self, report: &Report) -> Vec<String> {
        let several = report.accounts.len() > 1;
        let mut lines = Vec::new();
        for account in &report.accounts {
            let created = account.webhooks.iter().filter(|webhook| self.done.contains(&webhook.key()));
            for (webhook, former) in
                created.flat_map(|one| one.former.iter().map(move |former| (one, former)))
            {
                let id = visible(&former.external_id);
                // Several accounts may have the same id.
                let account =
                    if several { format!("{}/{}/", account.namespace, account.name) } else { String::new() };
                lines.push(format!(
                    "The former subscription {id} of {} is left and goes on delivering; delete it with --prune {account}{id}.",
                    webhook.key()
                ));
            }
        }
        lines
    }
}

impl<'a> Execution<'a> {
    /// Begins an execution, which Ctrl-C cancels.
    pub(super) fn begin(flags: &'a ExecuteFlags, objects: &'a ObjectSet) -> Self {
        let until = Instant::now() + flags.timeout;
        let (source, held) = (&objects.source, &objects.held);
        Self { flags, source, held, cancellation: cancelled_by_ctrl_c(), until }
    }

    /// Executes the plans of accounts one after the other.
    pub(super) async fn run(&self, accounts: Vec<PlannedAccount>) -> Executed {
        let mut all = Executed::default();
        for account in accounts {
            all.add(self.run_account(account).await);
        }
        all
    }

    async fn run_account(&self, planned: PlannedAccount) -> Executed {
        let account = format!("account {}/{}", planned.report.namespace, planned.report.name);
        if !planned.report.webhooks.iter().any(|webhook| webhook.held.is_none() && webhook.calls > 0) {
            return Executed::default();
        }
        if self.cancellation.is_requested() {
            return Executed {
                left: vec![format!("{account}: not begun, because of the interrupt")],
                ..Executed::default()
            };
        }
        let PlannedAccount { mut objects, mut state, report, .. } = planned;
        let done = Arc::default();
        let context = self.context(&done);
        if !self.flags.yes {
            // The vendor may have changed while the confirmation was awaited.
            state.forget_list();
        }
        let mut again = preview(&context, &mut state, &objects).await.report;
        hold_members(&mut again, self.held);
        if !report.is_same_effect(&again) {
            let left = format!(
                "{account}: the vendor's subscriptions changed after the plan was shown; nothing was written there: apply again"
            );
            return Executed { left: vec![left], ..Executed::default() };
        }
        self.suspend_held(&mut objects);
        self.passes(&context, &mut state, &objects).await;
        let left =
            |webhook: &&WebhookReport| matches!(&webhook.held, Some(held) if held.until != Until::Mended);
        let left: BTreeSet<_> = again.webhooks.iter().filter(left).map(WebhookReport::key).collect();
        let open = state.readiness().into_iter().filter(|one| !one.ready && !left.contains(&one.webhook));
        let left = open.map(|one| describe(&one)).collect();
        let done = std::mem::take(&mut *done.lock());
        Executed { done, left }
    }

    /// Suspends the Webhooks that their set does not change now: the engine knows no sets.
    fn suspend_held(&self, objects: &mut AccountObjects) {
        for webhook in &mut objects.webhooks {
            if self.held.contains_key(&ObjectKey::of(&**webhook)) {
                Arc::make_mut(webhook).spec.suspend = true;
            }
        }
    }

    /// Runs passes until everything is applied or cannot be, the time is over, or the run is cancelled.
    async fn passes(
        &self,
        context: &Context<OverlaySource, DryRunWriter<EventSink>>,
        state: &mut AccountState,
        objects: &AccountObjects,
    ) {
        let read_webhooks = || objects.read_webhooks();
        loop {
            let account = Arc::clone(&objects.account);
            let input = Input { account, read_webhooks: &read_webhooks, dependency_changed: false };
            let wait = pass::run(context, state, input, &|_| {}).await;
            let waits = state.readiness().iter().any(|one| one.reconciling);
            let left = self.until.saturating_duration_since(Instant::now());
            if !waits || self.cancellation.is_requested() || left.is_zero() {
                return;
            }
            let waits_for = format!("waiting for account {}", named(&objects.account));
            with_spinner(|| waits_for.clone(), self.cancellation.wait(wait.min(left))).await;
        }
    }

    /// Returns the context of passes that write; `done` receives the Webhooks that are changed.
    fn context(&self, done: &Arc<Mutex<Vec<ObjectKey>>>) -> Context<OverlaySource, DryRunWriter<EventSink>> {
        let (done, plain) = (Arc::clone(done), self.flags.output.is_text());
        let sink: EventSink = Box::new(move |on, event| {
            let name = ObjectKey::new(
                on.namespace.as_deref().unwrap_or_default(),
                on.name.as_deref().unwrap_or_default(),
            );
            if event.warning {
                print::note(&format!("{name}: {}", event.note));
            } else if on.kind.as_deref() == Some("Webhook") && !NOT_COUNTED.contains(&event.reason) {
                // With --output json or markdown, stdout holds the plan only.
                if plain {
                    // A closed stdout is not an error.
                    let _ = print::text(&format!("{name}: {}", visible(&event.note)));
                } else {
                    print::note(&format!("{name}: {}", event.note));
                }
                done.lock().push(name);
            }
        });
        Context {
            writer: DryRunWriter { tell: sink },
            dry_run: false,
            stopping: Arc::clone(&self.cancellation.flag),
            ..context(self.source, &self.flags.vendors, &Arc::default(), true)
        }
    }
}

fn describe(readiness: &Readiness) -> String {
    let Readiness { webhook, reason, message, .. } = readiness;
    format!("{webhook}: {reason}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::VendorName;
    use crate::plan::report::{AccountReport, Class, FormerReport};

    /// An account with a Webhook that is created while two subscriptions look like its former one.
    fn account(name: &str) -> AccountReport {
        let former = |id: &str| FormerReport {
            external_id: id.into(),
            summary: "product to hooks.example.com".into(),
            differs: vec!["uriTemplate".into()],
        };
        let key = ObjectKey::new("shop", format!("{name}-hook"));
        let webhook = WebhookReport {
            held: None,
            former: vec![former("3"), former("4")],
            ..WebhookReport::unknown(key, Class::Create, Class::Create.held("", ""))
        };
        AccountReport {
            namespace: "shop".into(),
            name: name.into(),
            vendor: VendorName::Brightpearl,
            identity: format!("brightpearl/{name}"),
            held: None,
            not_planned: false,
            advice: None,
            webhooks: vec![webhook],
            unmanaged: Vec::new(),
            about_seconds: None,
        }
    }

    #[test]
    fn former_subscriptions_of_what_was_created_are_named() {
        let executed = Executed { done: vec![ObjectKey::new("shop", "a-hook")], left: Vec::new() };
        let report = Report::new(vec![account("a")], Vec::new(), 1);
        let line = |id: &str, prune: &str| {
            format!(
                "The former subscription {id} of shop/a-hook is left and goes on delivering; delete it with --prune {prune}."
            )
        };
        assert_eq!(executed.former(&report), [line("3", "3"), line("4", "4")]);
        // Nothing was created in the other account, which may have the same ids.
        let report = Report::new(vec![account("a"), account("b")], Vec::new(), 2);
        assert_eq!(executed.former(&report), [line("3", "shop/a/3"), line("4", "shop/a/4")]);
        assert!(Executed::default().former(&report).is_empty());
    }
}
