//! Whether the vendor's own headers limit the client's rate, and what that costs.

use crate::bench::Bench;
use crate::column::Column;
use crate::samples::document;
use crate::world::World;
use hooktender::vendor::Class;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) const TITLE: &str = "pace";

const CREATIONS: u32 = 1000;
const CAP: u32 = 100;
const WINDOW: Duration = Duration::from_secs(1);

/// Makes more than a few windows hold, with nothing but the vendor's headers (vendors/brightpearl.md 7), and compares the time
/// with what the limit alone would take. A throttled answer is a failure, the time is not.
pub(crate) async fn measure(world: &Arc<World>) -> Result<String, String> {
    let bench = Bench::new(Arc::clone(world), Column::StaffToken).await;
    bench.set(json!({"throttleCap": CAP, "throttleWindowMillis": 1000})).await;
    let connection = bench.connect();
    // Windows are aligned to the clock: from the start of one, the limit alone takes exactly this time.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    tokio::time::sleep(WINDOW.saturating_sub(Duration::from_nanos(since.subsec_nanos().into()))).await;
    let started = Instant::now();
    let mut waits = 0;
    for number in 0..CREATIONS {
        let desired = document(Column::StaffToken, &format!("n{number}"));
        loop {
            match connection.create(&desired).await {
                Ok(_) => break,
                Err(error) if error.class == Class::Throttled => {
                    waits += 1;
                    tokio::time::sleep(error.retry_after.unwrap_or(WINDOW)).await;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    let took = started.elapsed();
    let ideal = WINDOW * (CREATIONS / CAP - 1);
    let throttled = bench.journal().await.iter().filter(|entry| entry["status"] == 503).count();
    if throttled > 0 {
        return Err(format!("{throttled} of {CREATIONS} requests were too fast"));
    }
    Ok(format!(
        "pace: {CREATIONS} creations at {CAP} calls a {WINDOW:?} took {took:.2?}, ideal {ideal:.2?}: ratio {:.2}; waited {waits} times, throttled 0 times",
        took.as_secs_f64() / ideal.as_secs_f64()
    ))
}
