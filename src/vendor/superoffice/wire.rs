//! SuperOffice's wire types (vendors/superoffice.md 6 and 10). Private to this folder.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A webhook with the members that are compared. `rest` has all others that this version of the server returns.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Webhook {
    #[serde(rename = "WebhookId")]
    pub(super) id: i64,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) events: Option<Vec<String>>,
    #[serde(default)]
    pub(super) target_url: Option<String>,
    #[serde(default)]
    pub(super) state: Option<State>,
    #[serde(default)]
    pub(super) r#type: Option<String>,
    #[serde(default)]
    pub(super) headers: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) properties: Option<Value>,
    #[serde(default)]
    pub(super) errors_email: Option<String>,
    #[serde(default)]
    pub(super) error_emails: Since12<Vec<String>>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) notify_via: Option<Flags>,
    #[serde(default)]
    pub(super) notify_when: Option<Flags>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// A member that servers before 12.0 do not have. Null is different from absent.
#[derive(Clone, Debug, Default)]
pub(super) enum Since12<T> {
    #[default]
    Absent,
    Shown(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Since12<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Shown)
    }
}

/// A set of flags: names in one text, such as `Email, InApp`, or a number.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Flags {
    Number(u64),
    Names(String),
}

impl Flags {
    /// Returns the flags that are set. `known` are the names of the lowest two bits; an unknown flag keeps its name or number.
    pub(super) fn names(&self, known: [&str; 2]) -> Vec<String> {
        match self {
            Self::Number(bits) => {
                let set = |bit: usize| bits >> bit & 1 == 1;
                let named = (0..2).filter(|bit| set(*bit)).map(|bit| known[bit].to_owned());
                named.chain((bits >> 2 > 0).then(|| format!("Unknown({})", bits & !3))).collect()
            }
            Self::Names(names) => {
                let names = names.split(',').map(str::trim);
                names.filter(|name| !name.is_empty() && *name != "None").map(str::to_owned).collect()
            }
        }
    }
}

/// A state: by name, or by number in older samples.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum State {
    Number(i64),
    Name(String),
}

impl State {
    /// Returns the name (8): 1 Active, 2 Stopped, 3 `TooManyErrors`.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Number(1) => "Active".into(),
            Self::Number(2) => "Stopped".into(),
            Self::Number(3) => "TooManyErrors".into(),
            Self::Number(other) => format!("Unknown({other})"),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Returns the message of the service's or the framework's error envelope; none if the body is neither.
pub(super) fn in_words(body: &Value) -> Option<String> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // A refused save has its message in `Message` (10).
    match (text("ErrorType"), text("ErrorMessage").or_else(|| text("Message"))) {
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        (Some(words), None) | (None, Some(words)) => Some(words.into()),
        (None, None) => None,
    }
}

/// A tenant's state, from the vendor's central host (2.3).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TenantState {
    #[serde(default)]
    pub(super) endpoint: Option<String>,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) is_running: bool,
    /// RFC 3339, UTC.
    #[serde(default)]
    pub(super) valid_until: Option<String>,
}

/// The answer to a signed system token (3.1). A refusal may have status 200, and null members may be left out.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SystemUserAnswer {
    #[serde(default)]
    pub(super) is_successful: bool,
    #[serde(default)]
    pub(super) token: Option<SecretString>,
    #[serde(default)]
    pub(super) error_message: Option<String>,
}

/// The answer of the token endpoint (3.2).
#[derive(Deserialize)]
pub(super) struct AccessToken {
    pub(super) access_token: SecretString,
    /// Seconds; one page says 3600, another 20 minutes.
    #[serde(default = "twenty_minutes")]
    pub(super) expires_in: u64,
}

fn twenty_minutes() -> u64 {
    1200
}

/// A refusal of the token endpoint.
#[derive(Deserialize)]
pub(super) struct TokenError {
    pub(super) error: String,
}

/// The result of a test of a receiver (4.8).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TestResult {
    pub(super) success: bool,
    #[serde(default)]
    pub(super) message: Option<String>,
}
