//! `hooktender run`: the controller as a process.

use super::flags::{ClusterFlags, VendorFlags};
use super::remediation::remediation;
use super::ui::{cannot_listen, listen_error};
use crate::api::{Mode, NamespaceName, ObjectKey};
use crate::controller::{self, Options};
use crate::telemetry::{self, Health, Metrics, Telemetry};
use crate::ui;
use crate::vendor::AnswerMemory;
use clap::Args;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What to do about an address of `--listen` that is not free.
const OTHER_ADDRESS: &str = "choose another address, such as --listen 127.0.0.1:0";

/// Flags of `hooktender run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Only plan: report changes, and write nothing at any vendor.
    #[arg(long, env = "HOOKTENDER_PLAN_ONLY")]
    plan_only: bool,
    /// Manage this namespace only; may be repeated. Default: all namespaces.
    #[arg(
        long = "namespace",
        short = 'n',
        value_name = "NAMESPACE",
        env = "HOOKTENDER_NAMESPACES",
        value_delimiter = ',',
        value_parser = NamespaceName::new
    )]
    namespaces: Vec<NamespaceName>,
    /// Manage accounts with these labels only, such as `shard=a`.
    #[arg(long, value_name = "SELECTOR", env = "HOOKTENDER_ACCOUNT_SELECTOR")]
    account_selector: Option<String>,
    /// Watch the metadata of Secrets, so that a change starts a pass at once. Without it, the next pass sees the change, and the
    /// rights to list and watch Secrets are not needed.
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        action = clap::ArgAction::Set,
        env = "HOOKTENDER_WATCH_SECRETS"
    )]
    watch_secrets: bool,
    /// How many accounts are reconciled at once, not counting those that wait for their vendor.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000), env = "HOOKTENDER_CONCURRENCY")]
    concurrency: u16,
    /// Memory limit for vendor responses over all accounts, such as `160Mi`. Default: five eighths of the memory limit of the
    /// process.
    #[arg(long, value_name = "SIZE", value_parser = memory, env = "HOOKTENDER_ANSWER_MEMORY")]
    answer_memory: Option<usize>,
    /// Elect a leader by a Lease: one of several processes reconciles, the others are standbys, and one of them takes over within
    /// fifteen seconds if the leader dies.
    #[arg(long, env = "HOOKTENDER_LEADER_ELECT")]
    leader_elect: bool,
    /// The namespace of the Lease. Default: `POD_NAMESPACE`, else the namespace of the context.
    #[arg(long, value_name = "NAMESPACE", value_parser = NamespaceName::new, env = "HOOKTENDER_LEADER_ELECT_NAMESPACE")]
    leader_elect_namespace: Option<NamespaceName>,
    /// The address for /healthz, /readyz and /metrics.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = address, env = "HOOKTENDER_LISTEN")]
    listen: SocketAddr,
    /// Require the token in this file for /metrics, as `Authorization: Bearer`. Metrics name the namespaces and accounts of all
    /// tenants.
    #[arg(long, value_name = "FILE", env = "HOOKTENDER_METRICS_TOKEN_FILE")]
    metrics_token_file: Option<PathBuf>,
    /// Serve pages that show accounts, sets, Webhooks and their plans on this port of loopback, for `kubectl port-forward`. A user who
    /// may forward a port of this Pod sees what the operator sees. 0: any port that is free, which is logged.
    #[arg(long, value_name = "PORT", env = "HOOKTENDER_UI_PORT")]
    ui_port: Option<u16>,
    /// Send a trace of each pass to this OpenTelemetry collector by OTLP over HTTP, such as `http://localhost:4318`. The other
    /// standard variables apply too: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(super) otlp_endpoint: Option<String>,
    #[command(flatten)]
    vendors: VendorFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// Disables core dumps and reading of this process' memory by other processes of the same user, because it holds the credentials
/// of all tenants. Only `run` does this: it also disables `/dev/fd`, by which shells pass files to the other commands.
fn protect_memory() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "cannot protect the memory of this process from other processes of its user");
    }
}

