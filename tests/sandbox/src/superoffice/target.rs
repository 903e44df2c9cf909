//! The check of a target before a hook is saved. Nothing is called: a test sets what each URL would answer, and reads afterwards
//! which ones would have been called (vendors/superoffice.md §7.1, §17).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::settings::Settings;

/// What a URL does when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Refuse,
    /// Answers with success after `millis`.
    Slow,
    TlsError,
    HttpScheme,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Script {
    url: String,
    verdict: Verdict,
    #[serde(default)]
    millis: u64,
}

/// A call that the server would have made.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ping {
    at: String,
    url: Option<String>,
    /// `create`, `update` or `test`.
    reason: &'static str,
    name: Value,
    verdict: Verdict,
}

/// Scripts and calls of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    scripts: BTreeMap<String, Script>,
    pings: Vec<Ping>,
}

impl Targets {
    /// Takes `{"url", "verdict", "millis"}`.
    pub(crate) fn script(&mut self, body: Value) -> Result<(), String> {
        let script: Script = serde_json::from_value(body).map_err(|e| e.to_string())?;
        self.scripts.insert(script.url.clone(), script);
        Ok(())
    }

    pub(crate) fn scripted(&self) -> Value {
        json!(self.scripts.values().collect::<Vec<_>>())
    }

    pub(crate) fn forget_scripts(&mut self) {
        self.scripts.clear();
    }

    pub(crate) fn pings(&self) -> &[Ping] {
        &self.pings
    }

    pub(crate) fn forget_pings(&mut self) {
        self.pings.clear();
    }

    /// How long this URL takes to answer.
    pub(crate) fn slowness(&self, url: &str) -> Duration {
        let script = self.scripts.get(url).filter(|script| script.verdict == Verdict::Slow);
        script.map(|script| Duration::from_millis(script.millis)).unwrap_or_default()
    }

    /// Calls a URL in name only; fails with what the server would report.
    pub(crate) fn ping(
        &mut self,
        url: Option<&str>,
        name: Value,
        reason: &'static str,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), String> {
        let verdict = match url {
            Some(url) => match self.scripts.get(url) {
                Some(script) => script.verdict,
                None if settings.require_https && !is_https(url) => Verdict::HttpScheme,
                None => Verdict::Ok,
            },
            None => Verdict::Refuse,
        };
        self.pings.push(Ping { at: format!("{now:.3}"), url: url.map(str::to_owned), reason, name, verdict });
        match verdict {
            Verdict::Ok | Verdict::Slow => Ok(()),
            Verdict::Refuse => Err("the target did not answer 200 to the test event".to_owned()),
            Verdict::TlsError => Err("the certificate of the target is not trusted".to_owned()),
            Verdict::HttpScheme => Err("the target must be an https address".to_owned()),
        }
    }
}

fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}
