//! Chains of maps, filters and flatMaps.

use super::Arbitrary;
use crate::expr::Place;
use crate::physical::{Chain, Step, StepKind};
use crate::types::{DataType, Field, RecordType};
use std::sync::Arc;

impl Arbitrary {
    /// A chain over these columns of one to `steps` steps, with expressions about so deep.
    pub fn chain(&mut self, input: &Arc<RecordType>, steps: usize, depth: usize) -> Chain {
        let mut chain = Chain { input: input.clone(), steps: Vec::new() };
        let count = 1 + self.below(steps);
        let mut columns = input.clone();
        for index in 0..count {
            let (kind, output) = self.step(&columns, depth);
            columns = output.clone();
            let place = Place { file: 0, start: index as u32, end: index as u32 + 1 };
            chain.steps.push(Step {
                kind,
                output,
                declaration: 0,
                label: format!("chain.step{index}"),
                place,
            });
        }
        chain
    }

    fn step(&mut self, columns: &Arc<RecordType>, depth: usize) -> (StepKind, Arc<RecordType>) {
        match self.below(5) {
            0 => (StepKind::Filter(self.expr(columns, &DataType::Bool, depth)), columns.clone()),
            1 => {
                let of = self.ty();
                let list = self.expr(columns, &DataType::list(of.clone()), depth);
                let mut fields = columns.fields.clone();
                fields.push(Field::new(format!("e{}", fields.len()), of));
                (StepKind::FlatMap(list), Arc::new(RecordType::new(fields)))
            }
            _ => {
                let width = 1 + self.below(4);
                let output = self.schema(width);
                let exprs = output.fields.iter().map(|field| self.expr(columns, &field.ty, depth)).collect();
                (StepKind::Map(exprs), output)
            }
        }
    }
}
