//! Pieces that may have been misread: one mistake is one diagnostic, so that nothing more is said of them.
//!
//! Knows no grammar; what is doubted follows from what was reported in a piece, and where.

use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{BAD_CHARACTER, FOREIGN_WORD, UNCLOSED_BRACKET, UNCLOSED_STRING, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::span::Span;

/// A piece was read, and what was reported in it stands from `before` on. Where a quote or a bracket was missing,
/// other words of the syntax follow from that; and nothing is known of what stands in the piece.
pub(crate) fn doubt(shared: &mut Shared<'_>, toks: &[Tok], before: usize) {
    if shared.diagnostics.is_empty() {
        return;
    }
    // What was said of signs may have been taken back.
    let before = before.min(shared.diagnostics.len());
    let (Some(first), Some(last)) = (toks.first(), toks.last()) else { return };
    let piece = Span { end: last.end, ..first.span(shared.file) };
    let unpaired = shared.diagnostics[..before].iter().any(|d| is_unpaired(d) && stands_in(d, piece));
    if unpaired {
        let mut index = 0;
        shared.diagnostics.retain(|d| {
            index += 1;
            index <= before || d.code != UNEXPECTED_TOKEN
        });
    }
    // Something is there, which nobody can read.
    let unreadable: Vec<u32> = unreadable(shared).collect();
    let text = shared.text;
    let mut index = 0;
    shared.diagnostics.retain(|d| {
        index += 1;
        let at = d.primary.span;
        let gap = |unread: u32| text.get(at.end as usize..unread as usize);
        let is_next = |unread: &u32| gap(*unread).is_some_and(|gap| gap.trim().is_empty());
        index <= before || d.code != UNEXPECTED_TOKEN || at.start < at.end || !unreadable.iter().any(is_next)
    });
    if unpaired || shared.diagnostics[before..].iter().any(misleads) {
        shared.doubtful.push(piece);
    }
}

/// Where characters stand that mean nothing.
pub(super) fn unreadable(shared: &Shared<'_>) -> impl Iterator<Item = u32> {
    let unread = shared.diagnostics.iter().filter(|d| d.code == BAD_CHARACTER && !is_sure(d));
    unread.map(|d| d.primary.span.start)
}

/// Is it about a quote or a bracket that is missing, or a character nobody can read?
fn is_unpaired(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.code, UNCLOSED_BRACKET | UNCLOSED_STRING)
        || diagnostic.code == BAD_CHARACTER && !is_sure(diagnostic)
}

/// May what was read around it be something else than what was meant?
fn misleads(diagnostic: &Diagnostic) -> bool {
    match diagnostic.code {
        UNCLOSED_BRACKET | UNCLOSED_STRING => true,
        UNEXPECTED_TOKEN | FOREIGN_WORD | BAD_CHARACTER => !is_sure(diagnostic),
        _ => false,
    }
}

/// Is there no doubt about what was meant?
fn is_sure(diagnostic: &Diagnostic) -> bool {
    diagnostic.fixes.iter().any(|fix| fix.applicability == Applicability::MachineApplicable)
}

fn stands_in(diagnostic: &Diagnostic, piece: Span) -> bool {
    let at = diagnostic.primary.span;
    piece.start <= at.start && at.end <= piece.end
}

/// The name that a declaration without its word seems to give: `name = …`, `sou name: …`.
pub(crate) fn declared_name(toks: &[Tok]) -> Option<Tok> {
    let class = |index: usize| toks.get(index).map_or(0, |t| t.class);
    let first = *toks.first().filter(|t| t.is_name())?;
    match (class(1), class(2)) {
        (b'=' | b':', _) => Some(first),
        (b'a'..=b'z', b'=' | b':' | b'(' | b'{' | b'k') => toks.get(1).copied(),
        _ => None,
    }
}
