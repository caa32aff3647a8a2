//! Chains: filters, maps and flatMaps over batches.

use super::*;
use flow_plan::catalogue::Func;
use flow_plan::expr::BinaryOp as Op;

fn greater(column: u32, than: i64) -> Expr {
    expr(|e| {
        let (x, y) = (e.col(column, DataType::Int), e.lit(Value::Int(than), DataType::Int));
        e.push(Kind::Binary(Op::Gt, x, y), DataType::Bool);
    })
}

fn sum() -> Expr {
    expr(|e| {
        let (x, y) = (e.col(0, DataType::Int), e.col(1, DataType::Int));
        e.push(Kind::Binary(Op::Add, x, y), DataType::Int);
    })
}

fn column(index: usize, ty: DataType) -> Expr {
    Expr::column(index, ty, Place::default())
}

fn split(text: u32, separator: Option<&str>) -> Expr {
    expr(|e| {
        let mut args = vec![e.col(text, DataType::String)];
        args.extend(separator.map(|s| e.lit(Value::string(s), DataType::String)));
        e.push(Kind::Call(Func::Split, args), DataType::list(DataType::String));
    })
}

#[test]
fn filters_compact_computed_and_passed_columns() {
    let input = record(&[DataType::Int, DataType::Int, DataType::String.optional()]);
    let types = [DataType::Int, DataType::Int, DataType::String.optional()];
    let steps = vec![
        map(vec![sum(), column(1, types[1].clone()), column(2, types[2].clone())]),
        step(StepKind::Filter(greater(0, 3)), input.clone()),
        map(vec![column(2, types[2].clone()), sum(), column(0, DataType::Int), column(1, DataType::Int)]),
        step(
            StepKind::Filter(greater(1, 9)),
            record(&[types[2].clone(), DataType::Int, DataType::Int, DataType::Int]),
        ),
        map(vec![column(0, types[2].clone()), column(2, DataType::Int), greater(3, 4)]),
    ];
    let rows: Vec<_> = (0..40)
        .map(|i| {
            let text =
                if i % 3 == 0 { Value::Null } else { Value::string(format!("row {i} with a long text")) };
            vec![Value::Int(i % 7), Value::Int(i % 11), text]
        })
        .collect();
    agree(&Chain { input, steps }, &rows);
}

#[test]
fn words_of_lines_are_split_and_filtered() {
    let input = record(&[DataType::Int, DataType::String]);
    let unfolded = record(&[DataType::Int, DataType::String, DataType::String]);
    let not_empty = expr(|e| {
        let (x, y) = (e.col(2, DataType::String), e.lit(Value::string(""), DataType::String));
        e.push(Kind::Binary(Op::Ne, x, y), DataType::Bool);
    });
    let lines = [
        "to be or not to be",
        "",
        " ",
        "  a  bee-keepers-association, a long word  ",
        "ünï cödé \u{a0}blanks\u{2003}too",
        "tab\tand\nnewline",
    ];
    let rows: Vec<_> =
        lines.iter().enumerate().map(|(i, l)| vec![Value::Int(i as i64), Value::string(*l)]).collect();
    for separator in [None, Some(" "), Some(", "), Some("e"), Some("")] {
        let steps = vec![
            step(StepKind::FlatMap(split(1, separator)), unfolded.clone()),
            step(StepKind::Filter(not_empty.clone()), unfolded.clone()),
            map(vec![column(2, DataType::String), column(0, DataType::Int)]),
        ];
        agree(&Chain { input: input.clone(), steps }, &rows);
    }
}

#[test]
fn separators_are_found_at_every_place_of_the_scanners_blocks() {
    let input = record(&[DataType::String]);
    let unfolded = record(&[DataType::String, DataType::String]);
    // Separators before, on and behind the borders of a block, in strings that end there, too.
    let line = |n: usize, every: usize| (0..n).map(|i| if i % every == 7 { ' ' } else { 'x' }).collect();
    let lines = (0..140).flat_map(|n| [line(n, 8), line(n, 9), line(n, 57)]);
    let rows: Vec<_> = lines.map(|line: String| vec![Value::string(line)]).collect();
    for separator in [None, Some(" ")] {
        let flat = step(StepKind::FlatMap(split(0, separator)), unfolded.clone());
        let steps = vec![flat, map(vec![column(1, DataType::String)])];
        agree(&Chain { input: input.clone(), steps }, &rows);
    }
}

