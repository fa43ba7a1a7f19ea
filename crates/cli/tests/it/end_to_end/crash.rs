//! Rounds of intake and delivery under load, with either side killed at random moments
//! and a target that answers, hangs, resets, throttles and loses answers: every item that
//! was acknowledged is in its mailbox exactly once and in order.
//!
//! Real processes, real databases; between them a proxy of the test's own that speaks TLS
//! on both sides. `ACTAS_CRASH_ROUNDS` sets the number of rounds, 200 if absent;
//! `ACTAS_CRASH_SEED` repeats the one round whose seed a failure named.

mod cloud;
mod proxy;
mod round;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cloud::Cloud;
use proxy::Proxy;
use round::{Lane, Random};

const ROUNDS: u64 = 200;
/// Rounds that run side by side, each with mailboxes of its own; they mostly wait.
const LANES: usize = 6;
const MAILBOXES: usize = 3;

#[test]
fn nothing_acknowledged_is_lost_or_doubled() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let one = number("ACTAS_CRASH_SEED");
    let rounds = one.map_or_else(|| number("ACTAS_CRASH_ROUNDS").unwrap_or(ROUNDS), |_| 1);
    let begun = Instant::now();
    let first = one.unwrap_or_else(|| u64::from(std::process::id()) << 32);
    let cloud = Cloud::start(LANES * MAILBOXES);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let lanes = if one.is_some() { 1 } else { LANES };
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            let (cloud, next, failed) = (&cloud, &next, &failed);
            scope.spawn(move || {
                let proxy = Proxy::start(cloud, lane);
                let mut lane = Lane::new(cloud, &proxy, lane * MAILBOXES..(lane + 1) * MAILBOXES);
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    if round >= rounds || failed.load(Ordering::Relaxed) != u64::MAX {
                        return;
                    }
                    let seed = first + round;
                    let outcome = catch_unwind(AssertUnwindSafe(|| lane.round(seed, &mut Random::new(seed))));
                    if outcome.is_err() {
                        failed.store(seed, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
    });
    let seed = failed.load(Ordering::Relaxed);
    assert_eq!(
        seed,
        u64::MAX,
        "the round with the seed {seed} failed, as told above; ACTAS_CRASH_SEED={seed} repeats it"
    );
    let told = cloud.told();
    assert!(told.items > rounds && told.kills >= rounds, "{told:?}");
    if rounds >= ROUNDS {
        assert!(told.lost_answers > 0 && told.cloud_kills > 0, "that was too easy: {told:?}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    // Where somebody looks for it: a test that passes is silent otherwise.
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let text = format!("{rounds} rounds in {seconds:.0} s: {told:?}\n");
    std::fs::write(folder.join("crash.txt"), text).expect("the figures can be written");
}
