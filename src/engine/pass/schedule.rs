//! When a pass is due: the resync interval, back-offs, waits that a vendor asks for, settling times.

use crate::api::conditions::{self, READY};
use crate::api::{ALLOW_DELETIONS, REQUESTED_AT, VendorAccount};
use crate::engine::clock;
use crate::engine::state::account::{AccountState, Counts, LastPass};
use crate::engine::state::pace::{Changed, GUESTS};
use crate::engine::state::retry::{Past, Wait, WaitKind};
use crate::engine::state::webhook::{Handled, WebhookState, version};
use crate::engine::status::webhook::{AccountError, SETTLING};
use crate::vendor::{Class, VendorError};
use kube::{Resource, ResourceExt};
use std::collections::BTreeSet;
use std::time::Duration;

/// A throttled account whose vendor does not say how long waits this long.
const THROTTLED: Duration = Duration::from_secs(60);
/// The longest interval that anybody may write.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// How often in a row a moved version makes the account be read again at once.
const OUTDATED: u32 = 3;

/// How a pass ended.
pub(crate) enum PassOutcome<'a> {
    /// All that could be done was.
    Done,
    /// Steps are left for the next slice.
    Left,
    /// Deletions wait a moment for others, with which they are judged together.
    Gathering(Duration),
    /// Steps are left for when the account may make calls again, which is soon.
    Paced(Duration),
    /// A version had moved between reading and writing.
    Outdated,
    /// The list is not believed, and is read again after that time.
    Doubted(Duration),
    /// The vendor, or the way to it; with the vendor's error where there is one.
    AccountError {
        /// Whether only a person, or a slow retry, can help.
        stalled: bool,
        /// What the vendor said.
        error: Option<&'a VendorError>,
    },
    /// The API server refuses something that only a person can change.
    Refused,
    /// The cluster did not take something.
    Cluster,
}

/// What the vendor said when it asked the account to wait, and for how much longer. No call is made meanwhile.
pub(crate) fn asked_to_wait(
    memory: &AccountState,
    account: &VendorAccount,
) -> Option<(AccountError, Duration)> {
    let wait = memory.past.wait.as_ref()?;
    let left = wait.until.checked_duration_since(clock::now())?;
    match &wait.kind {
        WaitKind::AskedFor { by, trouble } if *by == account.meta().generation => {
            Some((trouble.clone(), left))
        }
        _ => None,
    }
}

/// How long until there is anything to do; none if there is now.
pub(crate) fn too_early(memory: &mut AccountState, changed: bool) -> Option<Duration> {
    let now = clock::now();
    if let Some(wait) = &memory.past.wait {
        let holds = match wait.kind {
            WaitKind::Pause => true,
            WaitKind::BackOff | WaitKind::AskedFor { .. } => !changed,
        };
        if now < wait.until && holds {
            return Some(wait.until - now);
        }
        memory.past.wait = None;
        return None;
    }
    if changed || memory.goes_on() {
        return None;
    }
    memory.past.due.filter(|due| now < *due).map(|due| due - now)
}

/// What is another than at the last pass of what a pass goes by.
pub(crate) fn changed(memory: &AccountState, account: &VendorAccount, uids: &[String]) -> Changed {
    let own = account.metadata.namespace.as_deref().unwrap_or_default();
    // One that is gone without our doing was never held, and others may have waited for what it wanted.
    let (seen, webhooks) = (&memory.seen, count(memory, uids));
    let mut changed = Changed {
        by_owner: seen.account != Some(asked_of(memory, account)) || seen.webhooks.own != webhooks.own,
        by: BTreeSet::new(),
    };
    if seen.request != Some(request_of(memory, account)) {
        changed.by(own);
    }
    if seen.webhooks.guests != webhooks.guests {
        changed.by(GUESTS);
    }
    for entry in uids.iter().filter_map(|uid| memory.entries.get(uid)) {
        let asked = memory.past.mark_of(entry.requested.but_request());
        let is_other = entry.handled.is_none_or(|seen| {
            seen.asked != asked || seen.written != written(&memory.past, entry, version(&*entry.object))
        });
        let asks = || {
            entry.handled.is_some_and(|seen| seen.request != memory.past.mark_of(&entry.requested.request))
        };
        if is_other && !entry.object.is_guest() {
            changed.by_owner = true;
        } else if is_other || asks() {
            changed.by(entry.object.metadata.namespace.as_deref().unwrap_or_default());
        }
    }
    changed
}

