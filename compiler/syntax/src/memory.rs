//! Declarations that were read before: what an editor changes between two keys is one of them, and the others need only
//! move. Holds only declarations without mistakes, because what is said of a mistake may depend on what stands around it.

use crate::ast::{Decl, DeclKind, Expr, Exprs};
use crate::shift::{Move, Shift};
use crate::span::FileId;
use std::collections::HashMap;

/// The declarations of the last texts of one file.
#[derive(Debug, Default)]
pub struct Memory {
    known: HashMap<Box<str>, Piece>,
    /// Counts the texts: what the last two did not need is forgotten.
    text: u64,
}

/// A declaration with its expressions, as it stood at the offset and behind so many expressions.
#[derive(Debug)]
struct Piece {
    decl: Decl,
    exprs: Vec<Expr>,
    offset: u32,
    behind: u32,
    used: u64,
}

impl Memory {
    /// Begins with another text.
    pub(crate) fn begin(&mut self) {
        self.text += 1;
        let text = self.text;
        self.known.retain(|_, piece| piece.used + 2 > text);
    }

    /// The declaration with this text, if it is known: for this offset, its expressions put behind those there are.
    pub(crate) fn recall(
        &mut self,
        text: &str,
        offset: u32,
        file: FileId,
        exprs: &mut Exprs,
    ) -> Option<Decl> {
        let piece = self.known.get_mut(text)?;
        piece.used = self.text;
        let by = Shift {
            file,
            bytes: offset.wrapping_sub(piece.offset),
            exprs: (exprs.len() as u32).wrapping_sub(piece.behind),
        };
        for expr in &piece.exprs {
            let mut expr = expr.clone();
            expr.shift(by);
            exprs.add(expr.kind, expr.span);
        }
        let mut decl = piece.decl.clone();
        decl.shift(by);
        Some(decl)
    }

    /// Is a declaration with this text known? And where the result of its block begins in it, if it is a function with one.
    pub(crate) fn body(&self, text: &str) -> Option<Option<u32>> {
        let piece = self.known.get(text)?;
        Some(match &piece.decl.kind {
            DeclKind::Fn(function) if function.block => {
                let body = &piece.exprs[(function.body.0 - piece.behind) as usize];
                Some(body.span.start - piece.offset)
            }
            _ => None,
        })
    }

    /// Keeps a declaration whose expressions stand in the arena from `behind` on.
    pub(crate) fn keep(&mut self, text: &str, offset: u32, decl: &Decl, exprs: &Exprs, behind: usize) {
        let own = exprs.iter().skip(behind).map(|(_, expr)| expr.clone()).collect();
        let piece = Piece { decl: decl.clone(), exprs: own, offset, behind: behind as u32, used: self.text };
        self.known.insert(text.into(), piece);
    }
}
