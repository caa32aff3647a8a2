//! Scripts without a name for their job that were given another file name: known by their texts, as git knows files that
//! were renamed.

use flow_driver::Compilation;
use flow_syntax::FileId;
use flow_syntax::ast::DeclKind;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

/// Of the scripts that are gone, the one that this one was: at least half of the longer text stands in the other one too.
pub(super) fn most(new: &Compilation, gone: &[(PathBuf, Rc<Compilation>)]) -> Option<usize> {
    if named(new) {
        return None;
    }
    let text = |of: &Compilation| of.sources.file(FileId(0)).text.to_string();
    let now = text(new);
    let each = |(index, (_, old)): (usize, &(PathBuf, Rc<Compilation>))| {
        let was = text(old);
        let longer = was.len().max(now.len());
        let shared = shared(&was, &now);
        (!named(old) && shared * 2 >= longer)
            .then_some((shared * 1000 / longer.max(1), std::cmp::Reverse(index)))
    };
    let best = gone.iter().enumerate().filter_map(each).max()?;
    Some(best.1.0)
}

/// Does the script say what its job is called?
fn named(script: &Compilation) -> bool {
    let decls = script.programs.first().into_iter().flat_map(|program| &program.decls);
    decls.into_iter().any(|decl| matches!(decl.kind, DeclKind::Job(_)))
}

/// The bytes of the lines that both texts have.
fn shared(old: &str, new: &str) -> usize {
    let mut lines: HashMap<&str, usize> = HashMap::new();
    old.split_inclusive('\n').for_each(|line| *lines.entry(line).or_default() += 1);
    let mut bytes = 0;
    for line in new.split_inclusive('\n') {
        if let Some(left) = lines.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            bytes += line.len();
        }
    }
    bytes
}
