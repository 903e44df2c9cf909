//! How many allocations, and how many bytes, planning an account takes in which nothing is to be done. Counts, not times: the
//! same on every machine.
#![allow(clippy::unwrap_used, reason = "benchmarks")]

mod account;

use account::{OLD, SIZES, VENDOR, declared, observed};
use hooktender::plan::{Elsewhere, plan};
use hooktender::vendor::rules;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    println!(
        "| unchanged Webhooks | allocations | each | bytes, each | most at once |\n| --- | --- | --- | --- | --- |"
    );
    for webhooks in SIZES {
        let has: Vec<_> = (0..webhooks).map(observed).collect();
        let wants: Vec<_> = (0..webhooks).map(|n| declared(n, OLD, &has[n].document)).collect();
        let profiler = dhat::Profiler::builder().testing().build();
        black_box(plan(rules(VENDOR), black_box(&wants), black_box(&has), &Elsewhere::default()));
        let dhat::HeapStats { total_blocks, total_bytes, max_bytes, .. } = dhat::HeapStats::get();
        drop(profiler);
        let each = |total: u64| total / webhooks as u64;
        println!(
            "| {webhooks} | {total_blocks} | {} | {} | {} KiB |",
            each(total_blocks),
            each(total_bytes),
            max_bytes >> 10
        );
    }
}
