use super::*;

#[test]
fn every_signature_parses_and_starts_with_its_function() {
    for def in FUNCTIONS {
        assert_eq!(def.overloads().len(), def.signatures.len());
        assert!(def.signatures.iter().all(|s| s.starts_with(&format!("{}(", def.name))), "{}", def.name);
    }
    for def in AGGREGATES {
        assert_eq!(def.overloads().len(), def.signatures.len());
        assert!(def.signatures.iter().all(|s| s.starts_with(&format!("{}(", def.name))), "{}", def.name);
    }
}

#[test]
fn names_are_unique_and_found() {
    for def in all() {
        assert_eq!(lookup(def.name).map(|d| d.func), Some(def.func));
        assert_eq!(def.func.def().name, def.name);
    }
    for def in aggregates() {
        assert_eq!(lookup_aggregate(def.name).map(|d| d.func), Some(def.func));
    }
    assert!(lookup("concat").is_none(), "interpolation has no name in the language");
}

#[test]
fn a_lambda_with_two_parameters_parses() {
    let reduce = &Func::Reduce.def().overloads()[0];
    let a = || TypePattern::Var('A');
    assert_eq!(reduce.params[2].ty, TypePattern::Lambda(vec![a(), TypePattern::Var('T')], Box::new(a())));
    assert_eq!(reduce.params[2].ty.to_string(), "(A, T) => A");
}

#[test]
fn defaults_and_arguments_behind_a_star_are_given_by_name() {
    let format = &Func::Format.def().overloads()[0];
    assert!(!format.params[1].named_only);
    assert!(format.params[2].named_only);
    assert_eq!(format.params[2].default, Some("\"UTC\""));
    assert_eq!(format.required(), 2);
    let arg_max = &AggFunc::ArgMax.def().overloads()[0];
    assert!(arg_max.params[1].named_only && arg_max.params[1].default.is_none());
}

#[test]
fn the_last_parameter_may_take_several_arguments() {
    let min = &Func::Min.def().overloads()[0];
    assert!(!min.params[0].variadic && min.params[1].variadic);
}
