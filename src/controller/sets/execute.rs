//! Writes the members of a set, several at a time, and takes what came of it.

use super::state::SetState;
use super::{MAX_CONCURRENT_WRITES, Shared};
use crate::api::{ObjectKey, WebhookSet};
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::scope::Scope;
use crate::engine::cluster::set_writes::{MemberObject, MemberWrite, SetWriter};
use crate::engine::cluster::writer::WriteError;
use crate::engine::error::error_chain;
use crate::engine::state::webhook::slim;
use crate::set::decide::{Decision, Write};
use crate::set::expand::{DeclaredMember, MemberError, metadata};
use crate::set::member::{self, Difference};
use crate::set::status::SetError;
use futures::stream::{self, StreamExt as _};
use kube::{Resource as _, ResourceExt as _};

/// Names that an event lists.
const MAX_NAMES: usize = 5;

/// What the writes of members came to.
#[derive(Default)]
pub(super) struct Written {
    /// Whether anything is known that the decision did not know.
    pub(super) progress: bool,
    /// Whether another client has changed something meanwhile.
    pub(super) conflict: bool,
    /// A failure that concerns all members.
    pub(super) error: Option<SetError>,
}

/// Executes writes, some at a time, until there is progress: the next pass executes what is left. Those that fail hold up no others.
pub(super) async fn execute<C, W: SetWriter>(
    shared: &Shared<C, W>,
    set: &WebhookSet,
    decision: &Decision,
    state: &mut SetState,
) -> Written {
    let mut written = Written::default();
    let mut left = decision.writes.len();
    for writes in decision.writes.chunks(shared.writes_per_pass) {
        execute_some(shared, set, (decision, writes), state, &mut written).await;
        left -= writes.len();
        if written.progress || written.conflict {
            break;
        }
    }
    state.has_more_writes = left > 0;
    written
}

async fn execute_some<C, W: SetWriter>(
    shared: &Shared<C, W>,
    set: &WebhookSet,
    (decision, writes): (&Decision, &[Write]),
    state: &mut SetState,
    written: &mut Written,
) {
    let write_one = |write| async move {
        let _permit = shared.write_permits.acquire().await;
        (write, write_member(&shared.writer, set, decision, write).await)
    };
    let all: Vec<_> = writes.iter().map(write_one).collect();
    let done: Vec<_> = stream::iter(all).buffer_unordered(MAX_CONCURRENT_WRITES).collect().await;
    let mut events = Events::default();
    for (write, outcome) in done {
        record(write, outcome, decision, state, written, &mut events);
    }
    events.publish(&shared.writer, set).await;
}

async fn write_member(
    writer: &impl SetWriter,
    set: &WebhookSet,
    decision: &Decision,
    write: &Write,
) -> Result<MemberWrite, WriteError> {
    let object = |index: usize| {
        let member = &decision.members[index];
        let declared = member.declared.as_ref().ok()?;
        let (labels, annotations) = metadata(set, &declared.revision);
        Some(MemberObject { set, name: &member.name, labels, annotations, spec: &declared.spec })
    };
    match write {
        Write::Create(index) => match object(*index) {
            Some(member) => writer.create_member(&member).await,
            None => Ok(MemberWrite::Gone),
        },
        Write::Apply { member, webhook, .. } => match object(*member) {
            Some(member) => writer.apply_member(&member, webhook).await,
            None => Ok(MemberWrite::Gone),
        },
        Write::Remove(webhook) => writer.delete_member(webhook).await.map(|()| MemberWrite::Gone),
    }
}

/// Takes the outcome of one write.
fn record(
    write: &Write,
    outcome: Result<MemberWrite, WriteError>,
    decision: &Decision,
    state: &mut SetState,
    written: &mut Written,
    events: &mut Events,
) {
    let index = match write {
        Write::Create(index) | Write::Apply { member: index, .. } => Some(*index),
        Write::Remove(_) => None,
    };
    let declared = index.and_then(|index| decision.members[index].declared.as_ref().ok());
    let name = match (write, index) {
        (Write::Remove(webhook), _) => webhook.name_any(),
        (_, Some(index)) => decision.members[index].name.clone(),
        (_, None) => return,
    };
    match outcome {
        Ok(MemberWrite::Written(mut webhook)) => {
            slim(&mut webhook);
            let holds = declared.is_none_or(|declared| member::has_spec(&webhook, &declared.spec));
            written.progress = true;
            state.member_written(*webhook);
            if let Some(declared) = declared.filter(|_| !holds) {
                let message = "the API server stores another spec than the set writes, as an admission webhook may: change what does";
                state.refuse(&name, &declared.revision, MemberError::new("WriteRefused", message));
            } else {
                state.accepted(&name);
                events.add(write, name);
            }
        }
        Ok(MemberWrite::Found(mut webhook)) => {
            slim(&mut webhook);
            state.member_written(*webhook);
            written.progress = true;
        }
        Ok(MemberWrite::Gone) => {
            match write {
                Write::Remove(webhook) => {
                    state.member_deleted(webhook);
                    events.add(write, name);
                }
                _ => state.member_gone(&name),
            }
            written.progress = true;
        }
        Err(error) => {
            if let Write::Apply { webhook, .. } = write
                && error.scope() == Scope::Server
            {
                state.member_unknown(webhook);
            }
            failed(&error, (name.as_str(), declared), state, written, events);
        }
    }
}

