//! Kernels with a planted fault: the verifier names each.

use super::{jit, verify};
use crate::frame::{self, FrameMap, Shape};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AbiParam, BlockArg, FuncRef, Function, InstBuilder, MemFlagsData, Signature, UserFuncName, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

type B<'a> = FunctionBuilder<'a>;

/// What the planted code can use.
struct Spot {
    frame: ir::Value,
    at: ir::Value,
    /// The address in the first slot's word.
    column: ir::Value,
    helper: FuncRef,
    stranger: FuncRef,
}

fn map() -> FrameMap {
    FrameMap::new(1, vec![Shape::I64, Shape::View])
}

fn signature(params: usize) -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params = vec![AbiParam::new(types::I64); params];
    signature.returns = vec![AbiParam::new(types::I64)];
    signature
}

/// A good kernel with `plant` in the body of its loop, `step` added to its counter a row.
fn check<R>(step: i64, plant: impl FnOnce(&mut B<'_>, &Spot) -> R) -> Result<(), String> {
    let mut func = Function::with_name_signature(UserFuncName::user(0, 0), signature(1));
    let mut context = FunctionBuilderContext::new();
    let mut b = FunctionBuilder::new(&mut func, &mut context);
    let import = |b: &mut B<'_>, index| {
        let signature = b.import_signature(signature(2));
        let name = b.func.declare_imported_user_function(ir::UserExternalName { namespace: 0, index });
        let name = ir::ExternalName::user(name);
        b.import_function(ir::ExtFuncData { name, signature, colocated: false, patchable: false })
    };
    let (helper, stranger) = (import(&mut b, 1), import(&mut b, 2));
    let (entry, header, body, exit) =
        (b.create_block(), b.create_block(), b.create_block(), b.create_block());
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let frame = b.block_params(entry)[0];
    let rows = b.ins().load(types::I64, MemFlagsData::trusted(), frame, frame::ROWS as i32 * 8);
    let column = b.ins().load(types::I64, MemFlagsData::trusted(), frame, map().data(0) as i32 * 8);
    let zero = b.ins().iconst(types::I64, 0);
    let at = b.append_block_param(header, types::I64);
    let kept = b.append_block_param(header, types::I64);
    b.ins().jump(header, &[BlockArg::Value(zero), BlockArg::Value(zero)]);
    b.switch_to_block(header);
    let more = b.ins().icmp(IntCC::UnsignedLessThan, at, rows);
    b.ins().brif(more, body, &[], exit, &[]);
    b.switch_to_block(body);
    plant(&mut b, &Spot { frame, at, column, helper, stranger });
    let next = b.ins().iadd_imm_s(at, step);
    b.ins().jump(header, &[BlockArg::Value(next), BlockArg::Value(kept)]);
    b.switch_to_block(exit);
    b.ins().return_(&[zero]);
    b.seal_all_blocks();
    let config = jit::isa().expect("this machine is known").frontend_config();
    b.finalize(config);
    verify::check(&func, &map(), &[helper])
}

