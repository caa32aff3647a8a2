//! The data types of the language, as every stage behind the checker sees them.

use std::fmt;
use std::sync::Arc;

/// A data type. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// `true`, `false`.
    Bool,
    /// 64-bit signed.
    Int,
    /// IEEE 754 double.
    Float,
    /// Exact, 28 significant digits.
    Decimal,
    /// UTF-8 text.
    String,
    /// Any bytes.
    Bytes,
    /// Microseconds since 1970-01-01 UTC.
    Timestamp,
    /// Microseconds.
    Duration,
    /// `list<T>`.
    List(Arc<DataType>),
    /// `map<string, T>`.
    Map(Arc<DataType>),
    /// `{ a: T, b: U }`: structural and ordered.
    Record(Arc<RecordType>),
    /// Any JSON value.
    Json,
    /// `T?`; never nested.
    Optional(Arc<DataType>),
}

/// The fields of a record, or the columns of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecordType {
    /// Fields in order; names are unique, except that the output of a join may hold one name twice
    /// (told apart by [`Field::side`]).
    pub fields: Vec<Field>,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: DataType,
    /// The alias of the join side (or pipeline head) it came from, when aliases are in scope.
    pub side: Option<Arc<str>>,
}

impl Field {
    /// A field without a side.
    pub fn new(name: impl Into<Arc<str>>, ty: DataType) -> Field {
        Field { name: name.into(), ty, side: None }
    }
}

impl RecordType {
    /// A record of these fields.
    pub fn new(fields: Vec<Field>) -> RecordType {
        RecordType { fields }
    }

    /// Position of the first field with this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| &*f.name == name)
    }

    /// The first field with this name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| &*f.name == name)
    }
}

impl DataType {
    /// `list<T>`.
    pub fn list(of: DataType) -> DataType {
        DataType::List(Arc::new(of))
    }

    /// `map<string, T>`.
    pub fn map(of: DataType) -> DataType {
        DataType::Map(Arc::new(of))
    }

    /// A record of these fields.
    pub fn record(fields: Vec<Field>) -> DataType {
        DataType::Record(Arc::new(RecordType { fields }))
    }

    /// `T?`; optional of optional is optional.
    pub fn optional(self) -> DataType {
        match self {
            DataType::Optional(_) => self,
            other => DataType::Optional(Arc::new(other)),
        }
    }

    /// Has it more parts than this, written out? Looks no further than that: a type that names another one twice, which
    /// does so again, has more parts than any memory holds.
    pub fn has_more_parts_than(&self, most: usize) -> bool {
        fn left(ty: &DataType, most: usize) -> Option<usize> {
            let most = most.checked_sub(1)?;
            match ty {
                DataType::List(of) | DataType::Map(of) | DataType::Optional(of) => left(of, most),
                DataType::Record(record) => {
                    record.fields.iter().try_fold(most, |most, field| left(&field.ty, most))
                }
                _ => Some(most),
            }
        }
        left(self, most).is_none()
    }

    /// `T` of `T?`, else the type itself.
    pub fn unwrapped(&self) -> &DataType {
        match self {
            DataType::Optional(inner) => inner,
            other => other,
        }
    }

    /// Is it `T?`?
    pub fn is_optional(&self) -> bool {
        matches!(self, DataType::Optional(_))
    }

    /// `int`, `float` or `decimal`.
    pub fn is_numeric(&self) -> bool {
        matches!(self, DataType::Int | DataType::Float | DataType::Decimal)
    }

    /// Can values be ordered by `<` and sorted? All but `bool`, `map`, `json`, records (and `T?`).
    pub fn is_ordered(&self) -> bool {
        match self {
            DataType::Int
            | DataType::Float
            | DataType::Decimal
            | DataType::String
            | DataType::Bytes
            | DataType::Timestamp
            | DataType::Duration => true,
            DataType::List(of) => of.is_ordered(),
            _ => false,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Bool => f.write_str("bool"),
            DataType::Int => f.write_str("int"),
            DataType::Float => f.write_str("float"),
            DataType::Decimal => f.write_str("decimal"),
            DataType::String => f.write_str("string"),
            DataType::Bytes => f.write_str("bytes"),
            DataType::Timestamp => f.write_str("timestamp"),
            DataType::Duration => f.write_str("duration"),
            DataType::List(of) => write!(f, "list<{of}>"),
            DataType::Map(of) => write!(f, "map<string, {of}>"),
            DataType::Record(record) => record.fmt(f),
            DataType::Json => f.write_str("json"),
            DataType::Optional(of) => write!(f, "{of}?"),
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for (i, field) in self.fields.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}: {}", field.name, field.ty)?;
        }
        f.write_str(" }")
    }
}