/// Records a write that failed.
fn failed(
    error: &WriteError,
    (name, declared): (&str, Option<&DeclaredMember>),
    state: &mut SetState,
    written: &mut Written,
    events: &mut Events,
) {
    match error.scope() {
        Scope::Conflict => written.conflict = true,
        Scope::Object => {
            let message = format!("{}; change what refuses it, or the template", error.in_words());
            let revision = declared.map(|declared| declared.revision.as_str()).unwrap_or_default();
            if state.refuse(name, revision, MemberError::new("WriteRefused", &message)) {
                events.refused.push(format!("{name}: {message}"));
            }
            written.progress |= declared.is_some();
        }
        Scope::Rights => {
            let message = format!("{}: give hooktender's ServiceAccount this right", error.in_words());
            written.error = Some(SetError { reason: "Forbidden", message, stalled: true });
        }
        Scope::Server => {
            tracing::warn!(member = name, error = %error_chain(error), "a member of a set was not written; retrying");
            written.error = Some(unavailable(error));
        }
    }
}

fn unavailable(error: &WriteError) -> SetError {
    SetError {
        reason: "Unavailable",
        message: format!("{}; it is tried again", error.in_words()),
        stalled: false,
    }
}

/// Publishes an event about a set, and logs it.
pub(super) async fn publish(writer: &impl SetWriter, set: &WebhookSet, event: EventRecord) {
    let key = ObjectKey::of(set);
    if event.warning {
        tracing::warn!(set = %key, reason = event.reason, "{}", event.note);
    } else {
        tracing::info!(set = %key, reason = event.reason, "{}", event.note);
    }
    writer.event(set.object_ref(&()), &event).await;
}

/// The members that a pass has written, for one event a kind of write.
#[derive(Default)]
struct Events {
    created: Vec<String>,
    updated: Vec<String>,
    restored: Vec<String>,
    removed: Vec<String>,
    refused: Vec<String>,
}

impl Events {
    fn add(&mut self, write: &Write, name: String) {
        match write {
            Write::Create(_) => self.created.push(name),
            Write::Apply { why: Difference::Edited, .. } => self.restored.push(name),
            Write::Apply { .. } => self.updated.push(name),
            Write::Remove(_) => self.removed.push(name),
        }
    }

    async fn publish(self, writer: &impl SetWriter, set: &WebhookSet) {
        let all = [
            ("MembersCreated", "created", self.created),
            ("MembersUpdated", "updated", self.updated),
            ("MembersRestored", "edited by another client, and put back to the template", self.restored),
            ("MembersRemoved", "removed, as the account matches no more", self.removed),
        ];
        for (reason, what, mut names) in all {
            if !names.is_empty() {
                names.sort_unstable();
                let note = format!("{} {what}: {}", count(names.len()), listed(&names));
                publish(writer, set, EventRecord { warning: false, reason, note }).await;
            }
        }
        if let Some(first) = self.refused.first() {
            let note = format!("{} refused by the API server: {first}", count(self.refused.len()));
            publish(writer, set, EventRecord { warning: true, reason: "WriteRefused", note }).await;
        }
    }
}

