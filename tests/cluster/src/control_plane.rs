//! Starts etcd, the API server and, if it is one of the tools, the controller manager, in that order, in one temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::protocol::Addresses;
use crate::server::{self, Server};
use crate::tools::{Tool, Tools};
use crate::wait::WAIT_LIMIT;
use crate::{Error, audit, credentials};

/// How long the servers may take to end before they are killed. Their data is thrown away.
const GRACE: Duration = Duration::from_secs(2);

/// How often other ports are tried when one was taken meanwhile.
const ATTEMPTS: usize = 5;

/// The controllers that tests need: cascades, namespace deletion, a `default` service account in each namespace, aggregated
/// roles.
const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,\
    serviceaccount-controller,serviceaccount-token-controller,clusterrole-aggregation-controller";

/// The running servers and their folder, which is removed when this is dropped.
pub(crate) struct ControlPlane {
    tools: Tools,
    ports: Ports,
    etcd: Server,
    /// `None` while it is stopped by command.
    api_server: Option<Server>,
    /// `None` for the demo, which needs none.
    controllers: Option<Server>,
    token: String,
    ca: String,
    folder: TempDir,
}

#[derive(Clone, Copy)]
struct Ports {
    etcd: u16,
    api: u16,
}

impl ControlPlane {
    /// Starts everything and waits until it is ready; gives up when `cancelled` becomes true.
    pub(crate) fn start(tools: &Tools, cancelled: &AtomicBool) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            match Self::try_start(tools, cancelled) {
                Err(error) if error.is_port_taken() && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    fn try_start(tools: &Tools, cancelled: &AtomicBool) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("hooktender-cluster-")
            .tempdir()
            .map_err(Error::io("making a temporary folder"))?;
        let ports = Ports::free()?;
        let token = credentials::random_hex::<16>();
        write_inputs(folder.path(), &token)?;

        let mut etcd = start_etcd(tools, ports, folder.path())?;
        wait_until(&mut etcd, cancelled, || etcd_health(ports))?;
        let mut api_server = start_api_server(tools, ports, folder.path())?;
        let ca = wait_until(&mut api_server, cancelled, || authority(folder.path()))?;
        let kubeconfig = credentials::kubeconfig(&ports.api_url(), &ca, "admin", &token, "default");
        credentials::write_private(&kubeconfig_path(folder.path()), &kubeconfig)?;
        wait_until(&mut api_server, cancelled, || {
            kubectl(tools, folder.path(), &["get", "--raw", "/readyz"])
        })?;
        let mut controllers = start_controllers(tools, folder.path())?;
        if let Some(controllers) = &mut controllers {
            // The first visible effect of the controllers.
            wait_until(controllers, cancelled, || {
                kubectl(tools, folder.path(), &["get", "serviceaccount", "default", "--namespace=default"])
            })?;
        }
        Ok(Self {
            tools: tools.clone(),
            ports,
            etcd,
            api_server: Some(api_server),
            controllers,
            token,
            ca,
            folder,
        })
    }

    /// Where everything is.
    pub(crate) fn addresses(&self) -> Addresses {
        let folder = self.folder.path();
        let servers = [Some(&self.etcd), self.api_server.as_ref(), self.controllers.as_ref()];
        Addresses {
            folder: folder.to_owned(),
            kubeconfig: kubeconfig_path(folder),
            api_url: self.ports.api_url(),
            admin_token: self.token.clone(),
            ca: self.ca.clone(),
            audit_log: audit_log(folder),
            pids: servers
                .into_iter()
                .flatten()
                .map(|server| (server.name().to_owned(), server.pid()))
                .collect(),
        }
    }

    /// Kills the API server; does nothing if it is down already.
    pub(crate) fn stop_api_server(&mut self) {
        drop(self.api_server.take());
    }

    /// Starts the API server again on the same data and port; does nothing if it runs.
    pub(crate) fn start_api_server(&mut self, cancelled: &AtomicBool) -> Result<(), Error> {
        if self.api_server.is_none() {
            let mut server = start_api_server(&self.tools, self.ports, self.folder.path())?;
            wait_until(&mut server, cancelled, || {
                kubectl(&self.tools, self.folder.path(), &["get", "--raw", "/readyz"])
            })?;
            self.api_server = Some(server);
        }
        Ok(())
    }

    /// Restarts the controller manager, which looks for kinds at once.
    pub(crate) fn restart_controllers(&mut self) -> Result<(), Error> {
        // It is killed when it is dropped.
        drop(self.controllers.take());
        self.controllers = start_controllers(&self.tools, self.folder.path())?;
        Ok(())
    }

    /// Reports the servers that have ended by themselves.
    pub(crate) fn check(&mut self) -> BTreeMap<&'static str, Error> {
        [Some(&mut self.etcd), self.api_server.as_mut(), self.controllers.as_mut()]
            .into_iter()
            .flatten()
            .filter_map(|server| server.check().err().map(|error| (server.name(), error)))
            .collect()
    }

    /// Ends the servers and removes the folder.
    pub(crate) fn stop(self) {
        let Self { controllers, api_server, etcd, folder, .. } = self;
        // The store last: an API server without one waits for it.
        server::stop([controllers, api_server].into_iter().flatten().collect(), GRACE);
        server::stop(vec![etcd], GRACE);
        drop(folder);
    }
}

