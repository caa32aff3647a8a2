//! Fields of rows that are held: which are new, which are gone, which have another type or are made of something else.

use super::Effect;
use super::compare::{Findings, short};
use super::held::{Widening, widening};
use super::shape::ColumnShape;
use flow_plan::{DataType, RecordType};

/// What a pick holds of its rows: with `true`, all that is given of them, else only what they are compared by.
pub(super) fn picked(all: &mut Findings, old: (bool, &[ColumnShape]), new: (bool, &[ColumnShape])) {
    match (old.0, new.0) {
        (false, true) if !new.1.iter().all(|field| is_in(old.1, field)) => {
            let message = "each row was given as it came and not kept: there is nothing to give later";
            all.push(Effect::Incompatible, false, message.to_string()).help =
                Some("give the stage a new `@id(\"…\")` to start empty".into());
        }
        (true, false) => {
            // That the rest of the rows goes is what the script says.
            let kept: Vec<ColumnShape> = old.1.iter().filter(|field| is_in(new.1, field)).cloned().collect();
            rows(all, "what it holds of rows", &kept, new.1);
        }
        (_, true) => rows(all, "the rows it holds", old.1, new.1),
        (_, false) => rows(all, "what it holds of rows", old.1, new.1),
    }
}

/// What rows are chosen by, where it is no field: rows that are held hold it beside, in the order of the sort keys.
pub(super) fn chosen(all: &mut Findings, old: &[DataType], new: &[DataType], by: &str) {
    for (at, ty) in new.iter().enumerate() {
        let missing = match old.get(at) {
            Some(was) => match widening(was, ty) {
                Widening::Same => continue,
                Widening::Wider => {
                    let message = format!("what its rows are chosen by changed from `{was}` to `{ty}`");
                    all.push(Effect::Migrates, false, message);
                    continue;
                }
                Widening::Other => format!("those that are held have `{was}` there, and not `{ty}`"),
            },
            None if ty.is_optional() => continue,
            None => "those that are held have no such value".to_string(),
        };
        let message = format!("rows are chosen by `{}` now: {missing}", short(by));
        all.push(Effect::Incompatible, false, message).help = Some(
            "what is stored was not computed for it: give the stage a new `@id(\"…\")` to start empty".into(),
        );
    }
}

fn is_in(columns: &[ColumnShape], field: &ColumnShape) -> bool {
    columns.iter().any(|other| other.name == field.name)
}

/// Fields of rows that are held.
pub(super) fn rows(all: &mut Findings, what: &str, old: &[ColumnShape], new: &[ColumnShape]) {
    fields(all, what, "", old, new);
}

/// Fields of rows that are held, or of a record in them, whose name stands before theirs.
fn fields(all: &mut Findings, what: &str, of: &str, old: &[ColumnShape], new: &[ColumnShape]) {
    for field in new {
        let name = format!("{of}{}", field.name);
        match old.iter().find(|other| other.name == field.name) {
            Some(other) => field_of_both(all, what, &name, other, field),
            None if field.ty.is_optional() => {
                let message = format!("`{name}` is new in {what}: null in those that are there");
                all.push(Effect::Migrates, false, message);
            }
            None => {
                let message = format!("`{name}` is new in {what}, and those that are there have none");
                all.push(Effect::Incompatible, false, message).help =
                    Some(format!("make it optional (`{}?`): it is null in old rows then", field.ty));
            }
        }
    }
    for field in old.iter().filter(|field| !is_in(new, field)) {
        let message = format!("`{of}{}` is gone from {what}", field.name);
        all.push(Effect::Migrates, false, message).loses = true;
    }
}

/// A field that was there, and is. What is within it may be another all the same.
fn field_of_both(all: &mut Findings, what: &str, name: &str, old: &ColumnShape, new: &ColumnShape) {
    let differently = format!("`{name}` of {what} is computed differently: {}", all.mix());
    let within = old.ty != new.ty && (!old.ty.is_optional() || new.ty.is_optional());
    match (old.ty.unwrapped(), new.ty.unwrapped()) {
        (DataType::Record(a), DataType::Record(b)) if within && a != b => {
            if old.parts.is_empty() || new.parts.is_empty() {
                if old.origin != new.origin {
                    all.push(Effect::Restores, true, differently);
                }
                fields(all, what, &format!("{name}."), &plain(a), &plain(b));
            } else {
                fields(all, what, &format!("{name}."), &old.parts, &new.parts);
            }
        }
        (DataType::List(a), DataType::List(b)) | (DataType::Map(a), DataType::Map(b)) if within && a != b => {
            if old.origin != new.origin {
                all.push(Effect::Restores, true, differently);
            }
            let element = |ty: &DataType| column("", ty);
            field_of_both(all, what, &format!("{name}[]"), &element(a), &element(b));
        }
        _ => {
            let changed = format!("`{name}` of {what} changed from `{}` to `{}`", old.ty, new.ty);
            match widening(&old.ty, &new.ty) {
                Widening::Same if old.origin != new.origin => {
                    all.push(Effect::Restores, true, differently);
                }
                Widening::Same => {}
                Widening::Wider => {
                    all.push(Effect::Migrates, false, changed);
                }
                Widening::Other => {
                    all.push(Effect::Incompatible, false, changed);
                }
            }
            return;
        }
    }
    if old.ty.is_optional() != new.ty.is_optional() {
        all.push(Effect::Migrates, false, format!("`{name}` of {what} may be null now"));
    }
}

/// The fields of a record of which nothing else is known.
fn plain(record: &RecordType) -> Vec<ColumnShape> {
    record.fields.iter().map(|field| column(&field.name, &field.ty)).collect()
}

fn column(name: &str, ty: &DataType) -> ColumnShape {
    ColumnShape { name: name.to_string(), ty: ty.clone(), origin: name.to_string(), parts: Vec::new() }
}