fn count(members: usize) -> String {
    if members == 1 { "1 member".to_owned() } else { format!("{members} members") }
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let shown = names.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::WebhookSetStatus;
    use crate::api::{VendorAccount, Webhook};
    use crate::engine::cluster::writer::failed;
    use crate::set::decide::{Input, decide};
    use crate::set::expand::expand;
    use crate::set::guard::Changes;
    use crate::telemetry::Metrics;
    use k8s_openapi::api::core::v1::ObjectReference;
    use serde_json::json;
    use std::collections::{HashMap, HashSet};
    use std::sync::Arc;

    /// An API server that fails for the first members.
    struct Failing {
        first: usize,
    }

    impl SetWriter for Failing {
        async fn set_status(
            &self,
            set: &WebhookSet,
            _: &WebhookSetStatus,
        ) -> Result<Option<WebhookSet>, WriteError> {
            Ok(Some(set.clone()))
        }

        async fn add_set_finalizer(&self, set: &WebhookSet) -> Result<WebhookSet, WriteError> {
            Ok(set.clone())
        }

        async fn remove_set_finalizer(&self, _: &WebhookSet) -> Result<(), WriteError> {
            Ok(())
        }

        async fn create_member(&self, member: &MemberObject<'_>) -> Result<MemberWrite, WriteError> {
            let mut webhook = Webhook::new(member.name, member.spec.clone());
            webhook.metadata.namespace = member.set.namespace();
            if member.name < format!("hooks-a{:02}", self.first).as_str() {
                let status = kube::core::Status::failure("unavailable", "Unavailable").with_code(503);
                return Err(failed("spec", &webhook, kube::Error::Api(Box::new(status))));
            }
            Ok(MemberWrite::Written(Box::new(webhook)))
        }

        async fn apply_member(&self, _: &MemberObject<'_>, _: &Webhook) -> Result<MemberWrite, WriteError> {
            Ok(MemberWrite::Gone)
        }

        async fn delete_member(&self, _: &Webhook) -> Result<(), WriteError> {
            Ok(())
        }

        async fn event(&self, _: ObjectReference, _: &EventRecord) {}
    }

    /// Executes the creation of ten members, three in a pass; returns what came of it, which members are written, and whether some are
    /// left to the next pass.
    async fn create_ten(failing: usize) -> (Written, Vec<String>, bool) {
        let set: WebhookSet = serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
            "metadata": {"name": "hooks", "namespace": "shop", "uid": "set-uid"},
            "spec": {"accountSelector": {}, "template": {"spec": {"subscription": {"superoffice":
                {"name": "n", "events": ["sale.sold"], "targetUrl": "https://h.example/"}}}}},
        }))
        .unwrap();
        let account = |number: usize| -> Arc<VendorAccount> {
            let key = json!({"name": "s", "key": "k"});
            let account = json!({
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
                "metadata": {"name": format!("a{number:02}"), "namespace": "shop"},
                "spec": {"vendor": {"superoffice": {"online": {"customerId": "Cust1"},
                    "credentials": {"bearer": {"tokenSecretRef": key}}}}},
            });
            Arc::new(serde_json::from_value(account).unwrap())
        };
        let accounts: Vec<_> = (0..10).map(account).collect();
        let decision = decide(Input {
            set: &set,
            members: expand(&set, &accounts),
            owned: Vec::new(),
            others: HashMap::new(),
            unknown_accounts: HashSet::new(),
            existing_accounts: HashMap::new(),
            refused: HashMap::new(),
            recent: Changes::new(),
        });
        assert_eq!(decision.writes.len(), 10);
        let writer = Failing { first: failing };
        let mut shared = Shared::new(Arc::new(()), writer, Metrics::default(), Arc::default());
        shared.writes_per_pass = 3;
        let mut state = SetState::default();
        let written = execute(&shared, &set, &decision, &mut state).await;
        let names = state.newest_members(Vec::new()).into_keys().collect();
        (written, names, state.has_more_writes)
    }

    #[tokio::test]
    async fn a_pass_writes_a_part_of_a_large_set() {
        let (written, names, has_more) = create_ten(0).await;
        assert!(written.progress && written.error.is_none() && has_more);
        assert_eq!(names, ["hooks-a00", "hooks-a01", "hooks-a02"]);
    }

    #[tokio::test]
    async fn members_that_cannot_be_written_hold_up_no_others() {
        let (written, names, has_more) = create_ten(7).await;
        assert!(written.progress && has_more);
        assert_eq!(names, ["hooks-a07", "hooks-a08"], "the first part with one that can be written");
        let (written, names, has_more) = create_ten(10).await;
        assert!(!written.progress && !has_more && names.is_empty());
        assert_eq!(written.error.map(|error| error.reason), Some("Unavailable"));
    }

    #[test]
    fn an_event_lists_a_few_names() {
        let names: Vec<_> = (0..7).map(|number| format!("m{number}")).collect();
        assert_eq!(listed(&names), "m0, m1, m2, m3, m4 and 2 more");
        assert_eq!(
            (listed(&names[..2]), count(1), count(2)),
            ("m0, m1".into(), "1 member".into(), "2 members".into())
        );
    }
}
