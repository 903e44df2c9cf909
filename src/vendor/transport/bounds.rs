//! How much of an answer is taken in: what somebody who is not the vendor, or not well, sends costs bounded memory.

use super::Operation;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The longest list that is read, in one answer or over all its pages: ten thousand subscriptions of five kilobytes each are
/// 50 MB.
pub(in crate::vendor) const LONGEST_LIST: usize = 64 << 20;
/// The longest answer about one subscription, or to a login. A Webhook takes 1.5 MiB at most in the cluster's own store, and
/// a vendor may escape what it repeats.
const LONGEST_OTHER: usize = 4 << 20;
/// The most values that an answer may hold. Ten thousand subscriptions have a million at most; each takes some hundred bytes
/// in memory, however short it is written.
const MOST_VALUES: usize = 2_000_000;

/// A list that grows longer than this takes its turn,
const LONG: usize = 1 << 20;
/// with so many others, over all accounts: each takes several times its own length while it is read.
const LONG_AT_ONCE: usize = 4;

/// Turns of long lists.
pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LONG_AT_ONCE))
}

/// Whether a list that has come so far takes its turn before more of it is read.
pub(super) fn takes_turn(operation: Operation, length: usize) -> bool {
    operation == Operation::List && length > LONG
}

/// The longest answer that is read.
pub(super) fn longest_answer(operation: Operation) -> usize {
    match operation {
        Operation::List => LONGEST_LIST,
        Operation::Read
        | Operation::Create
        | Operation::Update
        | Operation::Delete
        | Operation::Token
        | Operation::Locate
        | Operation::Check => LONGEST_OTHER,
    }
}

/// Whether it holds more values than are taken in, if it is JSON. Each but the first stands behind a comma, a colon or a
/// bracket.
pub(super) fn too_many_values(body: &[u8]) -> bool {
    if body.len() <= MOST_VALUES {
        return false;
    }
    let (mut values, mut in_text, mut escaped) = (0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    values > MOST_VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_what_stands_in_texts_is_not() {
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(",")).into_bytes();
        let cases = [
            ("a million objects", list("{}", 999_000), false),
            ("a million objects and one each", list("{\"a\":[1]}", 999_000), true),
            ("two million numbers", list("1", 1_999_999), false),
            ("more", list("1", 2_000_001), true),
            ("commas in texts", list(r#"{"a":"\",[{,,,,,,,"}"#, 400_000), false),
            ("no JSON", vec![b'x'; 3_000_000], false),
        ];
        for (reason, body, much) in cases {
            assert_eq!(too_many_values(&body), much, "{reason}");
        }
    }
}
