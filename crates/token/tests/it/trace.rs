//! A verdict with every rule: passed, failed, not reached, not applicable.

use std::cmp::Ordering;

use actas_token::accept::Outcome;
use actas_token::{Judge, Possession, Rule, Trace, Trust};

use crate::vector;

fn trace(token: &str, trust: &Trust) -> Trace {
    let (resource, limits) = (vector::resource(), vector::generous());
    let judge = Judge::new(&resource, trust, &limits);
    let trace = judge.trace(token, Possession::default(), vector::now());
    let verdict = judge.accept(token, Possession::default(), vector::now());
    assert_eq!(trace.verdict.as_ref().err(), verdict.as_ref().err(), "the verdict is the same");
    trace
}

fn outcomes(trace: &Trace, rule: Rule) -> Vec<Outcome> {
    trace.steps.iter().filter(|step| step.rule == rule).map(|step| step.outcome).collect()
}

#[test]
fn of_an_accepted_token_every_rule_passed_or_is_not_for_it() {
    for (token, not_applicable) in [
        (vector::act_as(), vec![Rule::V16, Rule::V19, Rule::V20]),
        (vector::ACTOR.to_owned(), vec![Rule::V6, Rule::V14, Rule::V17, Rule::V18, Rule::V19, Rule::V20]),
    ] {
        let trace = trace(&token, &vector::trust());
        for step in &trace.steps {
            let expected = if not_applicable.contains(&step.rule) { Outcome::NotApplicable } else { Outcome::Passed };
            assert_eq!(step.outcome, expected, "{step:?}");
        }
        let rules: Vec<Rule> = trace.steps.iter().map(|step| step.rule).collect();
        assert!(rules.is_sorted() && Rule::ALL.iter().all(|rule| rules.contains(rule)));
    }
}

#[test]
fn exactly_one_rule_fails_and_it_is_that_of_the_refusal() {
    let payload = vector::act_as_payload();
    let changed = |from: &str, to: &str| vector::unsigned(&payload.replacen(from, to, 1));
    let (signed, _) = vector::ACTOR.rsplit_once('.').unwrap();
    let cases = [
        (String::new(), Rule::V3),
        ("a".repeat(20_000), Rule::V1),
        ("eyJhbGciOiJSUzI1NiIsImprdSI6IngifQ.e30.AAAA".to_owned(), Rule::V4),
        (vector::unsigned("{}"), Rule::V5),
        (vector::unsigned(&payload.replace(vector::ACTOR, &vector::act_as())), Rule::V6),
        (changed("\"nbf\":\"1700000300\",", ""), Rule::V7),
        (format!("{signed}.AAAA"), Rule::V10),
        (changed("mail.fabrikam.example@", "mail.contoso.example@"), Rule::V12),
        (changed("\"exp\":\"1700029100\"", "\"exp\":\"1700000200\""), Rule::V13),
        (changed("\"iss\":\"00000004", "\"iss\":\"00000005"), Rule::V14),
        (changed("\"nii\":\"urn:office", "\"nii\":\"urn:other"), Rule::V18),
    ];
    for (token, rule) in cases {
        let trace = trace(&token, &vector::trust());
        let failed: Vec<Rule> =
            trace.steps.iter().filter(|step| step.outcome == Outcome::Failed).map(|step| step.rule).collect();
        assert_eq!(failed, [rule]);
        assert_eq!(trace.verdict.unwrap_err().rule(), rule);
    }
}

#[test]
fn of_a_token_that_shows_no_kind_only_what_comes_before_the_failure_passed() {
    for (token, rule) in [
        ("a".repeat(20_000), Rule::V1),
        (String::new(), Rule::V3),
        ("eyJhbGciOiJSUzI1NiIsImprdSI6IngifQ.e30.AAAA".to_owned(), Rule::V4),
        (vector::unsigned("{}"), Rule::V5),
    ] {
        for step in trace(&token, &vector::trust()).steps {
            let expected = match step.rule.cmp(&rule) {
                Ordering::Less => Outcome::Passed,
                Ordering::Equal => Outcome::Failed,
                Ordering::Greater => Outcome::NotReached,
            };
            assert_eq!(step.outcome, expected, "{rule:?}: {step:?}");
        }
    }
}

#[test]
fn each_outcome_has_a_name_to_print() {
    let outcomes = [Outcome::Passed, Outcome::Failed, Outcome::NotReached, Outcome::NotApplicable];
    assert_eq!(outcomes.map(Outcome::name), ["pass", "fail", "not reached", "not applicable"]);
}

#[test]
fn what_comes_behind_the_failure_is_not_reached() {
    let mut trust = vector::trust();
    trust.issuers.clear();
    let trace = trace(&vector::act_as(), &trust);
    assert_eq!(outcomes(&trace, Rule::V7), [Outcome::Passed, Outcome::Passed]);
    assert_eq!(outcomes(&trace, Rule::V8), [Outcome::Failed]);
    assert_eq!(outcomes(&trace, Rule::V10), [Outcome::NotReached]);
    assert_eq!(outcomes(&trace, Rule::V13), [Outcome::NotReached, Outcome::NotReached]);
    assert_eq!(outcomes(&trace, Rule::V16), [Outcome::NotApplicable]);
}
