//! `hooktender apply --offline`: one go without a cluster, by the same engine.

use super::flags::VendorFlags;
use super::looking::{Looked, Tell, context, look, watched};
use super::output::Drawing;
use super::plan::{Files, Scope};
use super::world::{Layered, World};
use super::{Done, Failed, print};
use crate::api::visible;
use crate::engine::cluster::dry_run::DryRunWriter;
use crate::engine::pass::{self, Context, Input};
use crate::engine::preview::AccountObjects;
use crate::engine::preview::preview;
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

/// What is told of a Webhook that is left as it is.
const STAYS: [&str; 2] = ["Planned", "Suspended"];

/// Flags of `hooktender apply`.
#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    files: Files,
    /// Without a cluster, which must be said. In a cluster, `kubectl apply` is enough: hooktender run does the rest.
    #[arg(long, requires = "files")]
    offline: bool,
    /// Do not ask.
    #[arg(short = 'y', long)]
    yes: bool,
    /// How long to go on with what the vendor did not do at once, such as `10m`.
    #[arg(long, default_value = "10m", value_parser = crate::engine::interval::interval)]
    timeout: Duration,
    #[command(flatten)]
    drawing: Drawing,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

impl Apply {
    pub(super) async fn run(self) -> Done {
        if !self.offline {
            return Err(NO_CLUSTER.to_owned().into());
        }
        let world = World::of_files(self.files.read(self.scope.offline())?)?;
        let view = look(&world, &self.vendors, true).await;
        print::warn(&world.notes);
        self.drawing.print(&view.report)?;
        if !view.report.changes_something() {
            return Ok(u8::from(view.report.result == Outlook::Blocked));
        }
        if !self.yes && !confirmed(&view.report)? {
            return Err("nothing was written".to_owned().into());
        }
        let stopping = stopped_by_ctrl_c();
        let until = Instant::now() + self.timeout;
        let work = Work { apply: &self, source: &world.source, stopping, until };
        let mut all = Vec::new();
        for looked in view.accounts {
            all.push(work.account(looked).await);
        }
        let (done, left): (usize, usize) =
            all.iter().fold((0, 0), |(done, left), one| (done + one.done, left + one.left.len()));
        for one in &all {
            one.left.iter().for_each(|line| print::note(&format!("not done: {line}")));
        }
        let sum = format!("{done} done, {left} not done.");
        if self.drawing.is_text() {
            print::text(&sum)?;
        } else {
            print::note(&sum);
        }
        Ok(u8::from(left > 0 || view.report.result == Outlook::Blocked))
    }
}

/// Asks on the terminal. Without one there is nobody to ask.
fn confirmed(report: &Report) -> Result<bool, Failed> {
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

/// Says stop between two steps when somebody presses Ctrl-C.
fn stopped_by_ctrl_c() -> Stopping {
    let flag = Arc::new(AtomicBool::new(false));
    let (tell, told) = watch::channel(false);
    let set = Arc::clone(&flag);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            print::note("stopping after the steps that are under way");
            set.store(true, Ordering::Relaxed);
            tell.send_replace(true);
        }
    });
    Stopping { flag, told }
}

#[derive(Clone)]
struct Stopping {
    flag: Arc<AtomicBool>,
    told: watch::Receiver<bool>,
}

impl Stopping {
    fn now(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    async fn within(&self, wait: Duration) {
        let mut told = self.told.clone();
        let _ = tokio::time::timeout(wait, told.wait_for(|stop| *stop)).await;
    }
}

struct Work<'a> {
    apply: &'a Apply,
    source: &'a Layered,
    stopping: Stopping,
    until: Instant,
}

/// What became of one account.
#[derive(Default)]
struct Became {
    done: usize,
    left: Vec<String>,
}

impl Work<'_> {
    async fn account(&self, looked: Looked) -> Became {
        let account = format!("account {}/{}", looked.report.namespace, looked.report.name);
        if !looked.report.webhooks.iter().any(|webhook| webhook.held.is_none() && webhook.calls > 0) {
            return Became::default();
        }
        if self.stopping.now() {
            return Became { done: 0, left: vec![format!("{account}: stopped before it was begun")] };
        }
        let Looked { objects, mut memory, report } = looked;
        let done = Arc::new(AtomicUsize::new(0));
        let context = self.context(&done);
        if !self.apply.yes {
            // Somebody took a while to say yes.
            memory.forget_list();
        }
        let again = preview(&context, &mut memory, &objects).await.report;
        if !report.is_same_effect(&again) {
            let left = format!(
                "{account}: the vendor has changed since the plan was shown; nothing was written there. Look at the plan again"
            );
            return Became { done: 0, left: vec![left] };
        }
        self.passes(&context, &mut memory, &objects).await;
        let left =
            |webhook: &&WebhookReport| matches!(&webhook.held, Some(held) if held.until != Until::Mended);
        let left: BTreeSet<_> = again.webhooks.iter().filter(left).map(WebhookReport::key).collect();
        let open = memory.readiness().into_iter().filter(|one| !one.ready && !left.contains(&one.webhook));
        Became { done: done.load(Ordering::Relaxed), left: open.map(|one| words(&one)).collect() }
    }

    /// Passes until all is done, or cannot be, or somebody says stop.
    async fn passes(
        &self,
        context: &Context<Layered, DryRunWriter<Tell>>,
        memory: &mut AccountState,
        objects: &AccountObjects,
    ) {
        let read_webhooks = || objects.read_webhooks();
        loop {
            let account = Arc::clone(&objects.account);
            let input = Input { account, read_webhooks: &read_webhooks, dependency_changed: false };
            let wait = pass::run(context, memory, input, &|_| {}).await;
            let waits = memory.readiness().iter().any(|one| one.reconciling);
            let left = self.until.saturating_duration_since(Instant::now());
            if !waits || self.stopping.now() || left.is_zero() {
                return;
            }
            let said = || "waiting for the vendor".to_owned();
            watched(said, self.stopping.within(wait.min(left))).await;
        }
    }

    fn context(&self, done: &Arc<AtomicUsize>) -> Context<Layered, DryRunWriter<Tell>> {
        let (done, plain) = (Arc::clone(done), self.apply.drawing.is_text());
        let tell: Tell = Box::new(move |on, happened| {
            let name = format!(
                "{}/{}",
                on.namespace.as_deref().unwrap_or_default(),
                on.name.as_deref().unwrap_or_default()
            );
            if happened.warning {
                print::note(&format!("{name}: {}", happened.note));
            } else if on.kind.as_deref() == Some("Webhook") && !STAYS.contains(&happened.reason) {
                done.fetch_add(1, Ordering::Relaxed);
                // The plan may be something for a program to read, alone.
                if plain {
                    // Whoever closed stdout does not want to know.
                    let _ = print::text(&format!("{name}: {}", visible(&happened.note)));
                } else {
                    print::note(&format!("{name}: {}", happened.note));
                }
            }
        });
        Context {
            writer: DryRunWriter { tell },
            dry_run: false,
            stopping: Arc::clone(&self.stopping.flag),
            ..context(self.source, &self.apply.vendors, &Arc::default(), true)
        }
    }
}

fn words(readiness: &Readiness) -> String {
    let Readiness { webhook, reason, message, .. } = readiness;
    format!("{webhook}: {reason}: {message}")
}
