//! `hooktender apply --offline`: applies manifests once, without a cluster, with the engine of the controller.

use super::flags::VendorFlags;
use super::objects::{ObjectSet, OverlaySource};
use super::output::OutputFlags;
use super::plan::{Files, Scope};
use super::plan_runner::{EventSink, PlannedAccount, context, plan_all, with_spinner};
use super::{CommandError, CommandResult, print};
use crate::api::visible;
use crate::engine::cluster::dry_run::DryRunWriter;
use crate::engine::pass::{self, Context, Input};
use crate::engine::preview::{AccountObjects, preview};
use crate::engine::state::account::{AccountState, Readiness};
use crate::plan::report::{Outlook, Report, Until, WebhookReport};
use clap::Args;
use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

const NO_CLUSTER: &str = "nothing was done: this applies manifests without a cluster, and only with --offline; in a cluster, kubectl apply is enough, and hooktender run does the rest";

/// Event reasons of Webhooks that were not changed.
const NOT_COUNTED: [&str; 2] = ["Planned", "Suspended"];

/// Flags of `hooktender apply`.
#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    files: Files,
    /// Required: apply works without a cluster only. In a cluster, `kubectl apply` is enough, and hooktender run does the rest.
    #[arg(long, requires = "files")]
    offline: bool,
    /// Do not ask for confirmation.
    #[arg(short = 'y', long)]
    yes: bool,
    /// How long to retry what the vendor does not do at once, such as `10m`.
    #[arg(long, default_value = "10m", value_parser = crate::engine::interval::interval)]
    timeout: Duration,
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

impl Apply {
    pub(super) async fn run(self) -> CommandResult {
        if !self.offline {
            return Err(NO_CLUSTER.to_owned().into());
        }
        let objects = ObjectSet::of_files(self.files.read(self.scope.offline())?).await?;
        let planned = plan_all(&objects, &self.vendors, true).await;
        print::warn(&objects.notes);
        self.output.print(&planned.report)?;
        if !planned.report.changes_something() {
            return Ok(u8::from(planned.report.result == Outlook::Blocked));
        }
        if !self.yes && !confirmed(&planned.report)? {
            return Err("nothing was written".to_owned().into());
        }
        let cancellation = cancelled_by_ctrl_c();
        let until = Instant::now() + self.timeout;
        let run = ApplyRun { apply: &self, source: &objects.source, cancellation, until };
        let mut all = Vec::new();
        for account in planned.accounts {
            all.push(run.apply_account(account).await);
        }
        let (done, left): (usize, usize) =
            all.iter().fold((0, 0), |(done, left), one| (done + one.done, left + one.left.len()));
        for one in &all {
            one.left.iter().for_each(|line| print::note(&format!("not done: {line}")));
        }
        let sum = format!("{done} done, {left} not done.");
        if self.output.is_text() {
            print::text(&sum)?;
        } else {
            print::note(&sum);
        }
        Ok(u8::from(left > 0 || planned.report.result == Outlook::Blocked))
    }
}

/// Asks for confirmation on the terminal; fails without one.
fn confirmed(report: &Report) -> Result<bool, CommandError> {
    if !std::io::stdin().is_terminal() {
        return Err("nothing was written: there is no terminal to ask on, and --yes was not given"
            .to_owned()
            .into());
    }
    let calls = report.calls.to_apply;
    let calls = if calls == 1 { "1 call".to_owned() } else { format!("{calls} calls") };
    print::ask(&format!("Apply this plan ({calls})? Only `yes` is taken for yes: "));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| format!("reading the answer: {error}"))?;
    Ok(answer.trim() == "yes")
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

struct ApplyRun<'a> {
    apply: &'a Apply,
    source: &'a OverlaySource,
    cancellation: Cancellation,
    until: Instant,
}

/// The result of applying one account.
#[derive(Default)]
struct AccountApplyResult {
    done: usize,
    left: Vec<String>,
}

impl ApplyRun<'_> {
    async fn apply_account(&self, planned: PlannedAccount) -> AccountApplyResult {
        let account = format!("account {}/{}", planned.report.namespace, planned.report.name);
        if !planned.report.webhooks.iter().any(|webhook| webhook.held.is_none() && webhook.calls > 0) {
            return AccountApplyResult::default();
        }
        if self.cancellation.is_requested() {
            return AccountApplyResult {
                done: 0,
                left: vec![format!("{account}: stopped before it was begun")],
            };
        }
        let PlannedAccount { objects, mut state, report } = planned;
        let done = Arc::new(AtomicUsize::new(0));
        let context = self.context(&done);
        if !self.apply.yes {
            // The vendor may have changed while the confirmation was awaited.
            state.forget_list();
        }
        let again = preview(&context, &mut state, &objects).await.report;
        if !report.is_same_effect(&again) {
            let left = format!(
                "{account}: the vendor has changed since the plan was shown; nothing was written there. Look at the plan again"
            );
            return AccountApplyResult { done: 0, left: vec![left] };
        }
        self.passes(&context, &mut state, &objects).await;
        let left =
            |webhook: &&WebhookReport| matches!(&webhook.held, Some(held) if held.until != Until::Mended);
        let left: BTreeSet<_> = again.webhooks.iter().filter(left).map(WebhookReport::key).collect();
        let open = state.readiness().into_iter().filter(|one| !one.ready && !left.contains(&one.webhook));
        AccountApplyResult {
            done: done.load(Ordering::Relaxed),
            left: open.map(|one| describe(&one)).collect(),
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
            let progress = || "waiting for the vendor".to_owned();
            with_spinner(progress, self.cancellation.wait(wait.min(left))).await;
        }
    }

    fn context(&self, done: &Arc<AtomicUsize>) -> Context<OverlaySource, DryRunWriter<EventSink>> {
        let (done, plain) = (Arc::clone(done), self.apply.output.is_text());
        let sink: EventSink = Box::new(move |on, event| {
            let name = format!(
                "{}/{}",
                on.namespace.as_deref().unwrap_or_default(),
                on.name.as_deref().unwrap_or_default()
            );
            if event.warning {
                print::note(&format!("{name}: {}", event.note));
            } else if on.kind.as_deref() == Some("Webhook") && !NOT_COUNTED.contains(&event.reason) {
                done.fetch_add(1, Ordering::Relaxed);
                // With --output json or markdown, stdout holds the plan only.
                if plain {
                    // A closed stdout is not an error.
                    let _ = print::text(&format!("{name}: {}", visible(&event.note)));
                } else {
                    print::note(&format!("{name}: {}", event.note));
                }
            }
        });
        Context {
            writer: DryRunWriter { tell: sink },
            dry_run: false,
            stopping: Arc::clone(&self.cancellation.flag),
            ..context(self.source, &self.apply.vendors, &Arc::default(), true)
        }
    }
}

fn describe(readiness: &Readiness) -> String {
    let Readiness { webhook, reason, message, .. } = readiness;
    format!("{webhook}: {reason}: {message}")
}
