//! The module that holds a chain's machine code, from CLIF to memory and back.

use super::asm::{Asm, Selections};
use super::verify;
use crate::frame::FrameMap;
use cranelift_codegen::ir::{AbiParam, Function, UserFuncName, types};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{Context, ir};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module, default_libcall_names};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A kernel: takes the frame, gives the error word.
// SAFETY: calling one is unsafe because it trusts the addresses in its frame, see [`Code::run`].
pub(crate) type KernelFn = unsafe extern "C" fn(*mut u64) -> u64;

/// A function of the runtime that kernels may call: it takes the frame and words, gives a word,
/// and never unwinds.
#[derive(Clone, Copy)]
pub(crate) struct Helper {
    /// What it is called in CLIF.
    pub(crate) name: &'static str,
    /// Where it is.
    pub(crate) address: *const u8,
    /// Words it takes besides the frame.
    pub(crate) params: usize,
}

// SAFETY: the address is that of a function, which does not change and belongs to no thread.
unsafe impl Sync for Helper {}
// SAFETY: as above.
unsafe impl Send for Helper {}

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// How many modules of machine code are in memory.
pub fn live_modules() -> usize {
    LIVE.load(Ordering::SeqCst)
}

pub(super) fn isa() -> Result<OwnedTargetIsa, String> {
    static ISA: OnceLock<Result<OwnedTargetIsa, String>> = OnceLock::new();
    ISA.get_or_init(|| {
        let mut flags = settings::builder();
        let verifier = if cfg!(debug_assertions) { "true" } else { "false" };
        let wanted = [
            ("opt_level", "speed"),
            ("use_colocated_libcalls", "false"),
            ("is_pic", "false"),
            ("unwind_info", "false"),
            ("enable_verifier", verifier),
        ];
        for (name, value) in wanted {
            flags.set(name, value).map_err(|e| e.to_string())?;
        }
        let builder = cranelift_native::builder()?;
        builder.finish(settings::Flags::new(flags)).map_err(|e| e.to_string())
    })
    .clone()
}

/// Puts kernels into one module.
pub(crate) struct Assembler {
    module: JITModule,
    context: Context,
    builder: FunctionBuilderContext,
    helpers: &'static [Helper],
    callees: Vec<FuncId>,
    kernels: Vec<FuncId>,
    text: Option<String>,
}

impl Assembler {
    /// An empty module; `keep_text`: remember the CLIF of every kernel.
    pub(crate) fn new(helpers: &'static [Helper], keep_text: bool) -> Result<Assembler, String> {
        let mut builder = JITBuilder::with_isa(isa()?, default_libcall_names());
        for helper in helpers {
            builder.symbol(helper.name, helper.address);
        }
        let mut module = JITModule::new(builder);
        LIVE.fetch_add(1, Ordering::SeqCst);
        let mut callees = Vec::with_capacity(helpers.len());
        for helper in helpers {
            let mut signature = module.make_signature();
            signature.params = vec![AbiParam::new(types::I64); helper.params + 1];
            signature.returns = vec![AbiParam::new(types::I64)];
            let declared = module.declare_function(helper.name, Linkage::Import, &signature);
            callees.push(declared.map_err(|e| e.to_string())?);
        }
        let context = module.make_context();
        let builder = FunctionBuilderContext::new();
        let text = keep_text.then(String::new);
        Ok(Assembler { module, context, builder, helpers, callees, kernels: Vec::new(), text })
    }

    /// Writes, verifies and compiles one kernel; its number among the module's kernels.
    pub(crate) fn kernel(
        &mut self,
        title: &str,
        map: &FrameMap,
        words: &[u32],
        selections: Selections,
        write: impl FnOnce(Asm<'_>, cranelift_codegen::isa::TargetFrontendConfig),
    ) -> Result<usize, String> {
        let mut signature = self.module.make_signature();
        signature.params.push(AbiParam::new(types::I64));
        signature.returns.push(AbiParam::new(types::I64));
        let id = self.module.declare_anonymous_function(&signature).map_err(|e| e.to_string())?;
        self.context.func = Function::with_name_signature(UserFuncName::user(0, id.as_u32()), signature);
        let func = &mut self.context.func;
        let callees: Vec<ir::FuncRef> =
            self.callees.iter().map(|&id| self.module.declare_func_in_func(id, func)).collect();
        let config = self.module.target_config();
        let builder = FunctionBuilder::new(func, &mut self.builder);
        write(Asm::begin(builder, map, words, selections, callees.clone()), config);
        verify::check(&self.context.func, map, &callees).map_err(|fault| {
            format!("the kernel of {title} is refused: {fault}\n{}", self.context.func.display())
        })?;
        if let Some(text) = &mut self.text {
            text.push_str(&format!("; {title}\n"));
            for (callee, helper) in callees.iter().zip(self.helpers) {
                if self.context.func.display().to_string().contains(&format!("call {callee}(")) {
                    text.push_str(&format!("; {callee} = {}\n", helper.name));
                }
            }
            text.push_str(&self.context.func.display().to_string());
            text.push('\n');
        }
        self.module.define_function(id, &mut self.context).map_err(|e| format!("{e:?}"))?;
        self.module.clear_context(&mut self.context);
        self.kernels.push(id);
        Ok(self.kernels.len() - 1)
    }

    /// The CLIF of all kernels so far.
    pub(crate) fn take_text(&mut self) -> String {
        self.text.take().unwrap_or_default()
    }

    /// Makes the code executable.
    pub(crate) fn finish(mut self) -> Result<Code, String> {
        let done = self.module.finalize_definitions();
        let kernels = self
            .kernels
            .iter()
            .filter(|_| done.is_ok())
            .map(|&id| {
                let address = self.module.get_finalized_function(id);
                // SAFETY: the function was compiled with exactly this signature.
                unsafe { std::mem::transmute::<*const u8, KernelFn>(address) }
            })
            .collect();
        let code = Code { module: Some(self.module), kernels };
        done.map(|()| code).map_err(|e| e.to_string())
    }
}

/// Machine code; its memory is freed with it.
pub(crate) struct Code {
    module: Option<JITModule>,
    kernels: Vec<KernelFn>,
}

// SAFETY: after `finish` the module is never touched again until it is dropped by its last owner;
// the kernels keep no state of their own.
unsafe impl Sync for Code {}

impl Code {
    /// Runs a kernel.
    ///
    /// # Safety
    /// The frame must be laid out as the kernel's [`FrameMap`] says: every address it uses points
    /// at as many elements as the kernel reads or writes, and the host word at the driver's state.
    pub(crate) unsafe fn run(&self, kernel: usize, frame: *mut u64) -> u64 {
        // SAFETY: by the caller's word; the code is alive as long as `self`.
        unsafe { self.kernels[kernel](frame) }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: kernels are only run through `&self`, so none is running and none will.
            unsafe { module.free_memory() };
            LIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
