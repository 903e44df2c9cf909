//! Translation of answers: a request that names a language gets multi-language values and resource strings parsed
//! (vendors/superoffice.md §4.12).

use serde_json::Value;

use crate::exchange::{Call, Reply};

/// The answer in the language of the request: `SO-Language`, else `Accept-Language`. Without either, or with `x` or `*` in
/// the former, values are left as they are stored.
pub(crate) fn translated(call: &Call, reply: Reply) -> Reply {
    let asked = call.header("so-language").or_else(|| call.header("accept-language")).unwrap_or_default();
    let language = asked.split([',', ';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase();
    if matches!(language.as_str(), "" | "x" | "*") {
        return reply;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        return reply;
    };
    translate(&mut body, code(&language));
    Reply { body: body.to_string().into(), ..reply }
}

/// The key of a language in a multi-language value.
fn code(language: &str) -> &str {
    match language {
        "en" => "US",
        "nb" | "no" => "NO",
        other => other,
    }
}

fn translate(value: &mut Value, code: &str) {
    match value {
        Value::String(text) => {
            if let Some(parsed) = parsed(text, code) {
                *text = parsed;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| translate(item, code)),
        Value::Object(members) => members.values_mut().for_each(|member| translate(member, code)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The part of `NO:"norsk";US:"english"` for that language, else its first one; `[SR_NAME]` becomes words. `None` for a
/// text that is neither.
fn parsed(text: &str, code: &str) -> Option<String> {
    if let Some(resource) = text.strip_prefix("[SR_").and_then(|rest| rest.strip_suffix(']')) {
        return Some(resource.to_ascii_lowercase().replace('_', " "));
    }
    let part = |part: &str| {
        let (language, quoted) = part.split_once(':')?;
        let words = quoted.strip_prefix('"')?.strip_suffix('"')?;
        (language.len() == 2).then(|| (language.to_owned(), words.to_owned()))
    };
    let parts: Vec<_> = text.split(';').map(part).collect::<Option<_>>()?;
    let own = parts.iter().find(|(language, _)| language.eq_ignore_ascii_case(code));
    own.or(parts.first()).map(|(_, words)| words.clone())
}
