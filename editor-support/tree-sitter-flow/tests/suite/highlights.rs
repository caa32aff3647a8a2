//! `test/highlight`: scripts whose comments say the colour of what stands above them, in the form of
//! `tree-sitter test`: `//   ^ keyword` speaks of the column of its `^`, `// <- keyword` of the first one.

use crate::queries::captures;
use std::path::Path;

#[test]
fn colours_are_what_the_comments_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/highlight");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let all = captures(tree_sitter_flow::HIGHLIGHTS_QUERY, &text);
        let (mut start, mut above) = (0, 0);
        for (number, line) in text.lines().enumerate() {
            let comment = line.trim_start().strip_prefix("//");
            let said = comment.and_then(|c| match c.trim_start().split_once(' ') {
                Some(("<-", name)) => Some((line.len() - line.trim_start().len(), name)),
                Some(("^", name)) => Some((line.find('^')?, name)),
                _ => None,
            });
            if let Some((column, expected)) = said {
                count += 1;
                let at = above + column;
                let covers = |c: &&(String, usize, String)| (c.1..c.1 + c.2.len()).contains(&at);
                let found = all.iter().rfind(covers).map_or("none", |c| c.0.as_str());
                if found != expected {
                    wrong.push(format!("{}:{}: {found}, not {expected}", file.display(), number + 1));
                }
            } else {
                above = start;
            }
            start += line.len() + 1;
        }
    }
    assert!(count >= 40, "only {count} colours");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
