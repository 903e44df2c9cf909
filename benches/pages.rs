//! How long each page of `hooktender ui` takes with N Webhooks (10,000): the real program over HTTP. Prints figures, which hold
//! for this machine only; `tests/browser` bounds the rows of a page, and `src/ui/views/list.rs` the work for them.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "a benchmark with parts of a test")]

#[path = "../tests/browser/api_server.rs"]
mod api_server;
#[path = "../tests/browser/objects.rs"]
mod objects;
#[path = "../tests/browser/program.rs"]
mod program;

use std::time::Instant;

/// How often each page is read.
const ROUNDS: usize = 21;

fn main() {
    let number: usize = std::env::var("N").ok().and_then(|number| number.parse().ok()).unwrap_or(10_000);
    let api = api_server::ApiServer::start(&objects::many(number));
    let program = program::Program::start(&api, &["-A"]);
    program.until("/webhooks", |page| page.contains(&format!("{number} Webhooks")));
    println!("{number} Webhooks        median ms    longest ms    KiB");
    for page in [
        "/accounts",
        "/accounts/shop/tenant-00",
        "/webhooks",
        "/webhooks?q=hook-09",
        "/webhooks?page=200",
        "/webhooks/shop/hook-00050",
        "/plan",
        "/plan.json",
    ] {
        let mut bytes = 0;
        let mut times: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                bytes = program.get(page).len();
                begin.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{page:<26} {:>9.1} {:>13.1} {:>6}", times[ROUNDS / 2], times[ROUNDS - 1], bytes / 1024);
    }
}
