//! States of a script in which a word is another one everywhere, made from those of the script as it is.

use super::feeds::Stage;
use super::shape::{ColumnShape, Held, HeldFold, HeldRows, HeldSides, StateShape};
use flow_plan::{DataType, RecordType};
use std::sync::Arc;

/// A name that is exchanged for another wherever it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reworded<'a> {
    pub(crate) old: &'a str,
    pub(crate) new: &'a str,
}

impl Reworded<'_> {
    /// A state with the other word; none if the word is nowhere in it.
    pub(crate) fn state(&self, state: &StateShape) -> Option<StateShape> {
        let mut state = state.clone();
        let key = state.key.iter_mut().fold(false, |found, key| {
            let text = self.text(&mut key.name) | self.text(&mut key.said) | self.text(&mut key.made);
            text | self.ty(&mut key.ty) | found
        });
        let feeds = self.feeds(&mut state.feeds);
        (self.held(&mut state.held) | key | feeds).then_some(state)
    }

    fn held(&self, held: &mut Held) -> bool {
        match held {
            Held::Groups(calls) => calls.iter_mut().fold(false, |found, call| {
                let ty = self.ty(&mut call.ty) | call.arg.as_mut().is_some_and(|arg| self.ty(arg));
                let text = self.text(&mut call.text) | self.text(&mut call.made);
                self.text(&mut call.name) | text | ty | found
            }),
            Held::Rows(HeldRows { by, by_made, row, .. }) => {
                self.text(by) | self.text(by_made) | self.columns(row)
            }
            Held::Values { .. } => false,
            Held::Sides(HeldSides { rest, rest_made, left, right, .. }) => {
                let rest = [rest, rest_made].into_iter().flatten();
                let rest = rest.fold(false, |found, rest| self.text(rest) | found);
                self.columns(left) | self.columns(right) | rest
            }
            Held::Fold(HeldFold { ty, init, text, made }) => {
                self.ty(ty) | self.text(init) | self.text(text) | self.text(made)
            }
        }
    }

    fn columns(&self, columns: &mut [ColumnShape]) -> bool {
        columns.iter_mut().fold(false, |found, column| {
            let text = self.text(&mut column.name) | self.text(&mut column.origin);
            self.columns(&mut column.parts) | self.ty(&mut column.ty) | text | found
        })
    }

    fn feeds(&self, feeds: &mut [Stage]) -> bool {
        feeds
            .iter_mut()
            .fold(false, |found, stage| self.text(&mut stage.text) | self.text(&mut stage.made) | found)
    }

    /// A name, or an expression as it is shown: the word in it, but for what stands in quotes.
    fn text(&self, text: &mut String) -> bool {
        if !text.contains(self.old) {
            return false;
        }
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let (mut out, mut quoted, mut at) = (String::with_capacity(text.len()), false, 0);
        while let Some(c) = text[at..].chars().next() {
            let behind = &text[at..];
            let word = !quoted && behind.starts_with(self.old) && !letter(out.chars().next_back());
            let length = match c {
                _ if word && !letter(behind[self.old.len()..].chars().next()) => {
                    out.push_str(self.new);
                    at += self.old.len();
                    continue;
                }
                '\\' if quoted => 1 + behind[1..].chars().next().map_or(0, char::len_utf8),
                '"' => {
                    quoted = !quoted;
                    1
                }
                _ => c.len_utf8(),
            };
            out.push_str(&behind[..length]);
            at += length;
        }
        let found = out != *text;
        *text = out;
        found
    }

    /// A type whose fields may be called so.
    pub(crate) fn ty(&self, ty: &mut DataType) -> bool {
        match ty {
            DataType::List(of) | DataType::Map(of) | DataType::Optional(of) => {
                let mut inner = DataType::clone(of);
                let found = self.ty(&mut inner);
                if found {
                    *of = Arc::new(inner);
                }
                found
            }
            DataType::Record(record) => {
                let mut fields = record.fields.clone();
                let found = fields.iter_mut().fold(false, |found, field| {
                    let named = *field.name == *self.old;
                    if named {
                        field.name = self.new.into();
                    }
                    self.ty(&mut field.ty) | named | found
                });
                if found {
                    *record = Arc::new(RecordType::new(fields));
                }
                found
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_quotes_and_a_part_of_another_one_stay() {
        let words = Reworded { old: "price", new: "zz" };
        for (text, want) in [
            ("price", "zz"),
            ("max(price) + b.price", "max(zz) + b.zz"),
            ("prices + price2 + _price", "prices + price2 + _price"),
            ("name == \"price\" and price > 1", "name == \"price\" and zz > 1"),
            ("name == \"a\\\"price\"", "name == \"a\\\"price\""),
        ] {
            let mut found = text.to_string();
            assert_eq!(words.text(&mut found), text != want, "{text}");
            assert_eq!(found, want);
        }
        let mut ty = DataType::List(Arc::new(DataType::Record(Arc::new(RecordType::new(vec![
            flow_plan::Field::new("price", DataType::Int),
        ])))));
        assert!(words.ty(&mut ty) && !words.ty(&mut ty));
        assert_eq!(ty.to_string(), "list<{ zz: int }>");
    }
}
