//! Checks of an account: address, credentials, login, what the login may do, and the vendor's clock.

use super::clock;
use super::line::Line;
use crate::api::{Mode, ObjectKey, VendorAccount};
use crate::cli::flags::VendorFlags;
use crate::cli::objects::OverlaySource;
use crate::cli::remediation::remediation;
use crate::engine::client::Client;
use crate::engine::cluster::secrets::SecretReader as _;
use crate::engine::inputs::dependencies::named_keys;
use crate::engine::pass::connect::connect;
use crate::engine::state::client_cache::ClientCache;
use crate::vendor::{Settings, VendorError};
use futures::StreamExt as _;
use futures::stream;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::SystemTime;

/// Accounts that are checked at once.
const MAX_CONCURRENT_ACCOUNTS: usize = 10;
/// The vendor's clock and this machine's, from the last answer.
type Clocks = Arc<Mutex<Option<(SystemTime, SystemTime)>>>;

/// Checks all accounts, in their order.
pub(super) async fn check_all(
    accounts: &[Arc<VendorAccount>],
    source: &OverlaySource,
    vendors: &VendorFlags,
) -> Vec<Line> {
    let checks = accounts.iter().map(|account| check(account, source, vendors)).collect::<Vec<_>>();
    stream::iter(checks).buffered(MAX_CONCURRENT_ACCOUNTS).collect::<Vec<_>>().await.concat()
}

async fn check(account: &VendorAccount, source: &OverlaySource, vendors: &VendorFlags) -> Vec<Line> {
    let title = format!("va {}", ObjectKey::of(account));
    let identity = account.spec.vendor.identity();
    if account.spec.suspend {
        return vec![Line::note(title, "suspended, and therefore not checked")];
    }
    let clocks = Clocks::default();
    let seen = Arc::clone(&clocks);
    let settings = vendors.settings_reporting(move |call| {
        if let Some(theirs) = call.clock {
            *seen.lock() = Some((theirs, SystemTime::now()));
        }
    });
    let client = match client(&title, account, source, &settings).await {
        Ok(client) => client,
        Err(problem) => return vec![problem],
    };
    let mut lines =
        vec![Line::ok(&title, format!("{identity}: the address is allowed, the credentials are there"))];
    match client.list().await {
        Ok(list) => {
            let number = list.observed.len() + list.unreadable.len();
            let what = if number == 1 { "1 subscription".into() } else { format!("{number} subscriptions") };
            lines.push(Line::ok(&title, format!("the login works: the list has {what}")));
            lines.push(rights(&title, account, &client));
        }
        Err(error) => lines.push(failed(&title, &error)),
    }
    let clocks = clocks.lock().take();
    lines.extend(clocks.map(|(theirs, own)| clock::check(&title, "the vendor", theirs, own)));
    lines
}

/// Returns the account's client, which can only read.
async fn client(
    title: &str,
    account: &VendorAccount,
    source: &OverlaySource,
    settings: &Settings,
) -> Result<Arc<Client>, Line> {
    let values = source.read(&named_keys(account, std::iter::empty())).await;
    let connected =
        connect(&mut ClientCache::default(), account, &values, source, (Mode::Plan, settings)).await;
    // The message says which address, Secret or key, and what to do.
    connected.map_err(|(error, _)| Line::problem(title, error.message))
}

/// Returns why the list cannot be read, with what `explain` advises.
fn failed(title: &str, error: &VendorError) -> Line {
    let line = Line::problem(title, error.to_string());
    match remediation(error.class.as_str(), false) {
        Some(way) => line.fix(way),
        None => line,
    }
}

/// Says what the login may do, as far as the vendor tells.
fn rights(title: &str, account: &VendorAccount, client: &Client) -> Line {
    let advice = client.advice();
    match client.may_write() {
        Some(true) => {
            let line = Line::ok(title, "the login may create, change and delete subscriptions");
            advice.map_or(line, |advice| Line::note(title, advice))
        }
        Some(false) => Line::problem(title, advice.unwrap_or_else(|| "the login may not write".into())),
        None => {
            let vendor = account.spec.vendor.name();
            let unknown =
                format!("{vendor} does not tell whether a login may write: the first write shows it");
            Line::note(title, advice.unwrap_or(unknown))
        }
    }
}