/// How many Webhooks there are; each has its own marks.
fn count(memory: &AccountState, uids: &[String]) -> Counts {
    let entries = uids.iter().filter_map(|uid| memory.entries.get(uid));
    let guests = entries.filter(|entry| entry.object.is_guest()).count();
    Counts { own: uids.len() - guests, guests }
}

/// Keeps what this pass went by: `account` as it was when the pass began.
pub(crate) fn saw(memory: &mut AccountState, account: &VendorAccount, uids: &[String]) {
    // What it made is known from now on, though its status be wiped before the next pass.
    let mut webhooks = Counts::default();
    for uid in uids {
        let Some(entry) = memory.entries.get_mut(uid) else { continue };
        memory.past.meet(uid, &entry.status);
        let version = version(&*entry.object);
        let written = written(&memory.past, entry, version);
        let asked = memory.past.mark_of(entry.requested.but_request());
        let request = memory.past.mark_of(&entry.requested.request);
        entry.handled = Some(Handled { asked, request, written, version });
        *(if entry.object.is_guest() { &mut webhooks.guests } else { &mut webhooks.own }) += 1;
    }
    // A pass that panics or hangs does not come here: what it read is compared with what the pass before it went by.
    let values = memory.values.take().or(memory.seen.values);
    let (account, request) = (Some(asked_of(memory, account)), Some(request_of(memory, account)));
    memory.seen = LastPass { account, request, webhooks, values };
}

fn asked_of(memory: &AccountState, account: &VendorAccount) -> u64 {
    let allows = account.annotations().get(ALLOW_DELETIONS);
    memory.past.mark_of((account.uid(), account.meta().generation, allows, &memory.not_allowed))
}

fn request_of(memory: &AccountState, account: &VendorAccount) -> u64 {
    memory.past.mark_of(account.annotations().get(REQUESTED_AT))
}

/// A status that somebody wiped, or a finalizer taken off by force, is something to look at too. A version that was marked
/// before has the same mark.
fn written(past: &Past, entry: &WebhookState, version: u64) -> u64 {
    if let Some(seen) = entry.handled.filter(|seen| version > 0 && seen.version == version) {
        return seen.written;
    }
    past.mark_of((entry.has_finalizer(), serde_json::to_string(&entry.object.status).unwrap_or_default()))
}

