//! The API server's audit log, read as events: tests count requests to Kubernetes with it.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use crate::Error;

/// Every request at the Metadata level, except for health checks. The stage in which a request has only arrived is left out.
pub(crate) const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: [/healthz*, /livez*, /readyz*]
- level: Metadata
";

/// One request that the API server has answered; a watch counts when it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// The API group; empty for the core group and for paths that are no resource.
    pub api_group: String,
    /// The plural name of the kind, for example `configmaps`; empty for paths that are no resource.
    pub resource: String,
    /// For example `status`; empty for the object itself.
    pub subresource: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// The object's name; empty for collections.
    pub name: String,
    /// The user, for example `system:serviceaccount:example:operator`.
    pub user: String,
    /// The program's user agent.
    pub user_agent: String,
    /// The HTTP status of the answer.
    pub status_code: u16,
    /// When the request came in.
    pub at: Timestamp,
}

impl AuditEvent {
    /// Whether the request was meant to change something.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

/// Reads the log while it grows, and keeps no event: a log of a million requests costs no memory.
#[derive(Debug)]
pub struct AuditReader {
    path: PathBuf,
    /// Bytes of complete lines that have been read.
    read: u64,
}

impl AuditReader {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0 }
    }

    /// Passes each event that was added since the last call to `each`, oldest first. A line that is still being written is left for
    /// the next call.
    pub fn read(&mut self, mut each: impl FnMut(AuditEvent)) -> Result<(), Error> {
        let reading = || format!("reading {}", self.path.display());
        let mut log = BufReader::new(File::open(&self.path).map_err(Error::io(reading()))?);
        log.seek(SeekFrom::Start(self.read)).map_err(Error::io(reading()))?;
        let mut line = Vec::new();
        loop {
            line.clear();
            log.read_until(b'\n', &mut line).map_err(Error::io(reading()))?;
            if line.last() != Some(&b'\n') {
                return Ok(());
            }
            self.read += line.len() as u64;
            if let Some(event) = parse(&line)? {
                each(event);
            }
        }
    }
}

/// The events so far: tests ask again and again while the log grows, and each line is parsed once.
#[derive(Debug)]
pub(crate) struct AuditLog {
    reader: AuditReader,
    events: Vec<AuditEvent>,
}

impl AuditLog {
    pub(crate) fn new(path: &Path) -> Self {
        Self { reader: AuditReader::new(path), events: Vec::new() }
    }

    /// Reads what was added, and returns all events, oldest first.
    pub(crate) fn events(&mut self) -> Result<&[AuditEvent], Error> {
        self.reader.read(|event| self.events.push(event))?;
        Ok(&self.events)
    }
}

/// Parses a complete line. `None`: another line is about the same request.
fn parse(line: &[u8]) -> Result<Option<AuditEvent>, Error> {
    serde_json::from_slice::<Wire>(line).map(Wire::into_event).map_err(Error::json("a line of the audit log"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    stage: String,
    verb: String,
    user: WireUser,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: WireObject,
    response_status: Option<WireStatus>,
    request_received_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct WireUser {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireObject {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct WireStatus {
    #[serde(default)]
    code: u16,
}

impl Wire {
    /// A watch is reported when it opens and again when it ends: the first counts.
    fn into_event(self) -> Option<AuditEvent> {
        let opens = self.stage == "ResponseStarted";
        let long_running = self.verb == "watch";
        if opens != long_running && self.stage != "Panic" {
            return None;
        }
        let object = self.object_ref;
        Some(AuditEvent {
            verb: self.verb,
            api_group: object.api_group,
            resource: object.resource,
            subresource: object.subresource,
            namespace: object.namespace,
            name: object.name,
            user: self.user.username,
            user_agent: self.user_agent,
            status_code: self.response_status.map_or(0, |status| status.code),
            at: self.request_received_timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = r#"{"kind":"Event","stage":"ResponseComplete","verb":"create","user":{"username":"admin"},"userAgent":"kubectl","objectRef":{"resource":"configmaps","namespace":"a","name":"b","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestReceivedTimestamp":"2026-01-02T03:04:05.678901Z"}"#;

    /// Returns the events of a log with this text.
    fn events(text: &str) -> Vec<AuditEvent> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        AuditLog::new(file.path()).events().unwrap().to_vec()
    }

    #[test]
    fn a_request_is_one_event() {
        let events = events(&format!("{CREATE}\n"));
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].resource.as_str(), events[0].name.as_str()), ("configmaps", "b"));
        assert_eq!((events[0].status_code, events[0].subresource.as_str()), (201, ""));
        assert!(events[0].is_write());
    }

    #[test]
    fn a_watch_counts_when_it_opens_and_only_once() {
        let watch = CREATE.replace("\"create\"", "\"watch\"");
        let opened = watch.replace("ResponseComplete", "ResponseStarted");
        let events = events(&format!("{opened}\n{watch}\n"));
        assert_eq!(events.len(), 1);
        assert!(!events[0].is_write());
    }

    #[test]
    fn a_line_that_is_being_written_waits() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut log = AuditLog::new(file.path());
        let mut seen = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            log.events().unwrap().len()
        };
        assert_eq!(seen(&CREATE[..40]), 0);
        assert_eq!(seen(&format!("{CREATE}\n{}", &CREATE[..40])), 1);
        assert_eq!(seen(&format!("{CREATE}\n{CREATE}\n")), 2);
    }

    #[test]
    fn a_reader_passes_each_event_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut reader = AuditReader::new(file.path());
        let mut added = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            let mut count = 0;
            reader.read(|_| count += 1).unwrap();
            count
        };
        assert_eq!(added(&format!("{CREATE}\n{CREATE}\n")), 2);
        assert_eq!(added(&format!("{CREATE}\n{CREATE}\n{CREATE}\n")), 1);
    }
}
