//! A verdict with what became of every rule, for a person to read.

use std::cell::{Cell, RefCell};

use super::Accepted;
use crate::refusal::{Layer, Refusal, Rule};

/// Who is told of each rule that held. The hot path tells nobody, and pays nothing.
pub(super) trait Observer {
    fn kind(&self, kind: Kind);
    fn passed(&self, rules: &[Rule], layer: Layer);
}

/// Tells nobody.
pub(super) struct Unobserved;

impl Observer for Unobserved {
    fn kind(&self, _: Kind) {}
    fn passed(&self, _: &[Rule], _: Layer) {}
}

/// What kind of token it is, as soon as its shape says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// An envelope around an actor token.
    ActAs,
    /// A signed token by itself.
    AppOnly,
    /// A token of the token service that names the actor.
    IssuedActAs,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It held.
    Passed,
    /// It is the first that did not hold.
    Failed,
    /// Another failed before it was its turn.
    NotReached,
    /// It is not for this kind of token, or not for this place to judge.
    NotApplicable,
}

impl Outcome {
    /// The stable name: `pass`, `fail`, `not reached`, `not applicable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Failed => "fail",
            Self::NotReached => "not reached",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// One rule, of one token of a pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// The rule.
    pub rule: Rule,
    /// The token that it was asked of; none where it does not apply.
    pub layer: Option<Layer>,
    /// What became of it.
    pub outcome: Outcome,
}

/// A verdict, and every rule in order.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Every rule at least once; twice where it is asked of both tokens of a pair.
    pub steps: Vec<Step>,
    /// What [`super::accept_from`] would say.
    pub verdict: Result<Accepted, Refusal>,
}

#[derive(Default)]
pub(super) struct Notes {
    kind: Cell<Option<Kind>>,
    passed: RefCell<Vec<(Rule, Layer)>>,
}

impl Observer for Notes {
    fn kind(&self, kind: Kind) {
        self.kind.set(Some(kind));
    }

    fn passed(&self, rules: &[Rule], layer: Layer) {
        self.passed.borrow_mut().extend(rules.iter().map(|rule| (*rule, layer)));
    }
}

// === impl Trace ===

impl Trace {
    pub(super) fn of(judge: impl FnOnce(&Notes) -> Result<Accepted, Refusal>) -> Self {
        let notes = Notes::default();
        let verdict = judge(&notes);
        let failed = verdict.as_ref().err().map(Refusal::rule);
        let passed = notes.passed.into_inner();
        let mut steps = Vec::with_capacity(Rule::ALL.len() + 8);
        // Of a rule that is asked of both tokens, the first that has not passed failed.
        let mut failure_is_placed = false;
        for rule in Rule::ALL {
            for layer in layers(notes.kind.get(), rule) {
                let holds = layer.is_some_and(|layer| passed.contains(&(rule, layer)));
                let outcome = if holds || given(rule, notes.kind.get(), failed) {
                    Outcome::Passed
                } else if failed == Some(rule) && !failure_is_placed {
                    failure_is_placed = true;
                    Outcome::Failed
                } else if layer.is_none() && notes.kind.get().is_some() {
                    Outcome::NotApplicable
                } else {
                    Outcome::NotReached
                };
                steps.push(Step { rule, layer: *layer, outcome });
            }
        }
        Self { steps, verdict }
    }
}

/// Rules that held without a note of it: there is a token; and what comes before the
/// rule that failed while the kind of token was still to be found out.
fn given(rule: Rule, kind: Option<Kind>, failed: Option<Rule>) -> bool {
    rule == Rule::V2 && failed != Some(Rule::V1) || kind.is_none() && failed.is_some_and(|failed| rule < failed)
}

/// Of which tokens a rule is asked; of none where it does not apply.
fn layers(kind: Option<Kind>, rule: Rule) -> &'static [Option<Layer>] {
    const NONE: &[Option<Layer>] = &[None];
    const ACT_AS: &[Option<Layer>] = &[Some(Layer::ActAs)];
    const ACTOR: &[Option<Layer>] = &[Some(Layer::Actor)];
    const BOTH: &[Option<Layer>] = &[Some(Layer::ActAs), Some(Layer::Actor)];
    match (kind, rule) {
        (None, _) | (_, Rule::V2 | Rule::V19 | Rule::V20) => NONE,
        (Some(Kind::ActAs), _) => match rule {
            Rule::V1 | Rule::V14 | Rule::V18 => ACT_AS,
            Rule::V3 | Rule::V4 | Rule::V5 | Rule::V7 | Rule::V11 | Rule::V12 | Rule::V13 => BOTH,
            Rule::V16 => NONE,
            _ => ACTOR,
        },
        (Some(Kind::AppOnly), Rule::V6 | Rule::V14 | Rule::V17 | Rule::V18) | (Some(Kind::IssuedActAs), Rule::V16) => {
            NONE
        }
        (Some(Kind::AppOnly), _) => ACTOR,
        (Some(Kind::IssuedActAs), _) => ACT_AS,
    }
}