/// Parses an amount of memory as in Kubernetes.
fn memory(text: &str) -> Result<usize, String> {
    let units = [("Ki", 10), ("Mi", 20), ("Gi", 30)];
    let unit = units.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, *bits)));
    let (number, bits) = unit.unwrap_or((text, 0));
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << bits));
    match bytes {
        Some(bytes) if bytes >= AnswerMemory::LEAST => Ok(bytes),
        Some(_) => Err("give at least 32Mi, as one response may need that much".into()),
        None => Err("give a number of bytes, such as 160Mi".into()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, such as 0.0.0.0:8080".into())
}

impl Run {
    pub(super) async fn run(self, telemetry: &Telemetry) -> Result<(), String> {
        protect_memory();
        let ui_port = self.ui_port;
        let (stop, stopped) = watch::channel(false);
        let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("SIGTERM"),
                _ = interrupt.recv() => tracing::info!("interrupted"),
            }
            stop.send_replace(true);
        });
        let (health, metrics) = (Health::default(), Metrics::new(telemetry.lost_lines()));
        let mut until = stopped.clone();
        let ended = async move {
            let _ = until.wait_for(|stop| *stop).await;
        };
        let token = telemetry::MetricsToken::new(self.metrics_token_file.clone())?;
        let address = telemetry::serve(self.listen, health.clone(), metrics.clone(), token, ended)
            .await
            .map_err(|error| format!("--listen {}: {}", self.listen, listen_error(&error, OTHER_ADDRESS)))?;
        let (client, namespace) = self.cluster.connect_counting(metrics.clone()).await?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"), listen = %address, plan_only = self.plan_only,
            namespaces = ?self.namespaces, account_selector = self.account_selector, "hooktender starts"
        );
        let options = self.options(&namespace)?;
        let mut pages = JoinSet::new();
        if let Some(port) = ui_port {
            serve_pages(port, &client, &options, metrics.clone(), &mut pages).await?;
        }
        controller::run(client, options, health, metrics, stopped).await?;
        tracing::info!("hooktender ends");
        Ok(())
    }

    /// `namespace` is that of the kubeconfig context or of the Pod.
    fn options(self, namespace: &str) -> Result<Options, String> {
        let of_pod = || std::env::var("POD_NAMESPACE").unwrap_or_else(|_| namespace.to_owned());
        let lease = match self.leader_elect_namespace {
            Some(namespace) => Ok(namespace),
            None => NamespaceName::new(&of_pod()),
        };
        let lease = self.leader_elect.then_some(lease).transpose();
        Ok(Options {
            leader_elect: lease.map_err(|error| format!("the namespace of the Lease: {error}"))?,
            namespaces: self.namespaces,
            account_selector: self.account_selector,
            watch_secrets: self.watch_secrets,
            ceiling: if self.plan_only { Mode::Plan } else { Mode::Enforce },
            concurrency: usize::from(self.concurrency),
            grace_period: self.vendors.grace_period(),
            allowed: self.vendors.allowed(),
            answer_memory: self.answer_memory.map(AnswerMemory::new).unwrap_or_default(),
            // Unique: processes in different containers may have the same process id.
            instance: std::env::var("POD_NAME")
                .unwrap_or_else(|_| format!("hooktender-{}-{:x}", std::process::id(), rand::random::<u32>())),
        })
    }
}

/// Serves the pages until `tasks` is dropped. They have watches of their own: a standby serves them, too.
async fn serve_pages(
    port: u16,
    client: &Client,
    options: &Options,
    metrics: Metrics,
    tasks: &mut JoinSet<()>,
) -> Result<(), String> {
    let (listener, address) =
        ui::bind(port).await.map_err(|error| cannot_listen(port, "--ui-port", &error))?;
    let shown = match options.namespaces.as_slice() {
        [] => "all namespaces".to_owned(),
        some => {
            let names: Vec<_> = some.iter().map(NamespaceName::as_str).collect();
            format!("namespaces {}", names.join(", "))
        }
    };
    let watches = ui::Watches {
        client: client.clone(),
        namespaces: options.namespaces.clone(),
        account_selector: options.account_selector.clone(),
        viewer: ui::Viewer::Operator,
    };
    let paces: ui::Paces = Arc::new(move |account: &ObjectKey| {
        let (budget_left, last) = metrics.pace(account);
        ui::Pace { budget_left, last_read: last.and_then(|last| Timestamp::from_second(last).ok()) }
    });
    let server = ui::Server::start(&watches, (shown, remediation, Some(paces)), tasks);
    tracing::info!(pages = %address, "serving the pages on loopback");
    tasks.spawn(async move {
        if let Err(error) = server.serve(listener, std::future::pending()).await {
            tracing::error!(%error, "the pages are not served any more");
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_as_in_kubernetes() {
        let cases = [
            ("128Mi", Some(128 << 20)),
            ("1Gi", Some(1 << 30)),
            ("65536Ki", Some(64 << 20)),
            ("33554432", Some(32 << 20)),
            ("33554431", None),
            ("1Mi", None),
            ("128MB", None),
            ("-1Gi", None),
            ("99999999999999999999Gi", None),
            ("17179869184Gi", None),
            ("", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(memory(text).ok(), bytes, "{text}");
        }
    }
}
