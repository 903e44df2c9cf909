//! Flags that several commands share.

use super::api_timeout::AnswerTimeout;
use crate::engine::state::creates::GracePeriod;
use crate::telemetry::{CountWrites, Metrics};
use crate::vendor::{AllowedEndpoints, CallReport, Settings};
use clap::Args;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Time-out for a connection to the API server, for sending a request, and for each part of the response.
const API_TIMEOUT: Duration = Duration::from_secs(30);

/// How vendors are called.
#[derive(Debug, Args)]
#[command(next_help_heading = "Vendors")]
pub(super) struct VendorFlags {
    /// Time-out of a request to a vendor, such as `90s`.
    #[arg(long, default_value = "90s", value_parser = request_timeout, env = "HOOKTENDER_REQUEST_TIMEOUT")]
    request_timeout: Duration,
    /// Grace period in which a vendor may still commit a create with an unknown outcome, such as `30s`.
    #[arg(long, default_value = "30s", value_parser = crate::engine::interval::interval, env = "HOOKTENDER_SETTLE")]
    settle: Duration,
    /// Allow accounts to use this endpoint too, such as `https://crm.example.com,vendor=superoffice,namespace=crm`. A
    /// path limits it to addresses below that path; `vendor` and `namespace` limit it to their accounts. May be repeated. The
    /// vendors' own hosts are always allowed.
    #[arg(
        long = "allow-endpoint",
        value_name = "URL[,vendor=NAME][,namespace=NAME]",
        env = "HOOKTENDER_ALLOW_ENDPOINTS"
    )]
    allowed: Vec<AllowedEndpoints>,
}

impl VendorFlags {
    pub(super) fn grace_period(&self) -> GracePeriod {
        GracePeriod { longest_request: self.request_timeout, commit: self.settle }
    }

    /// Returns the endpoints that are allowed besides the vendors' own hosts.
    pub(super) fn allowed(&self) -> AllowedEndpoints {
        self.allowed.iter().cloned().collect()
    }

    /// Returns the settings of vendor clients; `calls` counts every request.
    pub(super) fn settings(&self, calls: &Arc<AtomicUsize>) -> Settings {
        let calls = Arc::clone(calls);
        self.settings_reporting(move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Returns the settings of vendor clients; `report` is called after every request.
    pub(super) fn settings_reporting(&self, report: impl Fn(CallReport) + Send + Sync + 'static) -> Settings {
        Settings::new(self.allowed(), report).with_timeout(self.request_timeout)
    }
}

/// Parses a positive time-out.
fn request_timeout(text: &str) -> Result<Duration, String> {
    match crate::engine::interval::interval(text)? {
        Duration::ZERO => Err("a time-out of zero does not allow any request".into()),
        timeout => Ok(timeout),
    }
}

/// Which cluster. Default: as kubectl finds it, or the cluster of this Pod.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterFlags {
    /// The kubeconfig to use.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig to use.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl ClusterFlags {
    pub(super) fn new(kubeconfig: Option<PathBuf>, context: Option<String>) -> Self {
        Self { kubeconfig, context }
    }

    /// Returns a client, and the namespace of the context or of the Pod.
    pub(super) async fn connect(&self) -> Result<(Client, String), String> {
        self.connect_counting(Metrics::default()).await
    }

    /// Returns the same with a client whose writes are counted.
    pub(super) async fn connect_counting(&self, metrics: Metrics) -> Result<(Client, String), String> {
        let (mut config, context) = self.config().await?;
        // kube would retry silently, up to minutes; passes have their own back-off.
        config.default_retry = false;
        config.connect_timeout = Some(API_TIMEOUT);
        config.write_timeout = Some(API_TIMEOUT);
        let namespace = config.default_namespace.clone();
        let server = server(&config, context.as_deref()).into();
        let client = ClientBuilder::try_from(config)
            .map_err(|error| format!("the Kubernetes client cannot be set up: {error}"))?
            .with_layer(&AnswerTimeout { limit: API_TIMEOUT, server })
            .with_layer(&CountWrites(metrics));
        Ok((client.build(), namespace))
    }

    /// Returns the configuration that a client is made of, and the name of its context if it is from a kubeconfig.
    pub(super) async fn config(&self) -> Result<(Config, Option<String>), String> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let context_of = |file: &Kubeconfig| self.context.clone().or_else(|| file.current_context.clone());
        match (&self.kubeconfig, &self.context) {
            (Some(path), _) => {
                let wrong = |error| format!("--kubeconfig {}: {error}", path.display());
                let file = Kubeconfig::read_from(path).map_err(wrong)?;
                let context = context_of(&file);
                Ok((Config::from_custom_kubeconfig(file, &options).await.map_err(wrong)?, context))
            }
            (None, Some(context)) => {
                let config = Config::from_kubeconfig(&options).await;
                Ok((config.map_err(|error| format!("--context {context}: {error}"))?, Some(context.clone())))
            }
            (None, None) => {
                let context = Kubeconfig::read().ok().as_ref().and_then(context_of);
                let config = Config::infer().await.map_err(|error| {
                    // The source is about the kubeconfig; the rest of the message is about Pods.
                    let why = error.source().map(ToString::to_string).unwrap_or_default();
                    format!("there is no cluster to talk to: {why}; set KUBECONFIG or --kubeconfig")
                })?;
                Ok((config, context))
            }
        }
    }
}

/// Returns the API server as messages name it.
fn server(config: &Config, context: Option<&str>) -> String {
    let address = config.cluster_url.to_string();
    let address = address.trim_end_matches('/');
    context.map_or_else(
        || format!("the API server {address}"),
        |context| format!("the API server {address} of context {context}"),
    )
}
