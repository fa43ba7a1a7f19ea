//! Reads how many tests a runner ran out of what it printed.

use std::iter::Sum;
use std::ops::AddAssign;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Counts {
    /// Returns how many tests ran.
    pub(crate) fn ran(self) -> u32 {
        self.passed + self.failed
    }

    fn add(&mut self, kind: Option<Kind>, number: u32) {
        match kind {
            Some(Kind::Passed) => self.passed += number,
            Some(Kind::Failed) => self.failed += number,
            Some(Kind::Skipped) => self.skipped += number,
            None => {}
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }
}

/// Reads nextest's `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 2 failed, 3 skipped`.
pub(crate) fn nextest(lines: &[String]) -> Counts {
    let read = |line: &str| {
        let (_, list) = line.split_once(" run: ").filter(|(before, _)| before.contains("Summary"))?;
        Some(tally(&without_parentheses(list), ',', |word| match word {
            "passed" => Some(Kind::Passed),
            "skipped" => Some(Kind::Skipped),
            // `failed`, `timed out`, `exec failed`, `failed due to signal`
            _ => Some(Kind::Failed),
        }))
    };
    lines.iter().rev().find_map(|line| read(&plain(line))).unwrap_or_default()
}

/// Reads and sums libtest's `test result: ok. 7 passed; 0 failed; 1 ignored; …`.
pub(crate) fn libtest(lines: &[String]) -> Counts {
    let read = |line: &str| {
        let (_, list) = line.strip_prefix("test result: ")?.split_once(". ")?;
        Some(tally(list, ';', |word| match word {
            "passed" => Some(Kind::Passed),
            "failed" => Some(Kind::Failed),
            "ignored" => Some(Kind::Skipped),
            _ => None,
        }))
    };
    lines.iter().filter_map(|line| read(&plain(line))).sum()
}

/// Reads pytest's `== 1 failed, 7 passed, 1 skipped, 2 errors in 1.23s ==`.
pub(crate) fn pytest(lines: &[String]) -> Counts {
    let read = |line: &str| {
        let (list, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
        if !time.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        Some(tally(list, ',', |word| match word {
            "passed" => Some(Kind::Passed),
            "failed" | "error" | "errors" | "xpassed" => Some(Kind::Failed),
            "skipped" | "xfailed" => Some(Kind::Skipped),
            _ => None,
        }))
    };
    lines.iter().rev().find_map(|line| read(&plain(line))).unwrap_or_default()
}

/// Reads the lines `# pass 7` and `# fail 1` of Node's runner, before which another reporter has another sign.
pub(crate) fn node(lines: &[String]) -> Counts {
    let read = |line: &str| {
        let (sign, list) = line.split_once(' ')?;
        let (word, number) = list.split_once(' ').filter(|_| matches!(sign, "#" | "ℹ"))?;
        let number = number.parse().ok()?;
        let mut counts = Counts::default();
        let kind = match word {
            "pass" => Some(Kind::Passed),
            "fail" | "cancelled" => Some(Kind::Failed),
            "skipped" | "todo" => Some(Kind::Skipped),
            _ => None,
        };
        counts.add(kind, number);
        Some(counts)
    };
    lines.iter().filter_map(|line| read(&plain(line))).sum()
}

#[derive(Clone, Copy)]
enum Kind {
    Passed,
    Failed,
    Skipped,
}

fn tally(list: &str, separator: char, kind: impl Fn(&str) -> Option<Kind>) -> Counts {
    let mut counts = Counts::default();
    for part in list.split(separator) {
        if let Some((number, word)) = part.trim().split_once(' ')
            && let Ok(number) = number.parse()
        {
            counts.add(kind(word.trim()), number);
        }
    }
    counts
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = |letter: &char| {
        match letter {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    };
    text.chars().filter(outside).collect()
}

/// Returns the line without the escape sequences of colour.
fn plain(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: fn(&[String]) -> Counts, output: &str, [passed, failed, skipped]: [u32; 3]) {
        let lines: Vec<String> = output.lines().map(str::to_owned).collect();
        assert_eq!(read(&lines), Counts { passed, failed, skipped }, "{output}");
    }

    #[test]
    fn the_summary_of_nextest() {
        check(nextest, "     Summary [   0.005s] 2 tests run: 2 passed, 0 skipped", [2, 0, 0]);
        check(nextest, "     Summary [   0.005s] 1 test run: 0 passed, 1 failed, 0 skipped", [0, 1, 0]);
        check(
            nextest,
            "     Summary [  90.01s] 20/30 tests run: 12 passed (1 slow, 2 leaky), 5 failed, 1 exec failed, 2 timed out, 4 skipped\n\
             \u{20}       FAIL [   0.004s] actas-token jws::tests::one\nerror: test run failed",
            [12, 8, 4],
        );
        check(
            nextest,
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.7s] \u{1b}[1m3\u{1b}[0m tests run: \u{1b}[1m3\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m",
            [3, 0, 0],
        );
        check(nextest, "error: could not compile `actas-token`", [0, 0, 0]);
    }

    #[test]
    fn the_results_of_libtest_are_summed() {
        check(
            libtest,
            "running 3 tests\n\
             test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: FAILED. 1 passed; 2 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\
             all doctests ran in 0.54s; merged doctests compilation took 0.3s",
            [4, 2, 4],
        );
        check(libtest, "error: doctest failed", [0, 0, 0]);
    }

    #[test]
    fn the_summary_of_pytest() {
        check(pytest, "============================== 12 passed in 3.21s ==============================", [12, 0, 0]);
        check(pytest, "1 failed, 2 passed, 3 skipped, 1 warning, 4 errors in 61.20s (0:01:01)", [2, 5, 3]);
        check(
            pytest,
            "\u{1b}[31m== \u{1b}[31m\u{1b}[1m1 error\u{1b}[0m\u{1b}[31m in 0.12s\u{1b}[0m\u{1b}[31m ==\u{1b}[0m",
            [0, 1, 0],
        );
        check(pytest, "== no tests ran in 0.01s ==", [0, 0, 0]);
        check(pytest, "FAILED tests/interop/test_msal.py::test_x - 2 passed in the end", [0, 0, 0]);
    }

    #[test]
    fn the_summary_of_node() {
        let lines = |sign: &str, counts: [u32; 5]| {
            let words = ["pass", "fail", "cancelled", "skipped", "todo"].into_iter().zip(counts);
            let lines = words.map(|(word, number)| format!("{sign} {word} {number}\n")).collect::<Vec<_>>().concat();
            format!("{sign} tests 9\n{sign} suites 2\n{lines}{sign} duration_ms 4760.4")
        };
        check(node, &lines("#", [6, 0, 0, 0, 0]), [6, 0, 0]);
        check(node, &lines("ℹ", [3, 2, 1, 4, 5]), [3, 3, 9]);
        check(node, "\u{1b}[34mℹ pass 5\u{1b}[39m\n\u{1b}[34mℹ fail 1\u{1b}[39m", [5, 1, 0]);
        check(node, "    ✔ I pass 5 (1.2ms)\n# Subtest: pass 5\nerror: ACTAS_BIN names no binary", [0, 0, 0]);
    }
}