/// When to look again, by how the pass ended.
pub(crate) fn after(
    memory: &mut AccountState,
    account: &VendorAccount,
    uids: &[String],
    end: &PassOutcome<'_>,
) -> Duration {
    let past = &mut memory.past;
    let now = clock::now();
    if !matches!(end, PassOutcome::Outdated) {
        past.outdated = 0;
    }
    match end {
        PassOutcome::Done => past.recovered(),
        PassOutcome::Left => return Duration::ZERO,
        PassOutcome::Gathering(wait) => {
            past.due = Some(now + *wait);
            return *wait;
        }
        // A second reading comes neither early nor late, whoever asks; nor does the next call of a paced account.
        PassOutcome::Paced(wait) | PassOutcome::Doubted(wait) => {
            past.wait = Some(Wait { until: now + *wait, kind: WaitKind::Pause });
            return *wait;
        }
        PassOutcome::Outdated => {
            past.outdated += 1;
            if past.outdated <= OUTDATED {
                past.due = Some(now);
                return Duration::ZERO;
            }
            past.wait = Some(Wait { until: now + past.back_off(), kind: WaitKind::BackOff });
        }
        PassOutcome::AccountError { error: Some(error), .. } if error.class == Class::Throttled => {
            let until = now + error.retry_after.unwrap_or(THROTTLED);
            // Our own pace is no reason not to look: it may be another by now, and whoever is new is told to wait.
            let kind = if error.is_paced() { WaitKind::BackOff } else { asked_for(account, error) };
            past.wait = Some(Wait { until, kind });
        }
        // In maintenance, say: the vendor knows when to ask again.
        PassOutcome::AccountError {
            error: Some(error @ VendorError { retry_after: Some(wait), .. }),
            ..
        } => {
            past.wait = Some(Wait { until: now + *wait, kind: asked_for(account, error) });
        }
        // A pass that ends so costs no call, and nothing tells when a right is granted or a policy changed.
        PassOutcome::AccountError { error: Some(error), .. } if error.was_no_call() => {
            past.wait = Some(Wait { until: now + past.back_off(), kind: WaitKind::BackOff });
        }
        PassOutcome::AccountError { stalled: true, .. } => {}
        PassOutcome::AccountError { stalled: false, .. } | PassOutcome::Refused | PassOutcome::Cluster => {
            past.wait = Some(Wait { until: now + past.back_off(), kind: WaitKind::BackOff });
        }
    }
    // The interval is that of the list: what goes by one of a moment ago makes it no longer.
    let known_for =
        memory.snapshot.as_ref().and_then(|snapshot| snapshot.ended).map_or(Duration::ZERO, clock::since);
    let mut after = spread(resync(account)).saturating_sub(known_for);
    for entry in uids.iter().filter_map(|uid| memory.entries.get(uid)) {
        after = after.min(until_settled(memory, entry).unwrap_or(after));
        after = after.min(memory.past.until_rested(&entry.uid).unwrap_or(after));
        after = after.min(memory.past.until_revival(&entry.uid).unwrap_or(after));
        // While the account is in trouble, what cannot be written is tried again without a call to the vendor.
        if !matches!(end, PassOutcome::AccountError { .. } | PassOutcome::Refused) {
            let next_try =
                memory.refusals.until(&entry.uid).and_then(|until| memory.past.still_to_come(until));
            after = after.min(next_try.unwrap_or(after));
        }
    }
    after = after.min(memory.unread.retry().unwrap_or(after));
    memory.past.due = Some(now + after);
    memory.past.wait.as_ref().map_or(after, |wait| wait.until.saturating_duration_since(now))
}

fn asked_for(account: &VendorAccount, error: &VendorError) -> WaitKind {
    WaitKind::AskedFor { by: account.meta().generation, trouble: AccountError::of(error) }
}

/// How long until a create that was not answered is settled. One that settled while the pass ran is looked at again
/// soon; one that is settled and held for another reason is not waited for.
fn until_settled(memory: &AccountState, entry: &WebhookState) -> Option<Duration> {
    let held_for_it = conditions::get(&entry.status.conditions, READY).is_some_and(|c| c.reason == SETTLING);
    let left = match &entry.status.pending {
        Some(pending) => memory.past.until_settled(&entry.uid, pending),
        None if held_for_it => memory.past.until_shown(entry),
        None => return None,
    };
    if left.is_zero() { held_for_it.then_some(Duration::from_millis(100)) } else { Some(left) }
}

/// How often the vendor's list is read; the CRD keeps it within its range.
pub(crate) fn resync(account: &VendorAccount) -> Duration {
    interval(&account.spec.resync_interval).unwrap_or(Duration::from_secs(300))
}

/// Reads `90s`, `5m`, `1h30m`; at most a day, so that a sum of intervals is always a time that a clock can show.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is no interval: write it like 90s, 5m or 1h30m");
    let mut total = Duration::ZERO;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let count: u64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        total = total.saturating_add(Duration::from_secs(count.saturating_mul(unit)));
    }
    if !number.is_empty() || text.is_empty() {
        return Err(wrong());
    }
    if total > LONGEST_INTERVAL {
        return Err(format!("{text} is too long: at most 24h"));
    }
    Ok(total)
}

/// Accounts that were made together must not be read together for ever.
fn spread(interval: Duration) -> Duration {
    clock::jittered(interval, 0.9..=1.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_like_go_durations() {
        let cases = [
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h30m", Some(5400)),
            ("24h", Some(86_400)),
            ("5", None),
            ("m", None),
            ("", None),
            ("1d", None),
            ("0s", Some(0)),
            ("24h1s", None),
            ("1000000000h", None),
            ("18446744073709551615h", None),
            ("99999999999999999999s", None),
            ("18446744073709551615s18446744073709551615s", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(interval(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
