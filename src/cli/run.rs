//! `hooktender run`: the controller as a process.

use super::flags::{ClusterFlags, VendorFlags};
use crate::api::{Mode, NamespaceName};
use crate::controller::{self, Options};
use crate::telemetry::{self, Health, Metrics, Telemetry};
use crate::vendor::AnswerMemory;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Flags of `hooktender run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Only show what would change; write nothing at any vendor.
    #[arg(long, env = "HOOKTENDER_PLAN_ONLY")]
    plan_only: bool,
    /// Look after this namespace only; may be repeated. Default: all namespaces.
    #[arg(
        long = "namespace",
        short = 'n',
        value_name = "NAMESPACE",
        env = "HOOKTENDER_NAMESPACES",
        value_delimiter = ',',
        value_parser = NamespaceName::new
    )]
    namespaces: Vec<NamespaceName>,
    /// Look after accounts with these labels only, such as `shard=a`.
    #[arg(long, value_name = "SELECTOR", env = "HOOKTENDER_ACCOUNT_SELECTOR")]
    account_selector: Option<String>,
    /// Watch the metadata of Secrets, so that a change of one starts a pass at once. Without it a change is seen at the next
    /// pass, and rights to list and watch Secrets are not needed.
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        action = clap::ArgAction::Set,
        env = "HOOKTENDER_WATCH_SECRETS"
    )]
    watch_secrets: bool,
    /// How many accounts are worked on at once, beside those that wait for their vendor.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000), env = "HOOKTENDER_CONCURRENCY")]
    concurrency: u16,
    /// How much memory vendors' answers may take, over all accounts, such as `160Mi`. Default: five eighths of the memory that this
    /// process may take.
    #[arg(long, value_name = "SIZE", value_parser = memory, env = "HOOKTENDER_ANSWER_MEMORY")]
    answer_memory: Option<usize>,
    /// Let only one of several processes work at a time, by a Lease; the others stand by, and one takes over within
    /// fifteen seconds when that one dies.
    #[arg(long, env = "HOOKTENDER_LEADER_ELECT")]
    leader_elect: bool,
    /// Where the Lease is. Default: `POD_NAMESPACE`, else the context's namespace.
    #[arg(long, value_name = "NAMESPACE", value_parser = NamespaceName::new, env = "HOOKTENDER_LEADER_ELECT_NAMESPACE")]
    leader_elect_namespace: Option<NamespaceName>,
    /// Where to serve /healthz, /readyz and /metrics.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = address, env = "HOOKTENDER_LISTEN")]
    listen: SocketAddr,
    /// Serve /metrics only to whoever sends the token in this file, as `Authorization: Bearer`. Metrics name the namespaces and
    /// accounts of all tenants.
    #[arg(long, value_name = "FILE", env = "HOOKTENDER_METRICS_TOKEN_FILE")]
    metrics_token_file: Option<PathBuf>,
    /// Send a trace of each pass to this OpenTelemetry collector, by OTLP over HTTP, such as `http://localhost:4318`. The
    /// standard's other variables hold too: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(super) otlp_endpoint: Option<String>,
    #[command(flatten)]
    vendors: VendorFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// No core file, and no look into its memory by other processes of the same user: it holds everybody's credentials. For this
/// command only, as it takes away `/dev/fd` too, by which shells hand files to the others.
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "the kernel does not keep this process' memory from others of its user");
    }
}

/// An amount of memory, in the spelling of Kubernetes.
fn memory(text: &str) -> Result<usize, String> {
    let units = [("Ki", 10), ("Mi", 20), ("Gi", 30)];
    let unit = units.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, *bits)));
    let (number, bits) = unit.unwrap_or((text, 0));
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << bits));
    match bytes {
        Some(bytes) if bytes >= AnswerMemory::LEAST => Ok(bytes),
        Some(_) => Err("give at least 32Mi: less holds no answer".into()),
        None => Err("give a number of bytes, such as 160Mi".into()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, such as 0.0.0.0:8080".into())
}

impl Run {
    pub(super) async fn run(self, telemetry: &Telemetry) -> Result<(), String> {
        keep_memory_private();
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
            .map_err(|error| format!("--listen {}: {error}", self.listen))?;
        let (client, namespace) = self.cluster.connect_counting(metrics.clone()).await?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"), listen = %address, plan_only = self.plan_only,
            namespaces = ?self.namespaces, account_selector = self.account_selector, "hooktender starts"
        );
        controller::run(client, self.options(&namespace)?, health, metrics, stopped).await?;
        tracing::info!("hooktender ends");
        Ok(())
    }

    /// `namespace` is the kubeconfig's, or the Pod's own.
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
            patience: self.vendors.patience(),
            allowed: self.vendors.allowed(),
            answer_memory: self.answer_memory.map(AnswerMemory::new).unwrap_or_default(),
            // Unique, as two processes may have the same number in two containers.
            instance: std::env::var("POD_NAME")
                .unwrap_or_else(|_| format!("hooktender-{}-{:x}", std::process::id(), rand::random::<u32>())),
        })
    }
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
