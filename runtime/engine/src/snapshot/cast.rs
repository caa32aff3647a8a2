//! State of an older script in a newer one's types: `int` becomes `float`, `T` becomes `T?`, rows gain and lose
//! fields.

use flow_data::{Column, ColumnBuilder, ColumnData};
use flow_plan::{DataType, Value};
use std::sync::Arc;

/// The column in another type; `None` if its values have no meaning there.
pub(super) fn cast(column: &Arc<Column>, from: &DataType, to: &DataType) -> Option<Arc<Column>> {
    let (plain, wanted) = (from.unwrapped(), to.unwrapped());
    if plain == wanted && (to.is_optional() || !from.is_optional()) {
        return Some(column.clone());
    }
    let nulls = column.validity.as_ref().is_some_and(|valid| valid.contains(&0));
    if nulls && !to.is_optional() {
        return None;
    }
    if let (ColumnData::I64(ints), DataType::Int, DataType::Float) = (&column.data, plain, wanted) {
        let floats = ints.iter().map(|x| *x as f64).collect();
        return Some(Arc::new(Column { data: ColumnData::F64(floats), validity: column.validity.clone() }));
    }
    let mut builder = ColumnBuilder::new(to);
    for row in 0..column.len() {
        builder.push(&value(&column.value(row, from), from, to)?);
    }
    Some(Arc::new(builder.finish()))
}

fn value(of: &Value, from: &DataType, to: &DataType) -> Option<Value> {
    let (from, wanted) = (from.unwrapped(), to.unwrapped());
    match (of, from, wanted) {
        (Value::Null, ..) => to.is_optional().then_some(Value::Null),
        _ if from == wanted => Some(of.clone()),
        (Value::Int(x), DataType::Int, DataType::Float) => Some(Value::Float(*x as f64)),
        (Value::List(items), DataType::List(from), DataType::List(to)) => {
            items.iter().map(|item| value(item, from, to)).collect::<Option<_>>().map(Value::List)
        }
        (Value::Map(entries), DataType::Map(from), DataType::Map(to)) => entries
            .iter()
            .map(|(key, item)| Some((key.clone(), value(item, from, to)?)))
            .collect::<Option<_>>()
            .map(Value::Map),
        (Value::Record(items), DataType::Record(from), DataType::Record(to)) => {
            let field = |field: &flow_plan::Field| match from.position(&field.name) {
                Some(at) => value(&items[at], &from.fields[at].ty, &field.ty),
                None => field.ty.is_optional().then_some(Value::Null),
            };
            to.fields.iter().map(field).collect::<Option<_>>().map(Value::Record)
        }
        _ => None,
    }
}
