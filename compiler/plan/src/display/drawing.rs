//! Graphviz and Mermaid.

use super::View;

/// Lines of a box.
fn lines(view: &View) -> Vec<String> {
    let mut lines = vec![[view.kind.as_str(), view.label.as_str()].join(" ").trim_end().to_string()];
    lines.extend((!view.detail.is_empty()).then(|| view.detail.clone()));
    lines.extend(view.parts.iter().map(|(name, what)| format!("{name}: {what}")));
    lines.extend(view.state.iter().map(|state| format!("state {}", state.id)));
    lines.extend(view.guarantee.clone());
    lines
}

/// The Graphviz form.
pub fn dot(head: &str, views: &[View]) -> String {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = format!(
        "digraph flow {{\n  label=\"{}\";\n  node [shape=box, fontname=\"monospace\"];\n",
        quote(head)
    );
    for (index, view) in views.iter().enumerate() {
        let label: String = lines(view).iter().map(|line| quote(line) + "\\l").collect();
        let style = if view.state.is_some() { ", style=bold" } else { "" };
        out.push_str(&format!("  n{index} [label=\"{label}\"{style}];\n"));
    }
    for (index, view) in views.iter().enumerate() {
        for edge in &view.inputs {
            let label = [edge.exchange.as_str(), updating(&views[edge.from])].join(" ");
            let style = if edge.exchange.is_empty() { "" } else { ", style=bold" };
            out.push_str(&format!(
                "  n{} -> n{index} [label=\"{}\"{style}];\n",
                edge.from,
                quote(label.trim())
            ));
        }
    }
    out.push_str("}\n");
    out
}

/// The Mermaid form.
pub fn mermaid(head: &str, views: &[View]) -> String {
    let quote = |text: &str| {
        text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
    };
    let mut out = format!("flowchart TD\n  %% {head}\n");
    for (index, view) in views.iter().enumerate() {
        let label: Vec<String> = lines(view).iter().map(|line| quote(line)).collect();
        out.push_str(&format!("  n{index}[\"{}\"]\n", label.join("<br/>")));
    }
    for (index, view) in views.iter().enumerate() {
        for edge in &view.inputs {
            let label = [edge.exchange.as_str(), updating(&views[edge.from])].join(" ");
            match (label.trim(), edge.exchange.as_str()) {
                ("", _) => out.push_str(&format!("  n{} --> n{index}\n", edge.from)),
                (label, "") => {
                    out.push_str(&format!("  n{} -->|\"{}\"| n{index}\n", edge.from, quote(label)))
                }
                (label, _) => out.push_str(&format!("  n{} ==>|\"{}\"| n{index}\n", edge.from, quote(label))),
            }
        }
    }
    out
}

fn updating(view: &View) -> &str {
    if view.mode.starts_with("updating") { "(updating)" } else { "" }
}
