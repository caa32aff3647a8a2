//! The verifier of finished kernels: no trap, no recursion, no memory but the frame and elements
//! of its columns at the loop's row, no callee but the listed helpers. It knows nothing of what a
//! kernel is for, so a mistake in the generator cannot hide from it.

use crate::frame::{self, FrameMap};
use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, FuncRef, Function, Inst, InstructionData, Opcode, Value, ValueDef,
};

/// Opcodes that may appear anywhere: pure, total.
const PURE: &[Opcode] = &[
    Opcode::Iconst,
    Opcode::F64const,
    Opcode::Iadd,
    Opcode::Isub,
    Opcode::Imul,
    Opcode::Band,
    Opcode::Bor,
    Opcode::Bxor,
    Opcode::Ishl,
    Opcode::Ushr,
    Opcode::Sshr,
    Opcode::SaddOverflow,
    Opcode::SsubOverflow,
    Opcode::SmulOverflow,
    Opcode::Icmp,
    Opcode::Fcmp,
    Opcode::Select,
    Opcode::Uextend,
    Opcode::Sextend,
    Opcode::Ireduce,
    Opcode::Bswap,
    Opcode::Bitcast,
    Opcode::Fadd,
    Opcode::Fsub,
    Opcode::Fmul,
    Opcode::Fdiv,
    Opcode::Fneg,
    Opcode::Fabs,
    Opcode::Sqrt,
    Opcode::FcvtFromSint,
    Opcode::FcvtToSintSat,
];

/// Checks a kernel; the fault if there is one.
pub(crate) fn check(func: &Function, map: &FrameMap, callees: &[FuncRef]) -> Result<(), String> {
    let checker = Checker::new(func, map, callees)?;
    for block in func.layout.blocks() {
        for inst in func.layout.block_insts(block) {
            checker
                .inst(block, inst)
                .map_err(|fault| format!("`{}`: {fault}", func.dfg.display_inst(inst)))?;
        }
    }
    Ok(())
}

struct Checker<'f> {
    func: &'f Function,
    map: &'f FrameMap,
    callees: &'f [FuncRef],
    dominators: DominatorTree,
    frame: Value,
    header: Block,
    body: Block,
    at: Value,
    kept: Value,
}

