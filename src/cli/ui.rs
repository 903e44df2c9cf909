//! `hooktender ui`: the pages, with the user's own rights.

use super::plan::Scope;
use super::remediation::remediation;
use super::{CommandResult, print};
use crate::api::NamespaceName;
use crate::ui::{Server, Viewer, Watches, bind};
use clap::Args;
use std::io::IsTerminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// The port, always the same so that addresses of pages are permanent.
const PORT: u16 = 8099;

/// Flags of `hooktender ui`.
#[derive(Debug, Args)]
pub(super) struct Ui {
    /// The port on loopback; 0 for any that is free.
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Do not open the page in a browser. Without a terminal it is never opened.
    #[arg(long)]
    no_open: bool,
    #[command(flatten)]
    scope: Scope,
}

impl Ui {
    pub(super) async fn run(self) -> CommandResult {
        let (client, of_context) = self.scope.cluster.connect().await?;
        let namespace = (!self.scope.all_namespaces)
            .then(|| NamespaceName::new(self.scope.namespace.as_deref().unwrap_or(&of_context)))
            .transpose();
        let namespace = namespace.map_err(|error| error.to_string())?;
        let shown = namespace.as_ref().map_or("all namespaces".into(), |name| format!("namespace {name}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let (listener, address) =
            bind(self.port).await.map_err(|error| cannot_listen(self.port, "--port", &error))?;
        let watches = Watches {
            client,
            namespaces: namespace.into_iter().collect(),
            account_selector: None,
            viewer: Viewer::User,
        };
        let mut tasks = JoinSet::new();
        let server = Server::start(&watches, (shown.clone(), remediation, None), &mut tasks);
        let url = format!("http://{address}/");
        print::text(&format!("{url}\n"))?;
        print::note(&format!("shows {shown} with your rights, and changes nothing; Ctrl-C ends it"));
        if !self.no_open && std::io::stdout().is_terminal() && open::that_detached(&url).is_err() {
            print::note("no browser could be opened: open the address yourself");
        }
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        server.serve(listener, stop).await.map_err(|error| format!("serving the pages: {error}"))?;
        Ok(0)
    }
}

/// Says why nothing can listen on the port of a flag, and what to do.
pub(super) fn cannot_listen(port: u16, flag: &str, error: &std::io::Error) -> String {
    let advice = format!("choose another port with {flag} PORT, or {flag} 0 for any that is free");
    format!("cannot listen on 127.0.0.1:{port}: {}", listen_error(error, &advice))
}

/// Returns the error of an address on which nothing can listen, with this advice.
pub(super) fn listen_error(error: &std::io::Error, advice: &str) -> String {
    let in_use = error.kind() == std::io::ErrorKind::AddrInUse;
    let cause = if in_use { "another process listens there: " } else { "" };
    format!("{error}; {cause}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn an_error_of_an_address_says_what_to_do() {
        let in_use = cannot_listen(8099, "--port", &Error::new(ErrorKind::AddrInUse, "in use"));
        let advice = "choose another port with --port PORT, or --port 0 for any that is free";
        assert_eq!(
            in_use,
            format!("cannot listen on 127.0.0.1:8099: in use; another process listens there: {advice}")
        );
        let refused = cannot_listen(80, "--port", &Error::new(ErrorKind::PermissionDenied, "refused"));
        assert_eq!(refused, format!("cannot listen on 127.0.0.1:80: refused; {advice}"));
    }
}
