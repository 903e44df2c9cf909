//! How much of an answer is taken in: what somebody who is not the vendor, or not well, sends costs bounded memory.

use super::Operation;

/// The longest list that is read, in one answer or over all its pages: ten thousand subscriptions of five kilobytes each are
/// 50 MB.
pub(in crate::vendor) const LONGEST_LIST: usize = 64 << 20;
/// The longest answer about one subscription, or to a login. A Webhook takes 1.5 MiB at most in the cluster's own store, and
/// a vendor may escape what it repeats.
const LONGEST_OTHER: usize = 4 << 20;
/// Nothing is reserved for an ordinary answer of that kind,
const FREE: usize = 64 << 10;
/// nor for a list as short as this, so that no other can keep a small account waiting.
const FREE_LIST: usize = 16 << 10;
/// The most values that a list may hold: ten thousand subscriptions of fifty values each.
const MOST_VALUES: usize = 500_000;
/// The most values that any other answer may hold, as one subscription.
const MOST_OTHER_VALUES: usize = 20_000;

/// How much memory is reserved for an answer of that length. A list is kept beside the documents that are made of it: what they take
/// more than the list is reserved when they are made.
pub(super) fn cost(operation: Operation, length: usize) -> usize {
    let free = if operation == Operation::List { FREE_LIST } else { FREE };
    if length <= free { 0 } else { 2 * length }
}

/// The most values that are read.
pub(super) fn most_values(operation: Operation) -> usize {
    if operation == Operation::List { MOST_VALUES } else { MOST_OTHER_VALUES }
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
        | Operation::Discover
        | Operation::Validate => LONGEST_OTHER,
    }
}