impl<'f> Checker<'f> {
    fn new(func: &'f Function, map: &'f FrameMap, callees: &'f [FuncRef]) -> Result<Checker<'f>, String> {
        let cfg = ControlFlowGraph::with_function(func);
        let dominators = DominatorTree::with_function(func, &cfg);
        let entry = func.layout.entry_block().ok_or("there is no code")?;
        let &[frame] = func.dfg.block_params(entry) else {
            return Err("it takes more than the frame".into());
        };
        let back = |block: Block| {
            cfg.pred_iter(block).filter(|p| dominators.block_dominates(block, p.block)).collect::<Vec<_>>()
        };
        let mut loops = func.layout.blocks().filter(|&b| !back(b).is_empty());
        let header = loops.next().ok_or("there is no loop")?;
        if loops.next().is_some() {
            return Err("there is more than one loop".into());
        }
        if let Some(block) =
            func.layout.blocks().find(|&b| !dominators.is_reachable(b) && func.layout.first_inst(b).is_some())
        {
            return Err(format!("{block} is never reached"));
        }
        let params = func.dfg.block_params(header);
        let (&at, &kept) = params.first().zip(params.get(1)).ok_or("the loop has no counter")?;
        let body = func.layout.blocks().find(|&b| dominators.idom(b) == Some(header)).unwrap_or(header);
        let mut checker = Checker { func, map, callees, dominators, frame, header, body, at, kept };
        checker.header()?;
        for edge in cfg.pred_iter(header) {
            checker.edge(edge.inst, edge.block)?;
        }
        Ok(checker)
    }

    /// The loop runs while its counter is below the number of rows.
    fn header(&mut self) -> Result<(), String> {
        let last = self.func.layout.last_inst(self.header).ok_or("the loop is empty")?;
        let InstructionData::Brif { arg, blocks, .. } = self.func.dfg.insts[last] else {
            return Err("the loop has no end".into());
        };
        let Some(InstructionData::IntCompare { args, cond: IntCC::UnsignedLessThan, .. }) = self.def(arg)
        else {
            return Err("the loop does not count to the number of rows".into());
        };
        if self.resolve(args[0]) != self.at || self.frame_word(args[1]) != Some(frame::ROWS) {
            return Err("the loop does not count its rows".into());
        }
        self.body = blocks[0].block(&self.func.dfg.value_lists);
        let exit = blocks[1].block(&self.func.dfg.value_lists);
        if self.dominators.block_dominates(self.body, exit) || exit == self.body {
            return Err("the loop's end is inside of it".into());
        }
        Ok(())
    }

    /// The counters start at 0; the first grows by 1, the second by at most 1 a row.
    fn edge(&self, branch: Inst, from: Block) -> Result<(), String> {
        let InstructionData::Jump { destination, .. } = self.func.dfg.insts[branch] else {
            return Err("the loop is entered by a condition".into());
        };
        let mut args = destination.args(&self.func.dfg.value_lists);
        let mut next = || match args.next() {
            Some(BlockArg::Value(value)) => Ok(self.resolve(value)),
            _ => Err("a counter is missing".to_string()),
        };
        let (at, kept) = (next()?, next()?);
        let inside = self.dominators.block_dominates(self.header, from);
        let good = if inside {
            self.is_increment(at, self.at) && (kept == self.kept || self.is_kept(kept))
        } else {
            self.constant(at) == Some(0) && self.constant(kept) == Some(0)
        };
        if good { Ok(()) } else { Err("a counter does not count".into()) }
    }

    fn is_kept(&self, value: Value) -> bool {
        match self.def(value) {
            Some(InstructionData::Ternary { opcode: Opcode::Select, args }) => {
                self.is_increment(args[1], self.kept) && self.resolve(args[2]) == self.kept
            }
            _ => false,
        }
    }

    fn is_increment(&self, value: Value, of: Value) -> bool {
        match self.def(value) {
            Some(InstructionData::Binary { opcode: Opcode::Iadd, args }) => {
                self.resolve(args[0]) == of && self.constant(args[1]) == Some(1)
            }
            _ => false,
        }
    }

    fn inst(&self, block: Block, inst: Inst) -> Result<(), String> {
        let data = &self.func.dfg.insts[inst];
        match (data.opcode(), data) {
            (Opcode::Jump | Opcode::Brif | Opcode::Return, _) => Ok(()),
            (opcode, _) if PURE.contains(&opcode) => Ok(()),
            (Opcode::Sdiv | Opcode::Srem, InstructionData::Binary { args, .. }) => {
                self.division(args[0], args[1])
            }
            (Opcode::Load, &InstructionData::Load { arg, flags, offset, .. }) => {
                let width = self.func.dfg.value_type(self.func.dfg.first_result(inst)).bytes();
                let flags = self.func.dfg.mem_flags[flags];
                self.memory(block, arg, offset.into(), width, flags.notrap(), false)
            }
            (Opcode::Store, &InstructionData::Store { args, flags, offset, .. }) => {
                let width = self.func.dfg.value_type(args[0]).bytes();
                let flags = self.func.dfg.mem_flags[flags];
                self.memory(block, args[1], offset.into(), width, flags.notrap(), true)
            }
            (Opcode::Call, InstructionData::Call { func_ref, .. }) => {
                if !self.callees.contains(func_ref) {
                    return Err("calls a function that is no helper".into());
                }
                match self.func.dfg.inst_args(inst).first() {
                    Some(&first) if self.resolve(first) == self.frame => Ok(()),
                    _ => Err("calls a helper without the frame".into()),
                }
            }
            _ => Err("is not among the opcodes of kernels".into()),
        }
    }

    /// The divisor is a constant that cannot trap, or 1 where the guard found it bad.
    fn division(&self, a: Value, b: Value) -> Result<(), String> {
        if self.constant(b).is_some_and(|c| c != 0 && c != -1) {
            return Ok(());
        }
        let guarded = match self.def(b) {
            Some(InstructionData::Ternary { opcode: Opcode::Select, args }) => {
                self.constant(args[1]) == Some(1) && self.is_guard(args[0], a, args[2])
            }
            _ => false,
        };
        if guarded { Ok(()) } else { Err("divides without a guard".into()) }
    }

    /// `b == 0 or (a == least and b == -1)`
    fn is_guard(&self, cond: Value, a: Value, b: Value) -> bool {
        let both = |value, opcode| match self.def(value) {
            Some(InstructionData::Binary { opcode: found, args }) if *found == opcode => Some(*args),
            _ => None,
        };
        let equals = |value, of, constant| match self.def(value) {
            Some(InstructionData::IntCompare { args, cond: IntCC::Equal, .. }) => {
                self.resolve(args[0]) == self.resolve(of) && self.constant(args[1]) == Some(constant)
            }
            _ => false,
        };
        let Some([zero, overflow]) = both(cond, Opcode::Bor) else { return false };
        let Some([least, minus]) = both(overflow, Opcode::Band) else { return false };
        equals(zero, b, 0) && equals(least, a, i64::MIN) && equals(minus, b, -1)
    }

    fn memory(
        &self,
        block: Block,
        address: Value,
        offset: i64,
        width: u32,
        notrap: bool,
        write: bool,
    ) -> Result<(), String> {
        if !notrap {
            return Err("may trap".into());
        }
        let width = i64::from(width);
        if self.resolve(address) == self.frame {
            let inside =
                offset >= 0 && offset % 8 == 0 && width <= 8 && offset + width <= self.map.words() as i64 * 8;
            let fixed = write && !self.may_write_word((offset / 8) as u32);
            return if inside && !fixed {
                Ok(())
            } else {
                Err("is outside of what it may use of the frame".into())
            };
        }
        let Some(InstructionData::Binary { opcode: Opcode::Iadd, args }) = self.def(address) else {
            return Err("has an address of another kind".into());
        };
        let word = self.frame_word(args[0]).ok_or("has an address that is not from the frame")?;
        let size = self.map.pointee(word).ok_or("has an address that is not a column's")? as i64;
        let (index, scale) = match self.def(args[1]) {
            Some(InstructionData::Binary { opcode: Opcode::Ishl, args }) => match self.constant(args[1]) {
                Some(shift @ 0..=4) => (args[0], 1 << shift),
                _ => return Err("is scaled by something else".into()),
            },
            _ => (args[1], 1),
        };
        if scale != size || offset < 0 || offset + width > size {
            return Err("is outside of its element".into());
        }
        if !self.dominators.block_dominates(self.body, block) {
            return Err("is outside of the loop".into());
        }
        if self.is_index(index) { Ok(()) } else { Err("is not at a row of the loop".into()) }
    }

    /// Kernels write what they kept and what helpers take; never addresses.
    fn may_write_word(&self, word: u32) -> bool {
        word == frame::KEPT || (word >= frame::ARGS && word < self.map.data(0))
    }

    /// A counter of the loop, or a row number of the selection.
    fn is_index(&self, value: Value) -> bool {
        let value = self.resolve(value);
        if value == self.at || value == self.kept {
            return true;
        }
        let Some(InstructionData::Unary { opcode: Opcode::Uextend, arg }) = self.def(value) else {
            return false;
        };
        let Some(&InstructionData::Load { arg, .. }) = self.def(*arg) else { return false };
        match self.def(arg) {
            Some(InstructionData::Binary { opcode: Opcode::Iadd, args }) => {
                self.frame_word(args[0]) == Some(frame::SEL_IN)
            }
            _ => false,
        }
    }

    fn resolve(&self, value: Value) -> Value {
        self.func.dfg.resolve_aliases(value)
    }

    fn def(&self, value: Value) -> Option<&InstructionData> {
        match self.func.dfg.value_def(self.resolve(value)) {
            ValueDef::Result(inst, _) => Some(&self.func.dfg.insts[inst]),
            _ => None,
        }
    }

    fn constant(&self, value: Value) -> Option<i64> {
        match self.def(value) {
            Some(InstructionData::UnaryImm { opcode: Opcode::Iconst, imm }) => Some((*imm).into()),
            _ => None,
        }
    }

    /// The word of the frame that a value was loaded from.
    fn frame_word(&self, value: Value) -> Option<u32> {
        match self.def(value) {
            Some(&InstructionData::Load { opcode: Opcode::Load, arg, offset, .. })
                if self.resolve(arg) == self.frame =>
            {
                let offset: i64 = offset.into();
                (offset >= 0 && offset % 8 == 0).then_some((offset / 8) as u32)
            }
            _ => None,
        }
    }
}
