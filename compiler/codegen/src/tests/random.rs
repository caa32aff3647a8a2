//! Random expressions and chains, the same ones in every run.

#[test]
fn fifty_thousand_random_expressions_and_chains_agree_with_the_evaluator() {
    let tally = crate::differential::run(1, 50_000).unwrap_or_else(|report| panic!("{report}"));
    assert!(tally.values > tally.errors, "{tally:?}");
}
