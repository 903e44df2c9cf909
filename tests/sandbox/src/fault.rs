//! Faults: what a test asks a vendor to do wrong, queued per account and used up one request at a time.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::{Call, Reply};

/// What a request is about, the same words for every vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    List,
    Get,
    Create,
    Update,
    Delete,
    Token,
    Other,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Token => "token",
            Self::Other => "other",
        }
    }
}

/// Which requests a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Target {
    Any,
    One(Operation),
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        if word == "*" {
            return Ok(Self::Any);
        }
        let known = serde_json::from_value(Value::String(word)).map(Self::One);
        known.map_err(|e| format!("operation is * or one of these: {e}"))
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        match target {
            Target::Any => "*".to_owned(),
            Target::One(operation) => operation.as_str().to_owned(),
        }
    }
}

/// The kind of the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The given answer; nothing is done.
    Status,
    /// The connection closes; nothing is done.
    DropBefore,
    /// The work is done, then the connection closes.
    DropAfter,
    /// The work is done, then the given answer is sent.
    StatusAfter,
    /// A pause of `millis`, then everything as usual - even if the caller has closed the connection.
    Delay,
    /// The work is done; the usual status comes with a body that is not JSON.
    Garbage,
    /// Nothing is done and nothing is sent; the connection stays open for `millis`, or for ever.
    Hang,
    /// The work is done but the answer never comes; the connection stays open as with `hang`.
    HangAfter,
    /// The connection closes (or hangs, with `hang: true`) now; the work is done `millis` later.
    LateCommit,
    /// The work is done; the answer breaks off in the middle of its body.
    Truncate,
}

impl Kind {
    /// The word used in the journal.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::StatusAfter => "status_after",
            Self::Delay => "delay",
            Self::Garbage => "garbage",
            Self::Hang => "hang",
            Self::HangAfter => "hang_after",
            Self::LateCommit => "late_commit",
            Self::Truncate => "truncate",
        }
    }
}

/// A fault as the control API takes and shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(default = "any")]
    pub(crate) operation: Target,
    /// How many matching requests it affects; `null` means every one until it is removed.
    #[serde(default = "once")]
    pub(crate) times: Option<u32>,
    /// How many matching requests pass before the first one that it affects.
    #[serde(default)]
    pub(crate) skip: u32,
    pub(crate) kind: Kind,
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// A string is sent as it is, anything else as JSON.
    #[serde(default)]
    pub(crate) body: Value,
    pub(crate) content_type: Option<String>,
    pub(crate) millis: Option<u64>,
    /// For `late_commit`: keep the connection open instead of closing it.
    #[serde(default)]
    pub(crate) hang: bool,
    /// Only requests whose path holds this text.
    pub(crate) path_contains: Option<String>,
    /// Only requests whose body holds this text.
    pub(crate) body_contains: Option<String>,
}

fn any() -> Target {
    Target::Any
}

// Absent means once, null means always: hence the nested option.
#[expect(clippy::unnecessary_wraps, reason = "serde calls it for an Option")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// Reads a control request, and refuses faults that could never take effect.
    pub(crate) fn parse(body: Value) -> Result<Self, String> {
        let fault: Self = serde_json::from_value(body).map_err(|e| e.to_string())?;
        let needs_status = matches!(fault.kind, Kind::Status | Kind::StatusAfter);
        match fault.status {
            None if needs_status => return Err(format!("kind {} needs a status", fault.kind.name())),
            Some(code) if !(200..=599).contains(&code) => {
                return Err(format!("status {code} is outside 200 to 599"));
            }
            _ => {}
        }
        if matches!(fault.kind, Kind::Delay | Kind::LateCommit) && fault.millis.is_none() {
            return Err(format!("kind {} needs millis", fault.kind.name()));
        }
        if fault.times == Some(0) {
            return Err("times must be 1 or more, or null".to_owned());
        }
        for (name, value) in &fault.headers {
            if name.parse::<HeaderName>().is_err() || value.parse::<HeaderValue>().is_err() {
                return Err(format!("{name:?} cannot be sent as a header"));
            }
        }
        Ok(fault)
    }

    /// The scripted answer of `status` and `status_after`.
    pub(crate) fn reply(&self) -> Reply {
        let status = self
            .status
            .and_then(|code| StatusCode::from_u16(code).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = Reply::empty(status);
        let (text, usual_type) = match &self.body {
            Value::Null => (String::new(), None),
            Value::String(text) => (text.clone(), Some("text/plain; charset=utf-8")),
            other => (other.to_string(), Some("application/json; charset=utf-8")),
        };
        reply.body = text.into();
        if let Some(content_type) = self.content_type.as_deref().or(usual_type) {
            reply = reply.with("content-type", content_type);
        }
        self.headers.iter().fold(reply, |reply, (name, value)| reply.with(name, value))
    }

    fn suits(&self, operation: Operation, call: &Call) -> bool {
        let operation_suits = match self.operation {
            Target::Any => true,
            Target::One(wanted) => wanted == operation,
        };
        operation_suits
            && self.path_contains.as_ref().is_none_or(|text| call.path.contains(text))
            && self
                .body_contains
                .as_ref()
                .is_none_or(|text| String::from_utf8_lossy(&call.body).contains(text.as_str()))
    }
}

/// The queue of one account. The oldest matching fault is used.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    queue: Vec<(u64, Fault)>,
}

impl Faults {
    pub(crate) fn push(&mut self, id: u64, fault: Fault) {
        self.queue.push((id, fault));
    }

    /// The fault for this request, if any; counts it.
    pub(crate) fn take(&mut self, operation: Operation, call: &Call) -> Option<Fault> {
        let place = self.queue.iter().position(|(_, fault)| fault.suits(operation, call))?;
        let fault = &mut self.queue[place].1;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let hit = fault.clone();
        match &mut fault.times {
            None => {}
            Some(1) => {
                self.queue.remove(place);
            }
            Some(left) => *left -= 1,
        }
        Some(hit)
    }

    /// What is still queued; `times` is what is left.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.queue
            .iter()
            .map(|(id, fault)| {
                let mut shown = serde_json::to_value(fault).unwrap_or_default();
                shown["id"] = (*id).into();
                shown
            })
            .collect()
    }

    /// Removes one fault, or all. Returns whether there was one.
    pub(crate) fn remove(&mut self, id: Option<u64>) -> bool {
        let before = self.queue.len();
        self.queue.retain(|(known, _)| id.is_some_and(|id| id != *known));
        before > self.queue.len()
    }
}
