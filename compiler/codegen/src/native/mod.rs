//! The only door to Cranelift: the assembler that kernels are written with, the verifier that
//! every finished kernel passes, and the module that holds the machine code.

pub(crate) mod asm;
pub(crate) mod jit;
#[cfg(test)]
mod tests;
pub(crate) mod verify;
