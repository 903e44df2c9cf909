//! Bounds of what is read of an answer, so that a broken or hostile server costs bounded memory.

use super::Operation;

/// Maximum length of a list, in one answer or over all its pages: ten thousand subscriptions of five kilobytes are 50 MB.
pub(in crate::vendor) const LONGEST_LIST: usize = 64 << 20;
/// Maximum length of an answer about one subscription, or to a login. The API server stores at most 1.5 MiB of a Webhook, and a
/// vendor may escape what it returns.
const LONGEST_OTHER: usize = 4 << 20;
/// No memory is reserved for other answers up to this length,
const FREE: usize = 64 << 10;
/// nor for a list up to this length, so that small accounts never wait for large ones.
const FREE_LIST: usize = 16 << 10;
/// Maximum number of values of a list: ten thousand subscriptions of fifty values each.
const MOST_VALUES: usize = 500_000;
/// Maximum number of values of any other answer, as of one subscription.
const MOST_OTHER_VALUES: usize = 20_000;

/// Returns how much memory to reserve for an answer of that length. A list is kept together with its documents; what those need
/// beyond this is reserved when they are built.
pub(super) fn cost(operation: Operation, length: usize) -> usize {
    let free = if operation == Operation::List { FREE_LIST } else { FREE };
    if length <= free { 0 } else { 2 * length }
}

/// Returns the maximum number of values of an answer.
pub(super) fn most_values(operation: Operation) -> usize {
    if operation == Operation::List { MOST_VALUES } else { MOST_OTHER_VALUES }
}

/// Returns the maximum length of an answer, in bytes.
pub(super) fn longest_answer(operation: Operation) -> usize {
    match operation {
        Operation::List => LONGEST_LIST,
        Operation::Read
        | Operation::Create
        | Operation::Update
        | Operation::Delete
        | Operation::Token
        | Operation::Discover
        | Operation::Validate => LONGEST_OTHER,
    }
}
