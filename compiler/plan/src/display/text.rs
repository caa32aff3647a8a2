//! The text form: a tree from sources to sinks. `─` is an edge on which rows stay on their worker,
//! `═` one on which they change it.

use super::View;

/// Draws views as a tree. `head` stands above it.
pub fn text(head: &str, views: &[View]) -> String {
    let mut drawing =
        Drawing { views, readers: readers(views), out: format!("{head}\n"), drawn: vec![false; views.len()] };
    for (index, view) in views.iter().enumerate() {
        if view.inputs.is_empty() {
            drawing.out.push('\n');
            drawing.root(index);
        }
    }
    drawing.out
}

/// Who reads each view, and over which edge.
fn readers(views: &[View]) -> Vec<Vec<(usize, String)>> {
    let mut readers = vec![Vec::new(); views.len()];
    for (index, view) in views.iter().enumerate() {
        for edge in &view.inputs {
            readers[edge.from].push((index, edge.exchange.clone()));
        }
    }
    readers
}

struct Drawing<'a> {
    views: &'a [View],
    readers: Vec<Vec<(usize, String)>>,
    out: String,
    drawn: Vec<bool>,
}

/// What is still to be drawn: a view, the edge to it, and what stands in front of its lines.
struct Todo {
    index: usize,
    exchange: String,
    indent: String,
    branch: Branch,
}

/// How a view hangs on the one above.
#[derive(Clone, Copy)]
enum Branch {
    /// Straight below: it is the only one.
    None,
    /// One of several.
    Middle,
    /// The last of several.
    Last,
}

impl Drawing<'_> {
    fn root(&mut self, root: usize) {
        let line = title(&self.views[root]);
        self.line("", &line);
        self.drawn[root] = true;
        let mut todo = Vec::new();
        self.below(root, "", &mut todo);
        // A stack and not recursion: pipelines can be thousands of stages long.
        while let Some(next) = todo.pop() {
            self.node(next, &mut todo);
        }
    }

    fn line(&mut self, indent: &str, text: &str) {
        self.out.push_str(format!("{indent}{text}").trim_end());
        self.out.push('\n');
    }

    fn node(&mut self, at: Todo, todo: &mut Vec<Todo>) {
        let view = &self.views[at.index];
        let drawn = std::mem::replace(&mut self.drawn[at.index], true);
        let title = if drawn { format!("{} (above)", name(view)) } else { title(view) };
        let indent = match (at.branch, at.exchange.as_str()) {
            (Branch::None, "") => {
                self.line(&at.indent, &title);
                at.indent
            }
            (Branch::None, exchange) => {
                self.line(&at.indent, &format!("║ {exchange}"));
                self.line(&at.indent, &title);
                at.indent
            }
            (branch, exchange) => {
                let last = matches!(branch, Branch::Last);
                let corner = if last { '└' } else { '├' };
                let edge =
                    if exchange.is_empty() { "─".to_string() } else { format!("═ {exchange} ═") };
                self.line(&at.indent, &format!("{corner}{edge} {title}"));
                format!("{}{}", at.indent, if last { "   " } else { "│  " })
            }
        };
        if !drawn {
            self.below(at.index, &indent, todo);
        }
    }

    /// Writes what belongs to a view, and notes who reads it.
    fn below(&mut self, index: usize, indent: &str, todo: &mut Vec<Todo>) {
        let readers = self.readers[index].clone();
        let bar = if readers.is_empty() { ' ' } else { '│' };
        let details = details(&self.views[index]);
        for detail in &details {
            self.line(indent, &format!("{bar}  {detail}"));
        }
        let count = readers.len();
        if details.is_empty() && count == 1 && readers[0].1.is_empty() {
            self.line(indent, "│");
        }
        for (at, (reader, exchange)) in readers.into_iter().enumerate().rev() {
            let branch = match at + 1 {
                _ if count == 1 => Branch::None,
                place if place == count => Branch::Last,
                _ => Branch::Middle,
            };
            todo.push(Todo { index: reader, exchange, indent: indent.to_string(), branch });
        }
    }
}

fn name(view: &View) -> String {
    [view.kind.as_str(), view.label.as_str()].join(" ").trim_end().to_string()
}

fn title(view: &View) -> String {
    let mut title = name(view);
    if !view.detail.is_empty() {
        title.push_str("  ");
        title.push_str(&view.detail);
    }
    if !view.output.is_empty() && view.kind != "chain" {
        title.push_str("  → ");
        title.push_str(&view.output);
    }
    if view.mode != "append" && !view.mode.is_empty() {
        title.push_str(&format!("  [{}]", view.mode));
    }
    title
}

fn details(view: &View) -> Vec<String> {
    let width = view.parts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> =
        view.parts.iter().map(|(name, what)| format!("{name:width$}  {what}")).collect();
    if let Some(state) = &view.state {
        let was = state.was.as_ref().map_or(String::new(), |was| format!(" (was {was})"));
        let bound = if state.bound.is_empty() { String::new() } else { format!(": {}", state.bound) };
        lines.push(format!("state {}{was}{bound}", state.id));
    }
    lines.extend(view.guarantee.iter().cloned());
    lines
}
