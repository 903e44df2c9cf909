//! Interprets plain YAML scalars as kubectl does, which reads YAML 1.1: `on` is true and `0777` is octal.

use serde_json::{Number, Value};

/// Returns the value of a plain scalar; `Err` for what JSON cannot represent.
pub(super) fn plain(text: &str) -> Result<Value, &'static str> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf"
        | "-.Inf" | "-.INF" => return Err("infinity and not-a-number cannot be sent to an API server"),
        _ => match number(text) {
            Some(number) => number?,
            None => Value::String(text.to_owned()),
        },
    })
}

fn number(text: &str) -> Option<Result<Value, &'static str>> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    let bare = text.replace('_', "");
    if let Some(whole) = whole(&bare) {
        return Some(Ok(whole));
    }
    if !is_float(&bare) {
        return None;
    }
    let value: f64 = bare.parse().ok()?;
    Some(json(value).ok_or("the number is too large"))
}

/// Converts a float as kubectl sends it: JSON does not distinguish 1e3 from 1000.
#[allow(clippy::cast_possible_truncation, reason = "the bounds are checked first")]
fn json(value: f64) -> Option<Value> {
    if value.fract() == 0.0 && value.abs() < 9e18 {
        return Some(Value::from(value as i64));
    }
    Number::from_f64(value).map(Value::Number)
}

/// Parses as Go's `strconv.ParseInt(text, 0, 64)`; larger numbers are floats.
fn whole(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&lower[..], 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(size).map(Value::from);
    }
    i64::try_from(size).ok().map(Value::from)
}

/// Returns whether `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` matches, the only float syntax of kubectl's library.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some(("", after)) => digits(after),
        Some((before, after)) => digits(before) && (after.is_empty() || digits(after)),
        None => digits(mantissa),
    };
    mantissa && exponent.is_none_or(digits)
}
