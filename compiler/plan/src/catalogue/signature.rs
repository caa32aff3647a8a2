//! Signatures as data: the parser of the notation that the table is written in.

use crate::types::DataType;
use std::fmt;

/// One signature of a function or aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// As it stands in the table.
    pub text: &'static str,
    /// Parameters in order.
    pub params: Vec<ParamSig>,
    /// The result.
    pub ret: TypePattern,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSig {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub ty: TypePattern,
    /// Takes one or more arguments (only the last one that is not named).
    pub variadic: bool,
    /// May only be given by name.
    pub named_only: bool,
    /// May be left out: the default as it is written in a script.
    pub default: Option<&'static str>,
}

/// A type with variables.
#[derive(Clone, Debug, PartialEq)]
pub enum TypePattern {
    /// Exactly this type.
    Exact(DataType),
    /// A type variable.
    Var(char),
    /// int, float or decimal; the same everywhere in a signature.
    Num,
    /// An ordered type; the same everywhere in a signature.
    Ord,
    /// Any type, also optional.
    Any,
    /// `list<T>`.
    List(Box<TypePattern>),
    /// `map<string, T>`.
    Map(Box<TypePattern>),
    /// `T?`.
    Optional(Box<TypePattern>),
    /// `{ a: T }`.
    Record(Vec<(&'static str, TypePattern)>),
    /// `(A, T) => A`.
    Lambda(Vec<TypePattern>, Box<TypePattern>),
}

impl Signature {
    /// Parses one signature. The table is ours: a mistake in it is found by a test, so it panics.
    pub(super) fn parse(text: &'static str) -> Signature {
        let mut parser = Parser { text, at: 0 };
        parser.word();
        parser.expect("(");
        let mut params = Vec::new();
        let mut named_only = false;
        while !parser.eat(")") {
            if parser.eat("*") {
                named_only = true;
            } else {
                params.push(parser.param(named_only));
            }
            parser.eat(",");
        }
        parser.expect("->");
        let ret = parser.ty();
        assert!(parser.rest().trim().is_empty(), "unread text in signature {text:?}");
        Signature { text, params, ret }
    }

    /// How many arguments must be given.
    pub fn required(&self) -> usize {
        self.params.iter().filter(|p| p.default.is_none()).count()
    }
}

struct Parser {
    text: &'static str,
    at: usize,
}

impl Parser {
    fn rest(&self) -> &'static str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) {
        assert!(self.eat(token), "signature {:?} has no {token:?} at {}", self.text, self.at);
    }

    fn word(&mut self) -> &'static str {
        self.skip_blanks();
        let rest = self.rest();
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn param(&mut self, named_only: bool) -> ParamSig {
        let name = self.word();
        self.expect(":");
        let ty = self.ty();
        let variadic = self.eat("...");
        let mut default = None;
        if self.eat("=") {
            self.skip_blanks();
            let rest = self.rest();
            let len = rest.find([',', ')']).unwrap_or(rest.len());
            default = Some(rest[..len].trim_end());
            self.at += len;
        }
        ParamSig { name, ty, variadic, named_only: named_only || default.is_some(), default }
    }

    fn ty(&mut self) -> TypePattern {
        if self.eat("(") {
            let mut params = Vec::new();
            while !self.eat(")") {
                params.push(self.optional());
                self.eat(",");
            }
            self.expect("=>");
            return TypePattern::Lambda(params, Box::new(self.optional()));
        }
        let first = self.optional();
        if self.eat("=>") {
            return TypePattern::Lambda(vec![first], Box::new(self.optional()));
        }
        first
    }

    fn optional(&mut self) -> TypePattern {
        let ty = self.simple();
        if self.eat("?") { TypePattern::Optional(Box::new(ty)) } else { ty }
    }

    fn simple(&mut self) -> TypePattern {
        if self.eat("{") {
            let mut fields = Vec::new();
            while !self.eat("}") {
                let name = self.word();
                self.expect(":");
                fields.push((name, self.optional()));
                self.eat(",");
            }
            return TypePattern::Record(fields);
        }
        let exact = match self.word() {
            "bool" => DataType::Bool,
            "int" => DataType::Int,
            "float" => DataType::Float,
            "decimal" => DataType::Decimal,
            "string" => DataType::String,
            "bytes" => DataType::Bytes,
            "timestamp" => DataType::Timestamp,
            "duration" => DataType::Duration,
            "json" => DataType::Json,
            "num" => return TypePattern::Num,
            "ord" => return TypePattern::Ord,
            "any" => return TypePattern::Any,
            "list" => {
                self.expect("<");
                let of = self.optional();
                self.expect(">");
                return TypePattern::List(Box::new(of));
            }
            "map" => {
                self.expect("<string,");
                let of = self.optional();
                self.expect(">");
                return TypePattern::Map(Box::new(of));
            }
            word => match word.as_bytes() {
                [letter] if letter.is_ascii_uppercase() => return TypePattern::Var(char::from(*letter)),
                _ => panic!("signature {:?} has no type at {}", self.text, self.at),
            },
        };
        TypePattern::Exact(exact)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypePattern::Exact(ty) => ty.fmt(f),
            TypePattern::Var(letter) => write!(f, "{letter}"),
            TypePattern::Num => f.write_str("num"),
            TypePattern::Ord => f.write_str("ord"),
            TypePattern::Any => f.write_str("any"),
            TypePattern::List(of) => write!(f, "list<{of}>"),
            TypePattern::Map(of) => write!(f, "map<string, {of}>"),
            TypePattern::Optional(of) => write!(f, "{of}?"),
            TypePattern::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
                write!(f, "{{ {} }}", fields.join(", "))
            }
            TypePattern::Lambda(params, ret) => match params.as_slice() {
                [param] => write!(f, "{param} => {ret}"),
                _ => {
                    let params: Vec<_> = params.iter().map(ToString::to_string).collect();
                    write!(f, "({}) => {ret}", params.join(", "))
                }
            },
        }
    }
}
