use super::*;
use crate::catalogue::{AggFunc, Func};
use crate::expr::{BinaryOp, Kind, OnFail};
use crate::operator::{DeclarationKind, OnError, OperatorKind, RunningTrigger};
use crate::passes::lower;
use crate::sketch::{Sketch, binary, call, col, int, node, record, text as lit, word_count};
use crate::types::DataType;

#[test]
fn word_count_is_drawn_as_one_line_of_operators() {
    let plan = word_count();
    let graph = lower(&plan).unwrap();
    let expected = "\
job · a worker per core · checkpoint every 10s · exactly once · stop at record errors

source text  file(format: json)  → { line: string }
│
chain
│  counts.flatMap    each word in split(lower(line))
│  counts.filter     where len(word) > 0
│  counts.aggregate  { word }
║ by word
aggregate counts.aggregate  emits at the end  → { word: string, n: int }
│  n  count()
│  state counts.aggregate: an entry per key, kept for ever
║ gather
sink out  stdout(format: json)
   at least once: `stdout` cannot take rows back
";
    assert_eq!(text(&job_line(&graph.job), &graph_views(&graph)), expected);
}

fn two_sinks() -> crate::operator::Plan {
    let mut sketch = Sketch::default();
    let source = sketch.source("bids", &[("auction", DataType::Int), ("price", DataType::Int)]);
    sketch.declare("totals", DeclarationKind::Stream, OnError::Fail);
    let total = vec![("total", AggFunc::Sum, Some(col(1, DataType::Int)), DataType::Int)];
    sketch.aggregate(vec![0], RunningTrigger::EachRow, total);
    sketch.sink("running", "stdout");
    let columns = record(&[("auction", DataType::Int), ("price", DataType::Int)]);
    sketch.declare("dear", DeclarationKind::Stream, OnError::Fail);
    let cond = binary(BinaryOp::Gt, col(1, DataType::Int), int(100));
    sketch.operator("filter", OperatorKind::Filter { cond }, &[source], columns);
    sketch.sink("hot", "file");
    sketch.plan
}

#[test]
fn a_stream_with_two_readers_branches() {
    let graph = lower(&two_sinks()).unwrap();
    let expected = "\
job

source bids  file(format: json)  → { auction: int, price: int }
├═ by auction ═ aggregate totals.aggregate  emits at each row  → { auction: int, total: int }  [updating by auction]
│  │  total  sum(price)
│  │  state totals.aggregate: an entry per key, kept for ever
│  ║ gather
│  sink running  stdout(format: json)  [updating by auction]
│     at least once: `stdout` cannot take rows back
└─ chain
   │  dear.filter  where price > 100
   sink hot  file(format: json)
      exactly once
";
    assert_eq!(text("job", &graph_views(&graph)), expected);
}

#[test]
fn the_logical_plan_shows_the_stages() {
    let views = plan_views(&two_sinks());
    let lines: Vec<String> = views.iter().map(|v| format!("{} {} {}", v.kind, v.label, v.mode)).collect();
    assert_eq!(
        lines,
        [
            "source bids append",
            "aggregate totals.aggregate updating by auction",
            "sink running updating",
            "filter dear.filter append",
            "sink hot append"
        ]
    );
}

#[test]
fn graphviz_and_mermaid_have_a_box_per_node_and_an_arrow_per_edge() {
    let graph = lower(&word_count()).unwrap();
    let dot = dot("words", &graph_views(&graph));
    assert_eq!(dot.matches("[label=\"").count(), graph.nodes.len() + 3);
    assert!(dot.contains("  n1 -> n2 [label=\"by word\", style=bold];\n"), "{dot}");
    let mermaid = mermaid("words", &graph_views(&graph));
    assert!(
        mermaid.starts_with("flowchart TD\n  %% words\n  n0[\"source text<br/>file(format: json)\"]\n"),
        "{mermaid}"
    );
    assert!(mermaid.contains("  n1 ==>|\"by word\"| n2\n"), "{mermaid}");
    assert!(mermaid.contains("where len(word) &gt; 0"), "{mermaid}");
}

#[test]
fn the_json_form_has_a_version_and_both_plans() {
    let plan = word_count();
    let graph = lower(&plan).unwrap();
    let json = json(&plan.job, &plan_views(&plan), Some(&graph_views(&graph)));
    assert_eq!(json["format_version"], 1);
    assert_eq!(json["operators"].as_array().map(Vec::len), Some(plan.operators.len()));
    assert_eq!(json["graph"][2]["inputs"][0]["exchange"], "by word");
    assert_eq!(json["graph"][2]["state"]["id"], "counts.aggregate");
}

fn shown(expr: &crate::Expr) -> String {
    expression(expr, &record(&[("a", DataType::Int), ("s", DataType::String), ("odd name", DataType::Int)]))
}

#[test]
fn expressions_have_the_brackets_they_need_and_no_others() {
    let a = || col(0, DataType::Int);
    let sum = || binary(BinaryOp::Add, a(), int(1));
    assert_eq!(shown(&binary(BinaryOp::Mul, sum(), sum())), "(a + 1) * (a + 1)");
    assert_eq!(shown(&binary(BinaryOp::Add, binary(BinaryOp::Mul, a(), int(2)), a())), "a * 2 + a");
    assert_eq!(shown(&binary(BinaryOp::Sub, a(), binary(BinaryOp::Sub, a(), int(1)))), "a - (a - 1)");
    assert_eq!(shown(&col(2, DataType::Int)), "`odd name`");
}

#[test]
fn interpolation_and_casts_look_as_they_are_written() {
    let text = node(&[col(0, DataType::Int)], DataType::String, |ids| Kind::Cast(ids[0], OnFail::Error));
    let both = call(Func::Concat, &[lit("n = {"), text], DataType::String);
    assert_eq!(shown(&both), "\"n = {{{a}\"");
    let tried =
        node(&[col(1, DataType::String)], DataType::Int.optional(), |ids| Kind::Cast(ids[0], OnFail::Null));
    assert_eq!(shown(&tried), "tryInt(s)");
}

#[test]
fn a_sum_of_thousands_of_terms_is_cut() {
    let mut expr = int(0);
    for _ in 0..5000 {
        expr = {
            let a = expr.root();
            let one = expr.push(Kind::Literal(crate::Value::Int(1)), DataType::Int, Default::default());
            expr.push(Kind::Binary(BinaryOp::Add, a, one), DataType::Int, Default::default());
            expr
        };
    }
    assert!(shown(&expr).chars().count() < 200);
}
