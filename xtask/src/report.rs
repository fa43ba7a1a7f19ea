//! What a task found, and its last line.

use std::fmt;

use crate::step::Finished;
use crate::summary::Counts;

/// The steps of a task so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    counts: Counts,
    /// What went wrong apart from a test that was counted.
    problems: Vec<String>,
}

impl Report {
    /// Notes a step that has no tests to count.
    pub(crate) fn step(&mut self, title: &str, finished: &Finished) {
        if !finished.success {
            self.problem(format!("{title} failed"));
        }
    }

    /// Notes a suite, which fails when it ran nothing.
    pub(crate) fn suite(&mut self, title: &str, finished: &Finished, counts: Counts) {
        self.counts += counts;
        if counts.ran() == 0 {
            self.problem(format!("{title} ran no test"));
        } else if !finished.success && counts.failed == 0 {
            self.problem(format!("{title} failed, though each of its tests passed"));
        }
    }

    /// Notes something else that went wrong.
    pub(crate) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub(crate) fn passed(&self) -> bool {
        self.totals().failed == 0
    }

    /// Returns the counts, with a problem counted as one failure: a task that fails never says `0 failed`.
    fn totals(&self) -> Counts {
        let problems = u32::try_from(self.problems.len()).unwrap_or(u32::MAX);
        Counts { failed: self.counts.failed.saturating_add(problems), ..self.counts }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "error: {problem}")?;
        }
        let Counts { passed, failed, skipped } = self.totals();
        write!(f, "{passed} passed, {failed} failed")?;
        if skipped > 0 { write!(f, ", {skipped} skipped") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(suites: &[(bool, [u32; 3])], expected: &str) {
        let mut report = Report::default();
        for &(success, [passed, failed, skipped]) in suites {
            report.suite("a suite", &Finished { success, lines: Vec::new() }, Counts { passed, failed, skipped });
        }
        assert_eq!(report.to_string(), expected);
        assert_eq!(report.passed(), expected.contains(" 0 failed"));
    }

    #[test]
    fn the_last_line_sums_the_suites() {
        check(&[(true, [7, 0, 0]), (true, [3, 0, 0])], "10 passed, 0 failed");
        check(&[(true, [7, 0, 2]), (false, [3, 1, 0])], "10 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn what_ran_no_test_failed() {
        check(&[(true, [7, 0, 0]), (true, [0, 0, 4])], "error: a suite ran no test\n7 passed, 1 failed, 4 skipped");
    }

    #[test]
    fn a_runner_that_fails_is_believed() {
        check(&[(false, [7, 0, 0])], "error: a suite failed, though each of its tests passed\n7 passed, 1 failed");
    }
}
