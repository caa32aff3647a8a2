//! Which signature of the catalogue takes these arguments, and what the type variables stand for.

use flow_plan::DataType;
use flow_plan::catalogue::{Signature, TypePattern};

/// What the variables of a signature stand for.
#[derive(Clone, Debug, Default)]
pub(super) struct Vars {
    letters: Vec<(char, DataType)>,
    num: Option<DataType>,
    ord: Option<DataType>,
}

/// How a value fits a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    /// It would, if it were not optional.
    Optional,
    No,
}

impl Vars {
    fn letter(&self, letter: char) -> Option<&DataType> {
        self.letters.iter().find(|(l, _)| *l == letter).map(|(_, ty)| ty)
    }

    /// Does a type fit? Binds variables that are still free. An int fits where a float is wanted:
    /// functions are arithmetic, and the caller widens it.
    pub(super) fn fit(&mut self, pattern: &TypePattern, ty: &DataType) -> Fit {
        match pattern {
            TypePattern::Any => Fit::Yes,
            TypePattern::Exact(want) if want == ty => Fit::Yes,
            TypePattern::Exact(DataType::Float) if *ty == DataType::Int => Fit::Yes,
            TypePattern::Optional(of) => match ty {
                DataType::Optional(inner) => self.fit(of, inner),
                plain => self.fit(of, plain),
            },
            TypePattern::Var(letter) => match self.letter(*letter).cloned() {
                None => {
                    self.letters.push((*letter, ty.clone()));
                    Fit::Yes
                }
                Some(bound) if bound == *ty || bound == ty.clone().optional() => Fit::Yes,
                // `[1, null]` and `x`: the variable is the wider of the two.
                Some(bound) if bound.clone().optional() == *ty => {
                    self.rebind(*letter, ty.clone());
                    Fit::Yes
                }
                Some(_) => Fit::No,
            },
            _ if ty.is_optional() => match self.clone().fit(pattern, ty.unwrapped()) {
                Fit::No => Fit::No,
                _ => Fit::Optional,
            },
            TypePattern::Exact(_) => Fit::No,
            TypePattern::Num if ty.is_numeric() => merge(&mut self.num, ty),
            TypePattern::Ord if ty.is_ordered() => merge(&mut self.ord, ty),
            TypePattern::Num | TypePattern::Ord => Fit::No,
            TypePattern::List(of) => match ty {
                DataType::List(inner) => self.fit(of, inner),
                _ => Fit::No,
            },
            TypePattern::Map(of) => match ty {
                DataType::Map(inner) => self.fit(of, inner),
                _ => Fit::No,
            },
            TypePattern::Record(_) | TypePattern::Lambda(..) => Fit::No,
        }
    }

    fn rebind(&mut self, letter: char, ty: DataType) {
        self.letters.retain(|(l, _)| *l != letter);
        self.letters.push((letter, ty));
    }

    /// The type a pattern stands for, if all its variables are bound.
    pub(super) fn resolve(&self, pattern: &TypePattern) -> Option<DataType> {
        Some(match pattern {
            TypePattern::Exact(ty) => ty.clone(),
            TypePattern::Var(letter) => self.letter(*letter)?.clone(),
            TypePattern::Num => self.num.clone()?,
            TypePattern::Ord => self.ord.clone()?,
            TypePattern::Any | TypePattern::Lambda(..) => return None,
            TypePattern::List(of) => DataType::list(self.resolve(of)?),
            TypePattern::Map(of) => DataType::map(self.resolve(of)?),
            TypePattern::Optional(of) => self.resolve(of)?.optional(),
            TypePattern::Record(fields) => DataType::record(
                fields
                    .iter()
                    .map(|(name, ty)| Some(flow_plan::Field::new(*name, self.resolve(ty)?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }
}

/// Keeps one type for all `num` or `ord` of a signature; an int joins a float or decimal.
fn merge(slot: &mut Option<DataType>, ty: &DataType) -> Fit {
    use DataType::{Decimal, Float, Int};
    match (slot.as_ref(), ty) {
        (None, _) => *slot = Some(ty.clone()),
        (Some(bound), _) if bound == ty => {}
        (Some(Int), Float | Decimal) => *slot = Some(ty.clone()),
        (Some(Float | Decimal), Int) => {}
        _ => return Fit::No,
    }
    Fit::Yes
}

/// Can a signature take so many positional arguments and these named ones?
pub(super) fn takes(signature: &Signature, positional: usize, named: &[&str]) -> bool {
    let places = signature.params.iter().filter(|p| !p.named_only).count();
    let variadic = signature.params.iter().any(|p| p.variadic);
    let most = if variadic { usize::MAX } else { places };
    if positional > most {
        return false;
    }
    if named.iter().any(|name| signature.params.iter().all(|p| p.name != *name)) {
        return false;
    }
    let given = |index: usize, name: &str| index < positional || named.contains(&name);
    signature.params.iter().enumerate().all(|(i, p)| {
        let by_position = !p.named_only && given(i, p.name);
        by_position || named.contains(&p.name) || p.default.is_some()
    })
}

/// The parameter an argument at a position goes to.
pub(super) fn param_at(signature: &Signature, position: usize) -> Option<usize> {
    let places: Vec<usize> =
        (0..signature.params.len()).filter(|i| !signature.params[*i].named_only).collect();
    places.get(position).copied().or_else(|| places.last().copied().filter(|i| signature.params[*i].variadic))
}
