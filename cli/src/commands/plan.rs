//! `flow plan`: what a script becomes. Shows the graph that runs; of a script that cannot run yet, the
//! operators as the checker sees them.

use crate::args::{Cli, Graph as GraphLanguage, Plan as Args};
use crate::render;
use crate::script;
use crate::status::{Outcome, Status, Stop};
use crate::{output, terminal};
use flow_driver::Options;
use flow_env::Env;
use flow_plan::display::{self, View, graph_views, job_line, plan_views};
use flow_plan::physical::{Graph, NodeKind};
use flow_syntax::{Diagnostic, codes};

pub(super) fn run(cli: &Cli, args: &Args) -> Outcome {
    let env = Env::real();
    let options = Options { params: script::params(&args.params)?, ..Options::default() };
    let compiled = script::compile(&args.file, &options, &env)?;
    let runnable = compiled.plan.as_ref().map(flow_driver::runnable);
    let mut said: Vec<Diagnostic> = compiled.diagnostics.clone();
    if let Some(Err(findings)) = &runnable {
        // Said here as what it is.
        said.retain(|d| d.code != codes::CANNOT_RUN_YET);
        said.extend(findings.iter().cloned());
    }
    output::say(&render::report(&said, &compiled.sources, terminal::stderr(&cli.shown)));
    let (Some(plan), Some(runnable)) = (&compiled.plan, &runnable) else {
        return Ok(Status::of_wrong(&compiled));
    };
    let graph = runnable.as_ref().ok();
    if args.clif {
        let Some(graph) = graph else { return Ok(Status::Wrong) };
        output::result(&code(graph)?)?;
        return Ok(Status::Done);
    }
    let operators = plan_views(plan);
    if args.json {
        let graph = graph.map(graph_views);
        output::result(&format!("{:#}\n", display::json(&plan.job, &operators, graph.as_deref())))?;
        return Ok(Status::Done);
    }
    let (head, views) = (job_line(&plan.job), graph.map_or(operators, graph_views));
    output::result(&drawn(args.graph, &head, &views))?;
    Ok(Status::Done)
}

fn drawn(language: Option<GraphLanguage>, head: &str, views: &[View]) -> String {
    match language {
        None => display::text(head, views),
        Some(GraphLanguage::Dot) => display::dot(head, views),
        Some(GraphLanguage::Mermaid) => display::mermaid(head, views),
        Some(GraphLanguage::Svg) => flow_driver::picture::svg(head, views),
    }
}

/// The kernels of every chain in Cranelift's text form, each under the steps it does.
fn code(graph: &Graph) -> Result<String, Stop> {
    let mut out = String::new();
    for (node, view) in graph.nodes.iter().zip(graph_views(graph)) {
        let NodeKind::Chain(chain) = &node.kind else { continue };
        for (name, does) in &view.parts {
            out.push_str(&format!("; {name}  {}\n", does.replace('\n', " ")));
        }
        let text = flow_codegen::clif(chain);
        out.push_str(&text.map_err(|e| Stop::outside(format!("a chain has no native code: {e}")))?);
        out.push('\n');
    }
    if out.is_empty() {
        out.push_str("; no chain: rows go from source to sink as they are\n");
    }
    Ok(out)
}
