//! Waiting for what another process does.

use std::thread;
use std::time::{Duration, Instant};

/// Asks `probe` until it has an answer; returns `None` when `deadline` is over.
///
/// The last question is asked after the deadline, so a machine that stood still
/// for a while is no reason to fail.
pub fn wait_for<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let over = begun.elapsed() >= deadline;
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if over {
            return None;
        }
        pause();
    }
}

#[allow(clippy::disallowed_methods, reason = "another process gives no signal; each pause is followed by a question")]
fn pause() {
    thread::sleep(PAUSE);
}

const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_the_wait() {
        let mut questions = 0;
        let answer = wait_for(Duration::from_mins(1), || {
            questions += 1;
            (questions == 3).then_some("here")
        });
        assert_eq!((answer, questions), (Some("here"), 3));
    }

    #[test]
    fn the_deadline_ends_the_wait_after_one_question() {
        let mut questions = 0;
        let answer = wait_for(Duration::ZERO, || -> Option<()> {
            questions += 1;
            None
        });
        assert_eq!((answer, questions), (None, 1));
    }
}
