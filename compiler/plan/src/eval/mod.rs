//! The reference evaluator: what an expression means. Native code must agree with it bit for bit.
//!
//! It is a small machine with its own stack, so that no depth of an expression (a sum of ten thousand
//! terms, inlined functions) can exhaust the thread's.

pub mod arith;
pub mod convert;
mod machine;
#[cfg(test)]
mod tests;

use crate::error::RecordError;
use crate::expr::Expr;
use crate::functions::Context;
use crate::value::Value;

/// Evaluates expressions; keeps compiled patterns and its stacks from row to row.
#[derive(Debug, Default)]
pub struct Evaluator {
    context: Context,
    locals: Vec<Value>,
    scratch: machine::Stacks,
}

impl Evaluator {
    /// An evaluator at this time (microseconds; what `now()` gives).
    pub fn new(now: i64) -> Evaluator {
        Evaluator { context: Context::new(now), ..Evaluator::default() }
    }

    /// Changes what `now()` gives.
    pub fn set_now(&mut self, now: i64) {
        self.context.now = now;
    }

    /// The value of an expression over a row.
    pub fn eval(&mut self, expr: &Expr, row: &[Value]) -> Result<Value, RecordError> {
        self.scratch.clear();
        machine::Machine {
            expr,
            row,
            locals: &mut self.locals,
            context: &mut self.context,
            stacks: &mut self.scratch,
        }
        .run()
    }

    /// The value of a condition.
    pub fn test(&mut self, expr: &Expr, row: &[Value]) -> Result<bool, RecordError> {
        Ok(matches!(self.eval(expr, row)?, Value::Bool(true)))
    }

    /// What functions need; native code's helpers keep one too.
    pub fn context(&mut self) -> &mut Context {
        &mut self.context
    }
}

/// The value of an expression over a row, once. Time stands at 1970.
pub fn eval(expr: &Expr, row: &[Value]) -> Result<Value, RecordError> {
    Evaluator::new(0).eval(expr, row)
}
