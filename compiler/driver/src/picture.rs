//! A plan as an SVG picture: boxes in rows from the sources down to the sinks. Needs no other program.

use flow_plan::display::View;
use std::fmt::Write as _;

/// Tenths of a pixel a letter is wide; then, in pixels, the height of a line, the inner margin of a box, the space between
/// boxes.
const LETTER: usize = 73;
const LINE: usize = 16;
const INNER: usize = 8;
const BETWEEN: (usize, usize) = (28, 44);
/// Letters of a line at most; what is longer is cut.
const LETTERS: usize = 64;

struct Box {
    lines: Vec<String>,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The picture of a plan's views, as `flow plan --graph svg` prints it.
pub fn svg(head: &str, views: &[View]) -> String {
    let (boxes, width, height) = placed(views);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"12\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
         <path d=\"M0 0 L8 4 L0 8 z\" fill=\"#5b6b7b\"/></marker></defs>\n",
        escape(head)
    );
    for (index, view) in views.iter().enumerate() {
        for edge in &view.inputs {
            line(&mut out, &boxes[edge.from], &boxes[index], &edge.exchange);
        }
    }
    for (view, place) in views.iter().zip(&boxes) {
        let (fill, stroke) = match (view.kind.as_str(), view.state.is_some()) {
            ("source" | "table", _) => ("#e8f3ec", "#2f7d4f"),
            ("sink", _) => ("#eceffb", "#3c55b0"),
            (_, true) => ("#fdf1dc", "#b06f12"),
            _ => ("#f4f5f7", "#8a96a3"),
        };
        let Box { x, y, width, height, .. } = place;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"5\" fill=\"{fill}\" stroke=\"{stroke}\"/>"
        );
        for (number, text) in place.lines.iter().enumerate() {
            let weight = if number == 0 { " font-weight=\"bold\"" } else { "" };
            let (x, y) = (x + INNER, y + INNER + LINE * number + 11);
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\"{weight} fill=\"#1f2933\" xml:space=\"preserve\">{}</text>",
                escape(text)
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

/// An arrow; how rows change the worker stands beside it.
fn line(out: &mut String, from: &Box, to: &Box, exchange: &str) {
    let (x1, y1) = (from.x + from.width / 2, from.y + from.height);
    let (x2, y2) = (to.x + to.width / 2, to.y);
    let middle = (y1 + y2) / 2;
    let stroke = if exchange.is_empty() { "1.2" } else { "2.4" };
    let _ = writeln!(
        out,
        "<path d=\"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}\" fill=\"none\" stroke=\"#5b6b7b\" stroke-width=\"{stroke}\" marker-end=\"url(#a)\"/>"
    );
    if !exchange.is_empty() {
        let (x, y) = ((x1 + x2) / 2 + 8, middle + 4);
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" fill=\"#5b6b7b\">{}</text>", escape(exchange));
    }
}

fn lines(view: &View) -> Vec<String> {
    let mut lines = vec![match view.label.is_empty() {
        true => view.kind.clone(),
        false => format!("{} {}", view.kind, view.label),
    }];
    lines.extend((!view.detail.is_empty()).then(|| view.detail.clone()));
    lines.extend(view.parts.iter().map(|(name, does)| format!("{name}  {does}").replace('\n', " ")));
    lines.extend(view.state.as_ref().map(|state| format!("state {}", state.id)));
    lines.extend(view.guarantee.clone());
    let cut = |line: String| match line.chars().count() > LETTERS {
        true => line.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => line,
    };
    lines.into_iter().map(cut).collect()
}

/// Each view below all it reads; and the size of the whole.
fn placed(views: &[View]) -> (Vec<Box>, usize, usize) {
    let mut row = vec![0usize; views.len()];
    for _ in 0..views.len() {
        for (index, view) in views.iter().enumerate() {
            let below = view.inputs.iter().map(|edge| row[edge.from] + 1).max().unwrap_or(0);
            row[index] = row[index].max(below);
        }
    }
    // What reads nothing stands right above the first that reads it.
    for (index, _) in views.iter().enumerate().filter(|(_, view)| view.inputs.is_empty()) {
        let reads = |view: &&View| view.inputs.iter().any(|edge| edge.from == index);
        let first = views.iter().zip(&row).filter(|(view, _)| reads(view)).map(|(_, row)| *row).min();
        row[index] = first.unwrap_or(1).saturating_sub(1);
    }
    let mut boxes: Vec<Box> = views
        .iter()
        .map(|view| {
            let lines = lines(view);
            let letters = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
            let (width, height) = (letters * LETTER / 10 + 2 * INNER + 4, lines.len() * LINE + 2 * INNER);
            Box { lines, x: 0, y: 0, width, height }
        })
        .collect();
    let rows = row.iter().max().map_or(0, |last| last + 1);
    let (mut y, mut width) = (BETWEEN.0, 0);
    let mut extents = Vec::with_capacity(rows);
    for number in 0..rows {
        let mut x = BETWEEN.0;
        let mut tallest = 0;
        for (place, _) in boxes.iter_mut().zip(&row).filter(|(_, row)| **row == number) {
            (place.x, place.y) = (x, y);
            x += place.width + BETWEEN.0;
            tallest = tallest.max(place.height);
        }
        extents.push(x);
        width = width.max(x);
        y += tallest + BETWEEN.1;
    }
    for (place, row) in boxes.iter_mut().zip(&row) {
        place.x += (width - extents[*row]) / 2;
    }
    (boxes, width, y - BETWEEN.1 + BETWEEN.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