#[test]
fn many_pieces_come_in_several_batches() {
    let input = record(&[DataType::String]);
    let unfolded = record(&[DataType::String, DataType::String]);
    let steps =
        vec![step(StepKind::FlatMap(split(0, Some(" "))), unfolded), map(vec![column(1, DataType::String)])];
    let chain = Chain { input, steps };
    let line = (0..10_000).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
    let rows = vec![vec![Value::string(line)]; 3];
    let mut out = Vec::new();
    let mut instance = Instance::new(compile(&chain).unwrap());
    assert_eq!(instance.run(&Batch::from_rows(&rows, &chain.input), &mut out), Outcome::Done);
    assert!(out.len() > 3 && out.iter().all(|b| b.len < 5000));
    assert_eq!(out.iter().map(|b| b.len).sum::<usize>(), 30_000);
    agree(&chain, &rows);
}

#[test]
fn lists_of_any_kind_are_unfolded() {
    let list = DataType::list(DataType::Int.optional());
    let input = record(&[list.clone(), DataType::Int]);
    let unfolded = record(&[list.clone(), DataType::Int, DataType::Int.optional()]);
    let steps = vec![step(StepKind::FlatMap(column(0, list)), unfolded)];
    let of = |items: &[Value]| Value::List(items.to_vec().into());
    let rows = vec![
        vec![of(&[Value::Int(1), Value::Null]), Value::Int(7)],
        vec![of(&[]), Value::Int(8)],
        vec![of(&vec![Value::Int(3); 9000]), Value::Int(9)],
    ];
    agree(&Chain { input, steps }, &rows);
}

#[test]
fn a_batch_in_which_nothing_is_left_gives_nothing() {
    let input = record(&[DataType::Int]);
    let chain = Chain { input: input.clone(), steps: vec![step(StepKind::Filter(greater(0, 100)), input)] };
    let mut out = Vec::new();
    let rows = vec![vec![Value::Int(1)]; 5];
    let mut instance = Instance::new(compile(&chain).unwrap());
    assert_eq!(instance.run(&Batch::from_rows(&rows, &chain.input), &mut out), Outcome::Done);
    assert!(out.is_empty());
}

#[test]
fn the_clif_of_a_chain_is_readable() {
    let input = record(&[DataType::Int]);
    let chain = Chain { input: input.clone(), steps: vec![step(StepKind::Filter(greater(0, 100)), input)] };
    let text = crate::clif(&chain).unwrap();
    assert!(text.contains("segment 0, phase 0") && text.contains("icmp sgt"), "{text}");
}

#[test]
fn machine_code_is_freed_with_its_last_user() {
    let input = record(&[DataType::Int]);
    let chain = Chain { input: input.clone(), steps: vec![step(StepKind::Filter(greater(0, 100)), input)] };
    // Other tests compile, too: their modules come and go.
    let mut kept: Vec<_> = (0..200).map(|_| compile(&chain).unwrap()).collect();
    let instance = Instance::new(kept.pop().unwrap());
    assert!(crate::live_modules() >= 200);
    drop(kept);
    drop(instance);
    assert!(crate::live_modules() < 200);
}

#[test]
fn a_text_of_too_many_pieces_is_an_error_although_no_list_is_made() {
    let input = record(&[DataType::String]);
    let pieces = flow_plan::limits::MAX_ITEMS + 1;
    for separator in [Some("-"), None, Some("--")] {
        let unfolded = record(&[DataType::String, DataType::String]);
        let steps = vec![step(StepKind::FlatMap(split(0, separator)), unfolded)];
        let chain = Chain { input: input.clone(), steps };
        let rows = [vec![Value::string(format!("a{}", separator.unwrap_or(" ")).repeat(pieces))]];
        assert_eq!(interpret(&chain, &rows), None, "{separator:?}");
        assert_eq!(execute(&chain, &rows), None, "{separator:?}");
    }
}
