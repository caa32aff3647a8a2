//! What values have in common: a guess grows with each value until it fits all of them.

use flow_plan::{DataType, Field};

/// Objects with more different keys than this are maps.
const MOST_FIELDS: usize = 64;

/// The narrowest type that holds all values seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Guess {
    kind: Option<Kind>,
    /// Was there a null?
    nulls: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Bool,
    Int,
    Float,
    Timestamp,
    String,
    List(Box<Guess>),
    Object(Object),
    /// Nothing in common.
    Json,
}

/// Fields in the order in which they were seen first.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    fields: Vec<(String, Guess, u64)>,
    seen: u64,
}

impl Guess {
    /// Learns from a null or missing value.
    pub(super) fn null(&mut self) {
        self.nulls = true;
    }

    pub(super) fn bool(&mut self) {
        self.merge(Kind::Bool);
    }

    pub(super) fn int(&mut self) {
        self.merge(Kind::Int);
    }

    pub(super) fn float(&mut self) {
        self.merge(Kind::Float);
    }

    pub(super) fn text(&mut self, timestamp: bool) {
        self.merge(if timestamp { Kind::Timestamp } else { Kind::String });
    }

    /// The guess for the elements of a list.
    pub(super) fn list(&mut self) -> Option<&mut Guess> {
        if self.kind.is_none() {
            self.kind = Some(Kind::List(Box::default()));
        }
        match &mut self.kind {
            Some(Kind::List(of)) => Some(of),
            other => {
                *other = Some(Kind::Json);
                None
            }
        }
    }

    /// The guess for an object.
    pub(super) fn object(&mut self) -> Option<&mut Object> {
        if self.kind.is_none() {
            self.kind = Some(Kind::Object(Object::default()));
        }
        match &mut self.kind {
            Some(Kind::Object(object)) => Some(object),
            other => {
                *other = Some(Kind::Json);
                None
            }
        }
    }

    fn merge(&mut self, new: Kind) {
        let merged = match (self.kind.take(), new) {
            (None, new) => new,
            (Some(Kind::Int | Kind::Float), Kind::Float) | (Some(Kind::Float), Kind::Int) => Kind::Float,
            (Some(Kind::Timestamp | Kind::String), Kind::String) | (Some(Kind::String), Kind::Timestamp) => {
                Kind::String
            }
            (Some(old), new) if std::mem::discriminant(&old) == std::mem::discriminant(&new) => old,
            _ => Kind::Json,
        };
        self.kind = Some(merged);
    }

    /// The type. A field of which only nulls were seen may be anything.
    pub(super) fn ty(&self) -> DataType {
        let ty = match &self.kind {
            None | Some(Kind::Json) => DataType::Json,
            Some(Kind::Bool) => DataType::Bool,
            Some(Kind::Int) => DataType::Int,
            Some(Kind::Float) => DataType::Float,
            Some(Kind::Timestamp) => DataType::Timestamp,
            Some(Kind::String) => DataType::String,
            Some(Kind::List(of)) => DataType::list(of.ty()),
            Some(Kind::Object(object)) => object.ty(),
        };
        if self.nulls || self.kind.is_none() { ty.optional() } else { ty }
    }

    /// Is it known to be text?
    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Some(Kind::String))
    }

    /// Only text can be empty: what nulls there were are no nulls.
    pub(super) fn forget_nulls(&mut self) {
        self.nulls = false;
    }
}

impl Object {
    /// One more object begins.
    pub(super) fn begin(&mut self) {
        self.seen += 1;
    }

    /// The guess for one of its fields.
    pub(super) fn field(&mut self, name: &str) -> &mut Guess {
        let at = match self.fields.iter().position(|(known, ..)| known == name) {
            Some(at) => at,
            None => {
                self.fields.push((name.to_string(), Guess::default(), 0));
                self.fields.len() - 1
            }
        };
        let (_, guess, seen) = &mut self.fields[at];
        *seen += 1;
        guess
    }

    /// Its fields; those that were not in every object are optional.
    pub(super) fn fields(&self) -> Vec<Field> {
        let field = |(name, guess, seen): &(String, Guess, u64)| {
            let ty = guess.ty();
            Field::new(name.as_str(), if *seen < self.seen { ty.optional() } else { ty })
        };
        self.fields.iter().map(field).collect()
    }

    fn ty(&self) -> DataType {
        if self.fields.is_empty() || self.fields.len() > MOST_FIELDS {
            let mut types = self.fields.iter().map(|(_, guess, _)| guess.ty());
            let first = types.next().unwrap_or(DataType::Json);
            return DataType::map(if types.all(|ty| ty == first) { first } else { DataType::Json });
        }
        DataType::record(self.fields())
    }
}