fn refused<R>(plant: impl FnOnce(&mut B<'_>, &Spot) -> R, because: &str) {
    let fault = check(1, plant).expect_err(because);
    assert!(fault.contains(because), "{fault}");
}

#[test]
fn a_kernel_without_faults_passes() {
    let good = check(1, |b, spot| {
        let offset = b.ins().ishl_imm_u(spot.at, 3);
        let address = b.ins().iadd(spot.column, offset);
        let value = b.ins().load(types::I64, MemFlagsData::trusted(), address, 0);
        let call = b.ins().call(spot.helper, &[spot.frame, value]);
        let result = b.inst_results(call)[0];
        b.ins().store(MemFlagsData::trusted(), result, address, 0);
        b.ins().store(MemFlagsData::trusted(), result, spot.frame, frame::ARGS as i32 * 8);
    });
    assert_eq!(good, Ok(()));
}

#[test]
fn a_trap_is_refused() {
    refused(|b, spot| b.ins().trapz(spot.at, ir::TrapCode::user(1).unwrap()), "not among the opcodes");
}

#[test]
fn a_division_that_may_trap_is_refused() {
    refused(|b, spot| b.ins().sdiv(spot.column, spot.at), "divides without a guard");
    refused(
        |b, spot| {
            let minus = b.ins().iconst(types::I64, -1);
            b.ins().srem(spot.at, minus);
        },
        "divides without a guard",
    );
    refused(
        |b, spot| {
            // A guard that forgets the least int by -1.
            let zero = b.ins().icmp_imm_s(IntCC::Equal, spot.at, 0);
            let one = b.ins().iconst(types::I64, 1);
            let divisor = b.ins().select(zero, one, spot.at);
            b.ins().sdiv(spot.column, divisor);
        },
        "divides without a guard",
    );
}

#[test]
fn a_conversion_that_may_trap_is_refused() {
    refused(
        |b, _| {
            let x = b.ins().f64const(1.0);
            b.ins().fcvt_to_sint(types::I64, x);
        },
        "not among the opcodes",
    );
}

#[test]
fn a_call_of_anything_but_a_helper_is_refused() {
    refused(|b, spot| b.ins().call(spot.stranger, &[spot.frame, spot.at]), "no helper");
    refused(|b, spot| b.ins().call(spot.helper, &[spot.at, spot.at]), "without the frame");
    refused(
        |b, spot| {
            let signature = b.import_signature(signature(1));
            b.ins().call_indirect(signature, spot.column, &[spot.frame]);
        },
        "not among the opcodes",
    );
}

#[test]
fn memory_outside_of_the_frame_is_refused() {
    let load = |offset: i32| {
        move |b: &mut B<'_>, spot: &Spot| {
            b.ins().load(types::I64, MemFlagsData::trusted(), spot.frame, offset)
        }
    };
    refused(load(map().words() as i32 * 8), "outside of what it may use");
    refused(load(-8), "outside of what it may use");
    refused(
        |b, spot| b.ins().load(types::I64, MemFlagsData::trusted(), spot.column, 0),
        "address of another kind",
    );
}

#[test]
fn an_address_of_the_frame_cannot_be_overwritten() {
    for word in [frame::HOST, frame::SEL_IN, map().data(0)] {
        refused(
            |b, spot| b.ins().store(MemFlagsData::trusted(), spot.at, spot.frame, word as i32 * 8),
            "outside of what it may use",
        );
    }
}

#[test]
fn an_element_at_anything_but_the_loops_row_is_refused() {
    let element = |index: fn(&mut B<'_>, &Spot) -> ir::Value, shift: i64, offset: i32| {
        move |b: &mut B<'_>, spot: &Spot| {
            let index = index(b, spot);
            let scaled = b.ins().ishl_imm_u(index, shift);
            let address = b.ins().iadd(spot.column, scaled);
            b.ins().load(types::I64, MemFlagsData::trusted(), address, offset);
        }
    };
    refused(element(|b, spot| b.ins().iadd_imm_s(spot.at, 1), 3, 0), "not at a row of the loop");
    refused(element(|_, spot| spot.column, 3, 0), "not at a row of the loop");
    refused(element(|_, spot| spot.at, 4, 0), "outside of its element");
    refused(element(|_, spot| spot.at, 3, 8), "outside of its element");
}

#[test]
fn memory_that_may_trap_is_refused() {
    refused(|b, spot| b.ins().load(types::I64, MemFlagsData::new(), spot.frame, 0), "may trap");
}

#[test]
fn a_loop_that_does_not_count_its_rows_one_by_one_is_refused() {
    assert!(check(2, |_, _| {}).unwrap_err().contains("does not count"));
    assert!(check(0, |_, _| {}).unwrap_err().contains("does not count"));
}

#[test]
fn a_second_loop_is_refused() {
    refused(
        |b, spot| {
            let (again, out) = (b.create_block(), b.create_block());
            b.ins().jump(again, &[]);
            b.switch_to_block(again);
            b.ins().brif(spot.at, again, &[], out, &[]);
            b.switch_to_block(out);
        },
        "more than one loop",
    );
}
