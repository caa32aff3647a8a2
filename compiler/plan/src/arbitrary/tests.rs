use super::*;
use crate::catalogue::FUNCTIONS;
use crate::eval::Evaluator;
use crate::expr::Kind;
use crate::order::identical;
use crate::validate;
use std::collections::HashSet;

fn types(record: &RecordType) -> Vec<&DataType> {
    record.fields.iter().map(|field| &field.ty).collect()
}

#[test]
fn expressions_are_well_typed_and_their_values_too() {
    let (mut ok, mut failed) = (0, 0);
    for seed in 0..3000 {
        let mut random = Arbitrary::new(seed);
        let schema = random.schema(5);
        let ty = random.ty();
        let expr = random.expr(&schema, &ty, 4);
        assert_eq!(validate::expression(&expr, &types(&schema), &ty), Ok(()), "seed {seed}: {expr:#?}");
        let mut evaluator = Evaluator::new(0);
        for row in random.rows(&schema, 4) {
            match evaluator.eval(&expr, &row) {
                Ok(value) => {
                    ok += 1;
                    assert!(
                        validate::value_fits(&value, &ty),
                        "seed {seed}: {value:?} is no {ty}\n{expr:#?}"
                    );
                }
                Err(error) => {
                    failed += 1;
                    assert_ne!(error.code, crate::ErrorCode::Internal, "seed {seed}: {row:?}\n{expr:#?}");
                    let counted = error.code != crate::ErrorCode::TooLarge;
                    assert!(!counted || crate::fallible::can_fail(&expr), "seed {seed}: {error}\n{expr:#?}");
                }
            }
        }
    }
    assert!(ok > failed, "most rows should have values: {ok} against {failed}");
}

#[test]
fn folding_changes_no_value_and_no_error() {
    for seed in 0..1500 {
        let mut random = Arbitrary::new(seed);
        let schema = random.schema(3);
        let ty = random.ty();
        let expr = random.expr(&schema, &ty, 4);
        let folded = crate::passes::fold(&expr);
        assert_eq!(
            validate::expression(&folded, &types(&schema), &ty),
            Ok(()),
            "seed {seed}: {expr:#?} {folded:#?}"
        );
        let mut evaluator = Evaluator::new(0);
        for row in random.rows(&schema, 4) {
            let (a, b) = (evaluator.eval(&expr, &row), evaluator.eval(&folded, &row));
            let same = match (&a, &b) {
                (Ok(a), Ok(b)) => identical(a, b),
                (a, b) => a == b,
            };
            assert!(same, "seed {seed}: {a:?} and {b:?} for {row:?}\n{expr:#?}\n{folded:#?}");
        }
    }
}

#[test]
fn every_function_is_called_sooner_or_later() {
    let mut called = HashSet::new();
    for seed in 0..6000 {
        let mut random = Arbitrary::new(seed);
        let schema = random.schema(2);
        let ty = random.ty();
        let expr = random.expr(&schema, &ty, 3);
        called.extend(expr.nodes.iter().filter_map(|node| match node.kind {
            Kind::Call(func, _) => Some(func),
            _ => None,
        }));
    }
    let never: Vec<_> =
        FUNCTIONS.iter().filter(|def| !called.contains(&def.func)).map(|def| def.name).collect();
    assert_eq!(never, ["now"]);
}