impl Ports {
    /// Two ports without a listener.
    fn free() -> Result<Self, Error> {
        let listen = || TcpListener::bind("127.0.0.1:0").map_err(Error::io("looking for a free port"));
        let port = |listener: &TcpListener| {
            listener.local_addr().map(|address| address.port()).map_err(Error::io("looking for a free port"))
        };
        // Both held until both are known, so that they differ.
        let (one, other) = (listen()?, listen()?);
        Ok(Self { etcd: port(&one)?, api: port(&other)? })
    }

    fn api_url(self) -> String {
        format!("https://127.0.0.1:{}", self.api)
    }
}

fn kubeconfig_path(folder: &Path) -> PathBuf {
    folder.join("kubeconfig")
}

fn audit_log(folder: &Path) -> PathBuf {
    folder.join("audit.log")
}

/// The files that the servers are started with.
fn write_inputs(folder: &Path, token: &str) -> Result<(), Error> {
    let tokens = format!("{token},admin,admin,\"system:masters\"\n");
    credentials::write_private(&folder.join("tokens.csv"), &tokens)?;
    let key = credentials::SigningKey::generate()?;
    credentials::write_private(&folder.join("service-accounts.key"), &key.private)?;
    credentials::write_private(&folder.join("service-accounts.pub"), &key.public)?;
    credentials::write_private(&folder.join("audit-policy.yaml"), audit::POLICY)?;
    credentials::write_private(&audit_log(folder), "")?;
    for inner in ["home", "kubeconfigs"] {
        fs::create_dir(folder.join(inner)).map_err(Error::io(format!("making the folder {inner}")))?;
    }
    Ok(())
}

fn start_etcd(tools: &Tools, ports: Ports, folder: &Path) -> Result<Server, Error> {
    let url = format!("http://127.0.0.1:{}", ports.etcd);
    let arguments = vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        // A single member needs no peers, but the flag cannot be empty.
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        "--unsafe-no-fsync".to_owned(),
        // The API server removes old versions after five minutes. Until then those of 100,000 Webhooks (`benches/scale`) need more than
        // the default of 2 GiB, above which etcd refuses writes.
        format!("--quota-backend-bytes={}", 8_u64 << 30),
        "--log-level=warn".to_owned(),
    ];
    Server::spawn(Tool::Etcd.name(), tools.path(Tool::Etcd), arguments, folder)
}

fn start_api_server(tools: &Tools, ports: Ports, folder: &Path) -> Result<Server, Error> {
    let file = |name: &str| folder.join(name).display().to_string();
    let arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        // The Service `kubernetes` may not lead to loopback, and nothing uses it.
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--secure-port={}", ports.api),
        format!("--cert-dir={}", file("certificates")),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("service-accounts.pub")),
        format!("--service-account-signing-key-file={}", file("service-accounts.key")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC".to_owned(),
        format!("--audit-policy-file={}", file("audit-policy.yaml")),
        format!("--audit-log-path={}", audit_log(folder).display()),
        // An event is in the file before its request is answered, and before any rotation (megabytes).
        "--audit-log-mode=blocking".to_owned(),
        "--audit-log-maxsize=100000".to_owned(),
    ];
    Server::spawn(Tool::ApiServer.name(), tools.path(Tool::ApiServer), arguments, folder)
}

fn start_controllers(tools: &Tools, folder: &Path) -> Result<Option<Server>, Error> {
    if !tools.has(Tool::ControllerManager) {
        return Ok(None);
    }
    let arguments = vec![
        format!("--kubeconfig={}", kubeconfig_path(folder).display()),
        format!("--controllers={CONTROLLERS}"),
        format!("--service-account-private-key-file={}", folder.join("service-accounts.key").display()),
        "--leader-elect=false".to_owned(),
        // It listens nowhere.
        "--secure-port=0".to_owned(),
        // Cascades of thousands of objects are part of the tests.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
    ];
    Server::spawn(Tool::ControllerManager.name(), tools.path(Tool::ControllerManager), arguments, folder)
        .map(Some)
}

/// Looks every 25 ms until `look` succeeds; fails when the server ends, the limit passes or the owner is gone.
fn wait_until<T>(
    server: &mut Server,
    cancelled: &AtomicBool,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, Error> {
    let start = Instant::now();
    loop {
        let last = match look() {
            Ok(value) => return Ok(value),
            Err(last) => last,
        };
        server.check()?;
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::Supervisor("ended while the cluster was starting".to_owned()));
        }
        if start.elapsed() > WAIT_LIMIT {
            let (server, log) = (server.name().to_owned(), server.log_tail());
            return Err(Error::NotReady { server, waited: start.elapsed(), last, log });
        }
        thread::sleep(Duration::from_millis(25));
    }
}

/// Asks etcd with one hand-written HTTP request: an HTTP client would be a large dependency for it.
fn etcd_health(ports: Ports) -> Result<(), String> {
    let ask = || -> io::Result<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], ports.etcd));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| error.to_string())?;
    if answer.contains("\"health\":\"true\"") { Ok(()) } else { Err(answer) }
}

/// The authority that the API server makes itself, once it has.
fn authority(folder: &Path) -> Result<String, String> {
    let pem =
        fs::read_to_string(folder.join("certificates/apiserver.crt")).map_err(|error| error.to_string())?;
    credentials::last_certificate(&pem).ok_or_else(|| "an incomplete certificate".to_owned())
}

/// One kubectl command as the administrator.
fn kubectl(tools: &Tools, folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(tools.path(Tool::Kubectl))
        .args(arguments)
        .arg("--request-timeout=5s")
        .env("KUBECONFIG", kubeconfig_path(folder))
        .env("HOME", folder.join("home"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
    }
}
