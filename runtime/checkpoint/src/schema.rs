//! Types as the script writes them (`list<{ a: int, b: string? }>`), to and fro. Names that are no plain words stand in
//! quotes, as json writes them.

use flow_plan::{DataType, Field, RecordType};
use std::sync::Arc;

/// Deeper nesting is no type of a script (whose limit is 128).
const MAX_DEPTH: usize = 256;

/// A type as text.
pub(crate) fn type_text(ty: &DataType) -> String {
    let mut text = String::new();
    write_type(ty, &mut text);
    text
}

/// The type that a text means.
pub(crate) fn parse_type(text: &str) -> Result<DataType, String> {
    let mut parser = Parser { text, rest: text, depth: 0 };
    let ty = parser.ty()?;
    parser.blanks();
    if parser.rest.is_empty() { Ok(ty) } else { Err(parser.wrong()) }
}

fn write_type(ty: &DataType, text: &mut String) {
    match ty {
        DataType::List(of) => {
            text.push_str("list<");
            write_type(of, text);
            text.push('>');
        }
        DataType::Map(of) => {
            text.push_str("map<string, ");
            write_type(of, text);
            text.push('>');
        }
        DataType::Record(record) => {
            text.push_str("{ ");
            for (number, field) in record.fields.iter().enumerate() {
                if number > 0 {
                    text.push_str(", ");
                }
                if let Some(side) = &field.side {
                    write_name(side, text);
                    text.push('.');
                }
                write_name(&field.name, text);
                text.push_str(": ");
                write_type(&field.ty, text);
            }
            text.push_str(" }");
        }
        DataType::Optional(of) => {
            write_type(of, text);
            text.push('?');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn write_name(name: &str, text: &mut String) {
    if !name.is_empty() && name.chars().all(is_plain) {
        text.push_str(name);
    } else {
        text.push_str(&serde_json::Value::from(name).to_string());
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn wrong(&self) -> String {
        format!("`{}` is no type", self.text.chars().take(80).collect::<String>())
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn accept(&mut self, sign: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.accept(sign) { Ok(()) } else { Err(self.wrong()) }
    }

    fn ty(&mut self) -> Result<DataType, String> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong());
        }
        self.depth += 1;
        let mut ty = if self.accept("{") { self.record()? } else { self.named()? };
        if self.accept("?") {
            ty = ty.optional();
        }
        self.depth -= 1;
        Ok(ty)
    }

    fn named(&mut self) -> Result<DataType, String> {
        self.blanks();
        let end = self.rest.find(|c| !is_plain(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(match word {
            "bool" => DataType::Bool,
            "int" => DataType::Int,
            "float" => DataType::Float,
            "decimal" => DataType::Decimal,
            "string" => DataType::String,
            "bytes" => DataType::Bytes,
            "timestamp" => DataType::Timestamp,
            "duration" => DataType::Duration,
            "json" => DataType::Json,
            "list" => {
                self.expect("<")?;
                let of = self.ty()?;
                self.expect(">")?;
                DataType::list(of)
            }
            "map" => {
                self.expect("<")?;
                self.expect("string")?;
                self.expect(",")?;
                let of = self.ty()?;
                self.expect(">")?;
                DataType::map(of)
            }
            _ => return Err(self.wrong()),
        })
    }

    fn record(&mut self) -> Result<DataType, String> {
        let mut fields = Vec::new();
        while !self.accept("}") {
            if !fields.is_empty() {
                self.expect(",")?;
            }
            let mut name = self.name()?;
            let mut side = None;
            if self.accept(".") {
                side = Some(std::mem::replace(&mut name, self.name()?));
            }
            self.expect(":")?;
            fields.push(Field { name, ty: self.ty()?, side });
        }
        Ok(DataType::Record(Arc::new(RecordType::new(fields))))
    }

    fn name(&mut self) -> Result<Arc<str>, String> {
        self.blanks();
        if self.rest.starts_with('"') {
            let mut names = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
            let name = names.next().and_then(Result::ok).ok_or_else(|| self.wrong())?;
            self.rest = &self.rest[names.byte_offset()..];
            return Ok(name.into());
        }
        let end = self.rest.find(|c| !is_plain(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() { Err(self.wrong()) } else { Ok(word.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_plan::arbitrary::Arbitrary;

    #[test]
    fn random_types_come_back() {
        let mut random = Arbitrary::new(4);
        for _ in 0..500 {
            let ty = random.ty();
            assert_eq!(parse_type(&type_text(&ty)), Ok(ty));
        }
    }

    #[test]
    fn odd_names_come_back() {
        let fields = ["a", "", "two words", "\"", "a\\b", "·number", "é", "9"];
        let mut fields: Vec<Field> = fields.iter().map(|name| Field::new(*name, DataType::Int)).collect();
        fields.push(Field { name: "a".into(), ty: DataType::Json.optional(), side: Some("the left".into()) });
        let ty = DataType::record(fields);
        assert_eq!(parse_type(&type_text(&ty)), Ok(ty.clone()));
        assert_eq!(parse_type(&type_text(&DataType::record(Vec::new()))), Ok(DataType::record(Vec::new())));
    }

    #[test]
    fn a_type_reads_as_in_the_script() {
        let ty =
            DataType::list(DataType::record(vec![Field::new("a", DataType::String.optional())])).optional();
        assert_eq!(type_text(&ty), "list<{ a: string? }>?");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        let deep = "list<".repeat(100_000);
        for text in
            ["", "integer", "list<int", "map<int, int>", "{ a }", "int int", "int??", "{ a: int, }", &deep]
        {
            assert!(parse_type(text).is_err(), "{text}");
        }
    }
}
