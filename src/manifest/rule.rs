//! One rule of a CRD (`x-kubernetes-validations`), evaluated as the API server does, with its own message.

use super::flaw::Flaw;
use cel::common::types::{CelBool, CelInt, CelString, STRING_TYPE};
use cel::common::value::CowVal;
use cel::{Context, Env, ExecutionError, Program, extensions};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// A compiled rule.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Rule {
    program: Program,
    message: Option<String>,
    message_program: Option<Program>,
    text: String,
    field_path: String,
    reason: Reason,
    /// Whether it is a transition rule, which needs the old object.
    pub(super) transition: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    rule: String,
    message: Option<String>,
    message_expression: Option<String>,
    #[serde(default)]
    field_path: String,
    #[serde(default)]
    reason: Reason,
    #[serde(default)]
    optional_old_self: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum Reason {
    #[default]
    #[serde(rename = "FieldValueInvalid")]
    Invalid,
    #[serde(rename = "FieldValueForbidden")]
    Forbidden,
    #[serde(rename = "FieldValueRequired")]
    Required,
    #[serde(rename = "FieldValueDuplicate")]
    Duplicate,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid value",
            Self::Forbidden => "Forbidden",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
        }
    }
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let env = ENV.as_ref()?;
        let compile = |source: &str| env.compile(source).map_err(|error| format!("{source}: {error}"));
        if written.optional_old_self {
            return Err(format!("{}: optionalOldSelf is not supported", written.rule));
        }
        let program = compile(&written.rule)?;
        let transition = program.references().has_variable("oldSelf");
        Ok(Self {
            message_program: written.message_expression.as_deref().map(compile).transpose()?,
            program,
            message: written.message,
            text: written.rule,
            field_path: written.field_path,
            reason: written.reason,
            transition,
        })
    }
}

/// The CEL environment of the API server, as far as the rules of the CRDs use it: standard library, strings and durations.
static ENV: LazyLock<Result<Arc<Env>, String>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings)
        .and_then(|()| env.add_overload("duration", "duration(string)", vec![STRING_TYPE], duration))
        .and_then(|()| {
            let arguments = vec![STRING_TYPE];
            env.add_member_overload("matches", "string.matches(string)", STRING_TYPE, arguments, matches)
        })
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(env))
});

/// Durations as integers of nanoseconds, which compare the same. The library's own durations would add a calendar crate.
#[allow(clippy::needless_pass_by_value, reason = "the library's signature")]
fn duration<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let text = text(&arguments, 0)?;
    let nanoseconds = nanoseconds(text)
        .ok_or_else(|| ExecutionError::function_error("duration", "not a duration such as 1h30m"))?;
    Ok(CowVal::owned(CelInt::from(nanoseconds)))
}

/// Caches compiled patterns: the library's own `matches` compiles its pattern each time.
#[allow(clippy::needless_pass_by_value, reason = "the library's signature")]
fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    /// The rules have about fifteen patterns; a pattern may also come from a checked value.
    const MAX_CACHED: usize = 256;
    let (subject, pattern) = (text(&arguments, 0)?, text(&arguments, 1)?);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if !compiled.contains_key(pattern) {
        let regex = Regex::new(pattern).map_err(|error| ExecutionError::function_error("matches", error))?;
        if compiled.len() >= MAX_CACHED {
            compiled.clear();
        }
        compiled.insert(pattern.to_owned(), regex);
    }
    let matches = compiled.get(pattern).is_some_and(|regex| regex.is_match(subject));
    drop(compiled);
    Ok(CowVal::owned(CelBool::from(matches)))
}

fn text<'a>(arguments: &'a [CowVal<'_, '_>], number: usize) -> Result<&'a str, ExecutionError> {
    arguments
        .get(number)
        .and_then(|argument| argument.downcast_ref::<CelString>())
        .map(CelString::inner)
        .ok_or_else(ExecutionError::missing_argument_or_target)
}

/// Parses as Go's `time.ParseDuration`: units in any order, each with a fraction.
fn nanoseconds(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_i64;
    loop {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(unit_at);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000_i64,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(unit)?)?;
        let mut share = unit;
        for digit in fraction.bytes() {
            share /= 10;
            total = total.checked_add(share.checked_mul(i64::from(char::from(digit).to_digit(10)?))?)?;
        }
        rest = next;
        if rest.is_empty() {
            return Some(sign * total);
        }
    }
}

impl Rule {
    /// Returns what is wrong with a value by this rule.
    pub(super) fn violation(&self, path: &str, value: &Value, old: Option<&Value>) -> Option<Flaw> {
        let env = ENV.as_ref().ok()?;
        let mut context = Context::with_env(Arc::clone(env));
        context.add_variable_from_value("self", cel_value(value));
        if let Some(old) = old {
            context.add_variable_from_value("oldSelf", cel_value(old));
        }
        let words = self.words(value);
        let path = format!("{path}{}", self.field_path);
        match context.resolve(self.program.expression()) {
            Ok(cel::Value::Bool(true)) => None,
            Ok(cel::Value::Bool(false)) => {
                Some(Flaw::new(&path, format!("{words}: {}", self.message(&context))))
            }
            // Without the error itself, which may repeat a value.
            Ok(_) | Err(_) => Some(Flaw::new(
                &path,
                format!("{words}: the rule cannot be evaluated: {}", self.message(&context)),
            )),
        }
    }

    /// Returns the words of the reason. The API server adds a scalar value, unless the rule has a field path.
    fn words(&self, value: &Value) -> String {
        let words = self.reason.words();
        let repeats = matches!(self.reason, Reason::Invalid | Reason::Duplicate);
        let word = !value.is_array() && !value.is_object();
        if repeats && word && self.field_path.is_empty() {
            format!("{words}: {value}")
        } else {
            words.to_owned()
        }
    }

    fn message(&self, context: &Context<'_, '_>) -> String {
        let made =
            self.message_program.as_ref().and_then(|program| match context.resolve(program.expression()) {
                Ok(cel::Value::String(text)) => Some(text.trim().to_owned()),
                _ => None,
            });
        made.filter(|text| !text.is_empty() && !text.contains('\n'))
            .or_else(|| self.message.clone())
            .unwrap_or_else(|| format!("failed rule: {}", self.text))
    }
}

fn cel_value(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => cel::Value::Int(whole),
            (None, size) => cel::Value::Float(size.unwrap_or_default()),
        },
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(cel_value).collect())),
        Value::Object(members) => cel::Value::from(
            members.iter().map(|(name, value)| (name.clone(), cel_value(value))).collect::<HashMap<_, _>>(),
        ),
    }
}
