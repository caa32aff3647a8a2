//! `flow new`: a folder with a script, data, a test and a CI workflow that all pass.

use crate::args::New;
use crate::output;
use crate::status::{Outcome, Status, Stop};
use flow_env::Env;
use std::path::Path;

const SCRIPT: &str = include_str!("../../template/visits.flow");
const DATA: &str = include_str!("../../template/visits.csv");
const README: &str = include_str!("../../template/README.md");
const WORKFLOW: &str = include_str!("../../template/github.yml");
const GITLAB: &str = include_str!("../../template/gitlab.yml");
const HOOKS: &str = include_str!("../../template/pre-commit.yaml");
const ACTION: &str = include_str!("../../../editor-support/ci/action.yml");
const TEMPLATE: &str = include_str!("../../../editor-support/ci/gitlab.yml");
const CHECK: &str = include_str!("../../../editor-support/ci/check.sh");
const IGNORE: &str = "/out\n/.flow\n/flow-reports\n";

pub(super) fn run(args: &New) -> Outcome {
    let env = Env::real();
    let folder = &args.name;
    let Some(name) = folder.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        let shown = folder.display();
        return Err(Stop::outside(format!(
            "`{shown}` is there already: `flow new NAME` makes a folder of its own, `{}`",
            folder.join("NAME").display()
        )));
    };
    if !is_name(&name) {
        return Err(Stop::outside(format!(
            "`{name}` cannot be the name of a folder for a job: use letters, digits, `-` and `_`"
        )));
    }
    if env.disk.info(folder).is_ok() {
        return Err(Stop::outside(format!("`{}` exists already: nothing was changed", folder.display())));
    }
    let script = format!("{name}.flow");
    let fill = |text: &str| text.replace("{{name}}", &name).replace("{{job}}", &job_name(&name));
    let files = [
        (script.as_str(), fill(SCRIPT)),
        ("visits.csv", DATA.to_string()),
        ("README.md", fill(README)),
        // The checks lie in one folder: as an action for GitHub, as a template for GitLab.
        ("ci/check.sh", CHECK.to_string()),
        ("ci/action.yml", ACTION.to_string()),
        ("ci/gitlab.yml", TEMPLATE.to_string()),
        (".github/workflows/flow.yml", fill(WORKFLOW)),
        (".gitlab-ci.yml", fill(GITLAB)),
        (".pre-commit-config.yaml", fill(HOOKS)),
        (".gitignore", IGNORE.to_string()),
    ];
    for (path, text) in &files {
        if let Err(stop) = write(&folder.join(path), text, &env) {
            // Half of a project is none: the folder was not there before.
            let _ = env.disk.remove_dir_all(folder);
            return Err(stop);
        }
    }
    let shown = folder.display();
    output::say(&format!(
        "made `{shown}`: a script, data, a test and what CI needs\n  next: flow run {}\n",
        folder.join(&script).display()
    ));
    Ok(Status::Done)
}

fn write(path: &Path, text: &str, env: &Env) -> Result<(), Stop> {
    let written = path
        .parent()
        .map_or(Ok(()), |folder| env.disk.create_dir_all(folder))
        .and_then(|()| env.disk.create(path)?.write_all(text.as_bytes()));
    written.map_err(|e| Stop::outside(format!("`{}` cannot be written: {e}", path.display())))
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    name.chars().all(allowed) && name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// A folder's name as a name of the language: `web-visits` becomes `webVisits`.
fn job_name(folder: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in folder.chars() {
        match c {
            '-' => upper = !out.is_empty(),
            c if !c.is_ascii() => {}
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    if !out.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || flow_syntax::is_keyword(&out) {
        out.insert_str(0, "job_");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{is_name, job_name};

    #[test]
    fn names_of_folders_become_names_of_jobs() {
        assert_eq!(
            ["visits", "web-visits", "2024", "é", "stream"].map(job_name),
            ["visits", "webVisits", "job_2024", "job_", "job_stream"]
        );
        assert!(!is_name("") && !is_name("..") && !is_name("a b") && is_name("a-b"));
    }
}
