//! The assembler: the few operations kernels are made of, on top of Cranelift's builder.
//!
//! Every kernel has one form, which the verifier insists on: an entry block that loads the frame's
//! addresses, one counted loop over the rows, an exit block. Memory is touched only through
//! [`Asm::frame_load`]/[`Asm::frame_store`] and through columns at the loop's row.

use crate::frame::{self, FrameMap};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, Block, BlockArg, InstBuilder, MemFlagsData, types};
use cranelift_frontend::{FunctionBuilder, Variable};
use std::collections::HashMap;

/// A value of the kernel.
pub(crate) type V = ir::Value;
/// The type of a value.
pub(crate) type Ty = ir::Type;
/// A byte that is 0 or 1.
pub(crate) const I8: Ty = types::I8;
/// A word.
pub(crate) const I64: Ty = types::I64;
/// A float.
pub(crate) const F64: Ty = types::F64;

pub(crate) use cranelift_codegen::ir::condcodes::{FloatCC as FCmp, IntCC as ICmp};

/// A helper the kernel can call.
pub(crate) type Callee = ir::FuncRef;
/// A place for a value that differs by path.
pub(crate) type Var = Variable;
/// A block of the kernel.
pub(crate) type Label = Block;

/// So many addresses are worth a register each.
const KEPT_ADDRESSES: usize = 16;

/// Writes one kernel.
pub(crate) struct Asm<'f> {
    b: FunctionBuilder<'f>,
    map: &'f FrameMap,
    frame: V,
    header: Block,
    exit: Block,
    at: V,
    kept: V,
    row: V,
    errors: Variable,
    addresses: HashMap<u32, V>,
    helpers: Vec<Callee>,
}

/// What a kernel does with selections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selections {
    /// Runs over a selection of the rows, not over all.
    pub(crate) reads: bool,
    /// Writes the rows it keeps.
    pub(crate) writes: bool,
}

