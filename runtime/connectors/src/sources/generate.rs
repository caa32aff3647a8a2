//! The source `generate { … }`: every field by its generator, every value by its row's number.

use super::numbered::{Maker, NumberedSource};
use crate::args;
use flow_data::{Batch, Column, ColumnBuilder, ColumnData};
use flow_engine::source::SourceError;
use flow_env::{Env, Random};
use flow_plan::connector::{ConnectorCall, GeneratorKind};
use flow_plan::{DataType, Value};
use std::sync::Arc;

/// One field that is read.
struct Made {
    kind: GeneratorKind,
    ty: DataType,
    /// Its own sequence of random numbers.
    seed: u64,
}

struct Fields(Vec<Made>);

/// Opens the source.
pub(crate) fn open(call: &ConnectorCall, read: &[usize], env: &Env) -> Result<NumberedSource, SourceError> {
    let seed = args::int(call, "seed").unwrap_or(0) as u64;
    let made = |&i: &usize| {
        let field = &call.schema.fields[i];
        let generator = call
            .generators
            .iter()
            .find(|g| g.name == *field.name)
            .ok_or_else(|| SourceError::Open(format!("generate has no field `{}`", field.name)))?;
        let seed = Random::new(seed ^ Random::new(i as u64 + 1).bits()).bits();
        Ok(Made { kind: generator.kind.clone(), ty: field.ty.clone(), seed })
    };
    let fields = Fields(read.iter().map(made).collect::<Result<_, SourceError>>()?);
    NumberedSource::new(Arc::new(fields), args::int(call, "rows"), args::number(call, "rate"), env)
}

impl Maker for Fields {
    fn make(&self, first: u64, count: u64) -> Batch {
        let columns = self.0.iter().map(|field| Arc::new(field.column(first, count))).collect();
        Batch::new(count as usize, columns)
    }
}

impl Made {
    fn column(&self, first: u64, count: u64) -> Column {
        let rows = first..first + count;
        let random = |row: u64| Random::new(self.seed ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        match &self.kind {
            GeneratorKind::Seq(start) => {
                ints(rows.map(|row| start.wrapping_add(row as i64)).collect(), &self.ty)
            }
            GeneratorKind::Timestamps(start, every) => {
                let at = |row: u64| start.saturating_add(every.saturating_mul(row as i64));
                Column::new(ColumnData::I64(rows.map(at).collect()))
            }
            GeneratorKind::RandomInt(low, high) => {
                let width = high.wrapping_sub(*low).max(0) as u64;
                ints(rows.map(|row| low.wrapping_add(random(row).below(width) as i64)).collect(), &self.ty)
            }
            GeneratorKind::RandomFloat(low, high) => {
                let value = |row: u64| low + random(row).unit() * (high - low);
                Column::new(ColumnData::F64(rows.map(value).collect()))
            }
            GeneratorKind::OneOf(values) => {
                let pick = |row: u64| &values[random(row).below(values.len() as u64) as usize];
                self.values(rows.map(pick))
            }
            GeneratorKind::Constant(value) => self.values(rows.map(|_| value)),
        }
    }

    fn values<'v>(&self, values: impl Iterator<Item = &'v Value>) -> Column {
        let mut builder = ColumnBuilder::new(&self.ty);
        values.for_each(|value| builder.push(&widened(value, &self.ty)));
        builder.finish()
    }
}

/// Ints, as floats where the declared field is one.
fn ints(values: Vec<i64>, ty: &DataType) -> Column {
    match ty.unwrapped() {
        DataType::Float => Column::new(ColumnData::F64(values.iter().map(|&n| n as f64).collect())),
        _ => Column::new(ColumnData::I64(values)),
    }
}

fn widened(value: &Value, ty: &DataType) -> Value {
    match (value, ty.unwrapped()) {
        (Value::Int(n), DataType::Float) => Value::Float(*n as f64),
        (Value::Int(n), DataType::Decimal) => Value::Decimal((*n).into()),
        _ => value.clone(),
    }
}
