//! Cranelift code generation: one chain, one module of native kernels, and the driver that runs
//! them over batches. Knows the plan's expressions and the layout of columns; never scripts,
//! operators with state, or files.
//!
//! Kernels compute what the reference evaluator ([`flow_plan::eval`]) defines, bit for bit. They
//! never trap: a record error sets a bit of the batch's error word, and the caller replays the batch with the
//! interpreter, which finds the row, the place in the script and the message.
#![allow(unsafe_code)]

mod calls;
pub mod differential;
mod emit;
mod frame;
mod lower;
mod native;
mod run;
#[cfg(test)]
mod tests;

pub use native::jit::live_modules;
pub use run::{Instance, Outcome};

use calls::HELPERS;
use emit::{Kernels, Site};
use flow_plan::physical::Chain;
use frame::FrameMap;
use lower::Segment;
use native::jit::{Assembler, Code};
use std::fmt;
use std::sync::Arc;

/// Why a chain could not be compiled: a mistake of ours, or a machine Cranelift does not know.
#[derive(Clone, Debug)]
pub struct CodegenError(String);

impl fmt::Display for CodegenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CodegenError {}

/// Native code of a chain; shared by all workers, each of which runs an [`Instance`] of it. Its
/// memory is freed with the last of them.
pub struct CompiledChain {
    code: Code,
    segments: Vec<CompiledSegment>,
}

struct CompiledSegment {
    segment: Segment,
    map: FrameMap,
    /// Input columns that may hold nulls.
    nullable: Vec<usize>,
    general: Variant,
    /// Kernels for batches in which none of `nullable` holds a null.
    no_nulls: Option<Variant>,
}

struct Variant {
    kernels: Kernels,
    sites: Arc<[Site]>,
}

/// Compiles a chain.
pub fn compile(chain: &Chain) -> Result<Arc<CompiledChain>, CodegenError> {
    build(chain, false, Nulls::Both).map(|(chain, _)| chain)
}

/// The kernels of a chain in Cranelift's text form, for people.
pub fn clif(chain: &Chain) -> Result<String, CodegenError> {
    build(chain, true, Nulls::Both).map(|(_, text)| text)
}

/// Which batches kernels are made for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// Any batch.
    Some,
    /// Any batch; those without nulls have kernels of their own.
    Both,
}

fn build(chain: &Chain, keep_text: bool, nulls: Nulls) -> Result<(Arc<CompiledChain>, String), CodegenError> {
    let mut segments = Vec::new();
    let mut assembler = Assembler::new(HELPERS, keep_text).map_err(CodegenError)?;
    for (number, segment) in lower::lower(chain).map_err(CodegenError)?.into_iter().enumerate() {
        let compiled = compile_segment(&mut assembler, number, segment, nulls);
        segments.push(compiled.map_err(CodegenError)?);
    }
    let text = assembler.take_text();
    let code = assembler.finish().map_err(CodegenError)?;
    Ok((Arc::new(CompiledChain { code, segments }), text))
}

fn compile_segment(
    assembler: &mut Assembler,
    number: usize,
    segment: Segment,
    nulls: Nulls,
) -> Result<CompiledSegment, String> {
    let map = emit::frame_map(&segment);
    let mut variant = |all_valid| {
        let mut kernels = emit::compile_segment(assembler, number, &segment, &map, all_valid)?;
        let sites = std::mem::take(&mut kernels.sites).into();
        Ok::<_, String>(Variant { kernels, sites })
    };
    let nullable = emit::nullable_inputs(&segment);
    let general = variant(false)?;
    let twice = !nullable.is_empty() && nulls == Nulls::Both;
    let no_nulls = if twice { Some(variant(true)?) } else { None };
    Ok(CompiledSegment { segment, map, nullable, general, no_nulls })
}