impl<'f> Asm<'f> {
    /// Opens the kernel's loop. `words`: words of the frame whose addresses will be used.
    pub(crate) fn begin(
        mut b: FunctionBuilder<'f>,
        map: &'f FrameMap,
        words: &[u32],
        selections: Selections,
        helpers: Vec<Callee>,
    ) -> Asm<'f> {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        let frame = b.block_params(entry)[0];
        let word = |b: &mut FunctionBuilder<'f>, word: u32| {
            let flags = MemFlagsData::trusted().with_readonly().with_can_move();
            b.ins().load(I64, flags, frame, word as i32 * 8)
        };
        let rows = word(&mut b, frame::ROWS);
        let mut addresses = HashMap::new();
        // Few addresses stay in registers; more than there are registers are loaded where they are used.
        let words = if words.len() > KEPT_ADDRESSES { &[] } else { words };
        let selected = [(selections.reads, frame::SEL_IN), (selections.writes, frame::SEL_OUT)];
        let selected = selected.iter().filter(|(used, _)| *used).map(|(_, word)| *word);
        for index in words.iter().copied().chain(selected) {
            addresses.entry(index).or_insert_with(|| word(&mut b, index));
        }
        let (header, body, exit) = (b.create_block(), b.create_block(), b.create_block());
        let at = b.append_block_param(header, I64);
        let kept = b.append_block_param(header, I64);
        let errors = b.declare_var(I64);
        let zero = b.ins().iconst(I64, 0);
        b.def_var(errors, zero);
        b.ins().jump(header, &[BlockArg::Value(zero), BlockArg::Value(zero)]);
        b.switch_to_block(header);
        let more = b.ins().icmp(IntCC::UnsignedLessThan, at, rows);
        b.ins().brif(more, body, &[], exit, &[]);
        b.switch_to_block(body);
        let mut asm = Asm { b, map, frame, header, exit, at, kept, row: at, errors, addresses, helpers };
        if selections.reads {
            let address = asm.element(frame::SEL_IN, at, 2);
            let narrow = asm.b.ins().load(types::I32, Self::flags(true), address, 0);
            asm.row = asm.b.ins().uextend(I64, narrow);
        }
        asm
    }

    /// Closes the loop: `keep` decides whether the row stays in the selection that is written.
    pub(crate) fn finish(mut self, keep: Option<V>, config: cranelift_codegen::isa::TargetFrontendConfig) {
        let next = self.b.ins().iadd_imm_s(self.at, 1);
        let mut kept = self.kept;
        if let Some(keep) = keep {
            let address = self.element(frame::SEL_OUT, self.kept, 2);
            let row = self.b.ins().ireduce(types::I32, self.row);
            self.b.ins().store(Self::flags(false), row, address, 0);
            let more = self.b.ins().iadd_imm_s(self.kept, 1);
            kept = self.b.ins().select(keep, more, self.kept);
        }
        self.b.ins().jump(self.header, &[BlockArg::Value(next), BlockArg::Value(kept)]);
        self.b.switch_to_block(self.exit);
        self.frame_store(frame::KEPT, self.kept);
        let errors = self.b.use_var(self.errors);
        self.b.ins().return_(&[errors]);
        self.b.seal_all_blocks();
        self.b.finalize(config);
    }

    fn flags(readonly: bool) -> MemFlagsData {
        let flags = MemFlagsData::new().with_notrap();
        if readonly { flags.with_readonly() } else { flags }
    }

    fn element(&mut self, word: u32, index: V, shift: u8) -> V {
        let base = match self.addresses.get(&word) {
            Some(&base) => base,
            None => {
                self.b.ins().load(I64, MemFlagsData::trusted().with_readonly(), self.frame, word as i32 * 8)
            }
        };
        let offset = if shift == 0 { index } else { self.b.ins().ishl_imm_u(index, i64::from(shift)) };
        self.b.ins().iadd(base, offset)
    }

    /// The row number in the segment's input.
    pub(crate) fn row(&self) -> V {
        self.row
    }

    /// The position of the loop: the row number among the selected rows.
    pub(crate) fn position(&self) -> V {
        self.at
    }

    /// ORs a word into the kernel's result.
    pub(crate) fn raise(&mut self, bits: V) {
        let old = self.b.use_var(self.errors);
        let new = self.b.ins().bor(old, bits);
        self.b.def_var(self.errors, new);
    }

    /// A word of the frame, as it is now.
    pub(crate) fn frame_load(&mut self, word: u32) -> V {
        self.b.ins().load(I64, MemFlagsData::trusted(), self.frame, word as i32 * 8)
    }

    /// Writes a word of the frame.
    pub(crate) fn frame_store(&mut self, word: u32, value: V) {
        self.b.ins().store(MemFlagsData::trusted(), value, self.frame, word as i32 * 8);
    }

    /// Address of an element of a column.
    pub(crate) fn data_at(&mut self, slot: usize, index: V) -> V {
        self.element(self.map.data(slot), index, self.map.slots[slot].shift())
    }

    /// Address of an element's validity.
    pub(crate) fn validity_at(&mut self, slot: usize, index: V) -> V {
        self.element(self.map.validity(slot), index, 0)
    }

    /// Reads at an address that [`Asm::data_at`] or [`Asm::validity_at`] made.
    pub(crate) fn load(&mut self, ty: Ty, address: V, offset: i32, readonly: bool) -> V {
        self.b.ins().load(ty, Self::flags(readonly), address, offset)
    }

    /// Writes at such an address.
    pub(crate) fn store(&mut self, value: V, address: V, offset: i32) {
        self.b.ins().store(Self::flags(false), value, address, offset);
    }

    /// Calls a helper: all arguments and the result are words. The frame goes first.
    pub(crate) fn call(&mut self, helper: usize, args: &[V]) -> V {
        let callee = self.helpers[helper];
        let mut all = vec![self.frame];
        all.extend_from_slice(args);
        let call = self.b.ins().call(callee, &all);
        self.b.inst_results(call)[0]
    }

    /// A variable.
    pub(crate) fn var(&mut self, ty: Ty) -> Var {
        self.b.declare_var(ty)
    }

    /// Sets a variable.
    pub(crate) fn set(&mut self, var: Var, value: V) {
        self.b.def_var(var, value);
    }

    /// Its value on this path.
    pub(crate) fn get(&mut self, var: Var) -> V {
        self.b.use_var(var)
    }

    /// A new block.
    pub(crate) fn label(&mut self) -> Label {
        self.b.create_block()
    }

    /// Goes on writing there.
    pub(crate) fn place(&mut self, label: Label) {
        self.b.switch_to_block(label);
    }

    /// Jumps.
    pub(crate) fn jump(&mut self, label: Label) {
        self.b.ins().jump(label, &[]);
    }

    /// Jumps one way or the other.
    pub(crate) fn branch(&mut self, cond: V, then: Label, otherwise: Label) {
        self.b.ins().brif(cond, then, &[], otherwise, &[]);
    }

    /// The constant that a value is, if it is one.
    pub(crate) fn constant(&self, value: V) -> Option<i64> {
        let dfg = &self.b.func.dfg;
        let ir::ValueDef::Result(inst, 0) = dfg.value_def(dfg.resolve_aliases(value)) else { return None };
        match dfg.insts[inst] {
            ir::InstructionData::UnaryImm { opcode: ir::Opcode::Iconst, imm } => Some(imm.into()),
            _ => None,
        }
    }

    /// A constant word.
    pub(crate) fn word(&mut self, value: i64) -> V {
        self.b.ins().iconst(I64, value)
    }

    /// A constant byte.
    pub(crate) fn byte(&mut self, value: i64) -> V {
        self.b.ins().iconst(I8, value)
    }

    /// A constant float.
    pub(crate) fn float(&mut self, value: f64) -> V {
        self.b.ins().f64const(ir::immediates::Ieee64::with_float(value))
    }

    /// Widens a byte that is 0 or 1.
    pub(crate) fn widen(&mut self, byte: V) -> V {
        self.b.ins().uextend(I64, byte)
    }

    /// The low byte of a word.
    pub(crate) fn low_byte(&mut self, word: V) -> V {
        self.b.ins().ireduce(I8, word)
    }

    /// The bits of a float.
    pub(crate) fn float_bits(&mut self, value: V) -> V {
        self.b.ins().bitcast(I64, MemFlagsData::new(), value)
    }

    /// The float of these bits.
    pub(crate) fn bits_float(&mut self, value: V) -> V {
        self.b.ins().bitcast(F64, MemFlagsData::new(), value)
    }

    /// Compares words or bytes.
    pub(crate) fn icmp(&mut self, cond: IntCC, a: V, b: V) -> V {
        self.b.ins().icmp(cond, a, b)
    }

    /// Compares with a constant.
    pub(crate) fn icmp_const(&mut self, cond: IntCC, a: V, b: i64) -> V {
        let ty = self.b.func.dfg.value_type(a);
        let b = self.b.ins().iconst(ty, b);
        self.b.ins().icmp(cond, a, b)
    }

    /// Compares floats.
    pub(crate) fn fcmp(&mut self, cond: FloatCC, a: V, b: V) -> V {
        self.b.ins().fcmp(cond, a, b)
    }

    /// Picks without branching.
    pub(crate) fn select(&mut self, cond: V, a: V, b: V) -> V {
        self.b.ins().select(cond, a, b)
    }

    /// Shifts a word left.
    pub(crate) fn shl(&mut self, a: V, bits: i64) -> V {
        self.b.ins().ishl_imm_u(a, bits)
    }

    /// Shifts a word right, filling with zeros.
    pub(crate) fn shr(&mut self, a: V, bits: i64) -> V {
        self.b.ins().ushr_imm_u(a, bits)
    }

    /// `a / b` of ints. The caller guards the divisor with [`Asm::guard`] unless it is a constant.
    pub(crate) fn sdiv(&mut self, a: V, b: V) -> V {
        self.b.ins().sdiv(a, b)
    }

    /// `a % b` of ints, guarded likewise.
    pub(crate) fn srem(&mut self, a: V, b: V) -> V {
        self.b.ins().srem(a, b)
    }

    /// A divisor that cannot trap: (divisor, is the division impossible?).
    pub(crate) fn guard(&mut self, a: V, b: V) -> (V, V) {
        let zero = self.icmp_const(IntCC::Equal, b, 0);
        let least = self.icmp_const(IntCC::Equal, a, i64::MIN);
        let minus = self.icmp_const(IntCC::Equal, b, -1);
        let overflow = self.b.ins().band(least, minus);
        let bad = self.b.ins().bor(zero, overflow);
        let one = self.word(1);
        (self.b.ins().select(bad, one, b), bad)
    }

    /// `a + b` and whether it overflowed.
    pub(crate) fn add_checked(&mut self, a: V, b: V) -> (V, V) {
        self.b.ins().sadd_overflow(a, b)
    }

    /// `a - b` and whether it overflowed.
    pub(crate) fn sub_checked(&mut self, a: V, b: V) -> (V, V) {
        self.b.ins().ssub_overflow(a, b)
    }

    /// `a * b` and whether it overflowed.
    pub(crate) fn mul_checked(&mut self, a: V, b: V) -> (V, V) {
        self.b.ins().smul_overflow(a, b)
    }

    /// A float of an int.
    pub(crate) fn int_to_float(&mut self, a: V) -> V {
        self.b.ins().fcvt_from_sint(F64, a)
    }

    /// An int of a float, toward zero; the nearest int if it does not fit, 0 for NaN.
    pub(crate) fn float_to_int(&mut self, a: V) -> V {
        self.b.ins().fcvt_to_sint_sat(I64, a)
    }
}

macro_rules! binary {
    ($($name:ident $op:ident $doc:literal;)*) => {
        impl Asm<'_> {
            $(#[doc = $doc]
            pub(crate) fn $name(&mut self, a: V, b: V) -> V {
                self.b.ins().$op(a, b)
            })*
        }
    };
}

binary! {
    sub isub "Wrapping difference.";
    and band "Bitwise and.";
    or bor "Bitwise or.";
    xor bxor "Bitwise exclusive or.";
    fadd fadd "Sum of floats.";
    fsub fsub "Difference of floats.";
    fmul fmul "Product of floats.";
    fdiv fdiv "Quotient of floats.";
}

macro_rules! unary {
    ($($name:ident $op:ident $doc:literal;)*) => {
        impl Asm<'_> {
            $(#[doc = $doc]
            pub(crate) fn $name(&mut self, a: V) -> V {
                self.b.ins().$op(a)
            })*
        }
    };
}

unary! {
    swap_bytes bswap "The bytes in reverse order.";
    fneg fneg "The float with the other sign.";
    fabs fabs "The float without its sign.";
    fsqrt sqrt "The square root.";
}
