//! What CI runs: the script behind the GitHub Action and the GitLab template, in the folder that `flow new` makes.

use crate::against::git;
use flow_tests::flow_binary::path;
use std::path::Path;
use std::process::{Command, Output};

fn checked(folder: &Path, settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.arg("ci/check.sh").current_dir(folder).env("FLOW", path()).env("NO_COLOR", "1");
    for name in ["GITHUB_ACTIONS", "FLOW_DENY", "FLOW_AGAINST", "FLOW_REPORTS"] {
        command.env_remove(name);
    }
    command.envs(settings.iter().copied()).output().unwrap()
}

fn made() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(path()).args(["new", "visits"]).current_dir(folder.path()).status().unwrap();
    assert!(done.success());
    let made = folder.path().join("visits");
    (folder, made)
}

/// Makes the folder a repository whose branch `main` is what stands in it.
fn commit_base(folder: &Path) {
    for args in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-q", "-m", "base"]] {
        git(folder, args);
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_new_folder_passes_and_its_reports_are_written() {
    let (_folder, made) = made();
    let done = checked(&made, &[("FLOW_REPORTS", "flow-reports")]);
    assert!(done.status.success(), "{}", text(&done));
    let report = |name: &str| std::fs::read_to_string(made.join("flow-reports").join(name)).unwrap();
    assert!(report("tests.xml").contains("visits are counted per page"));
    let sarif: serde_json::Value = serde_json::from_str(&report("findings.sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(report("code-quality.json").trim(), "[]");
}

#[test]
fn style_findings_and_failing_tests_each_fail_the_change() {
    let (_folder, made) = made();
    let script = made.join("visits.flow");
    let good = std::fs::read_to_string(&script).unwrap();
    let cases = [
        ("a style", good.replace("  |> keyBy(page)", "     |> keyBy(page)"), "keyBy"),
        (
            "a finding",
            format!("{good}\nstream unused = visits |> filter(millis > 1)\n"),
            "::error file=visits.flow",
        ),
        ("a test", good.replace("visits: 2, users: 1", "visits: 3, users: 1"), "visits are counted per page"),
    ];
    for (what, changed, said) in cases {
        std::fs::write(&script, changed).unwrap();
        let done = checked(&made, &[("GITHUB_ACTIONS", "true")]);
        assert_eq!(done.status.code(), Some(1), "{what}: {}", text(&done));
        assert!(text(&done).contains(said), "{what}: {}", text(&done));
    }
}

#[test]
fn what_is_wrong_with_a_script_is_said_once() {
    let (_folder, made) = made();
    let script = made.join("visits.flow");
    let good = std::fs::read_to_string(&script).unwrap();
    let wrong = [
        ("a word that is no field", good.replace("keyBy(page)", "keyBy(pgae)"), "no field `pgae`", "E0203"),
        ("a bracket too few", good.replace("keyBy(page)", "keyBy(page"), "is never closed", "E0102"),
    ];
    for (what, changed, shown, code) in wrong {
        std::fs::write(&script, changed).unwrap();
        let done = checked(&made, &[("FLOW_REPORTS", "flow-reports")]);
        assert_eq!(done.status.code(), Some(1), "{what}: {}", text(&done));
        for said in [shown, code] {
            assert_eq!(text(&done).matches(said).count(), 1, "{what}: {}", text(&done));
        }
        // The reports have it, each for itself, and the log says whose tests did not run.
        for name in ["tests.xml", "findings.sarif", "code-quality.json"] {
            let report = std::fs::read_to_string(made.join("flow-reports").join(name)).unwrap();
            assert!(report.contains(code), "{what}, {name}: {report}");
        }
        assert!(text(&done).contains("visits.flow: the script has errors"), "{what}: {}", text(&done));
    }
}

#[test]
fn a_change_that_would_lose_the_state_of_running_jobs_fails_against_the_base() {
    let (_folder, made) = made();
    let git = |args: &[&str]| git(&made, args);
    commit_base(&made);
    let same = checked(&made, &[("FLOW_AGAINST", "main")]);
    assert!(same.status.success(), "{}", text(&same));
    let script = made.join("visits.flow");
    let changed = std::fs::read_to_string(&script).unwrap().replace("keyBy(page)", "keyBy(millis)");
    std::fs::write(&script, changed.split("test \"").next().unwrap().trim_end().to_string() + "\n").unwrap();
    let done = checked(&made, &[("FLOW_AGAINST", "main"), ("FLOW_DENY", "")]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done));
    assert!(text(&done).contains("incompatible"), "{}", text(&done));
    // Also where its name has a blank, and as an annotation.
    std::fs::rename(&script, made.join("my visits.flow")).unwrap();
    git(&["checkout", "-q", "HEAD", "--", "visits.flow"]);
    git(&["mv", "-f", "visits.flow", "my visits.flow"]);
    git(&["commit", "-q", "-m", "renamed"]);
    let good = std::fs::read_to_string(made.join("my visits.flow")).unwrap();
    let changed = good.replace("keyBy(page)", "keyBy(millis)");
    let changed = changed.split("test \"").next().unwrap().trim_end().to_string() + "\n";
    std::fs::write(made.join("my visits.flow"), changed).unwrap();
    let settings = [("FLOW_AGAINST", "main"), ("FLOW_DENY", ""), ("GITHUB_ACTIONS", "true")];
    let done = checked(&made, &settings);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done));
    assert!(text(&done).contains("::error file=my visits.flow"), "{}", text(&done));
    // The reports have what the steps found, and a script that is gone is among it.
    std::fs::write(made.join("other.flow"), good).unwrap();
    git(&["add", "other.flow"]);
    git(&["commit", "-q", "-m", "another"]);
    std::fs::remove_file(made.join("other.flow")).unwrap();
    let settings = [("FLOW_AGAINST", "main"), ("FLOW_DENY", ""), ("FLOW_REPORTS", "flow-reports")];
    checked(&made, &settings);
    let report = |name: &str| std::fs::read_to_string(made.join("flow-reports").join(name)).unwrap();
    for name in ["findings.sarif", "code-quality.json"] {
        for code in ["E0703", "E0704"] {
            assert!(report(name).contains(code), "no {code} in {name}: {}", report(name));
        }
    }
    // A revision that is not there is no reason to pass.
    let done = checked(&made, &[("FLOW_AGAINST", "origin/maim"), ("FLOW_DENY", "")]);
    assert_eq!(done.status.code(), Some(2), "{}", text(&done));
    assert!(text(&done).contains("no revision origin/maim"), "{}", text(&done));
}

#[test]
fn several_lints_fail_a_change_also_one_that_is_only_told_otherwise() {
    let (_folder, made) = made();
    commit_base(&made);
    let script = made.join("visits.flow");
    let good = std::fs::read_to_string(&script).unwrap();
    // Rows that are left out now were counted before.
    let changed = good.replacen("  |> keyBy(page)", "  |> filter(millis > 0)\n  |> keyBy(page)", 1);
    std::fs::write(&script, changed).unwrap();
    let status = |deny: &str| {
        let done = checked(&made, &[("FLOW_AGAINST", "main"), ("FLOW_DENY", deny)]);
        (done.status.code(), text(&done))
    };
    let (told, said) = status("warnings");
    assert!(told == Some(0) && said.contains("W0311"), "{said}");
    for deny in ["W0311", "changes-meaning", "warnings,changes-meaning", "unused-stream changes-meaning"] {
        let (code, said) = status(deny);
        assert_eq!(code, Some(1), "{deny}: {said}");
    }
}

#[test]
fn every_setting_of_the_checks_is_in_the_guide_and_in_what_the_forges_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let script = read("editor-support/ci/check.sh");
    let settings = regex::Regex::new("FLOW_[A-Z_]+").unwrap();
    let names: std::collections::BTreeSet<&str> = settings.find_iter(&script).map(|m| m.as_str()).collect();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        for path in ["docs/guide/ci.md", "editor-support/ci/action.yml", "editor-support/ci/gitlab.yml"] {
            assert!(read(path).contains(name), "{path} does not know {name}");
        }
    }
    // What compares with a revision needs the history, and what uploads findings the right to.
    assert!(read("editor-support/ci/gitlab.yml").contains("GIT_DEPTH: \"0\""));
    assert!(read("cli/template/github.yml").contains("fetch-depth: 0"));
    let guide = read("docs/guide/ci.md");
    assert!(guide.contains("fetch-depth: 0") && guide.contains("GIT_DEPTH"));
    assert!(guide.contains("upload-sarif") && guide.contains("security-events: write"));
}

#[test]
fn the_hooks_look_at_the_scripts_that_import_a_changed_one_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in [".pre-commit-hooks.yaml", "cli/template/pre-commit.yaml"] {
        let hooks_text = std::fs::read_to_string(root.join(file)).unwrap();
        let hooks: Vec<&str> = hooks_text
            .split("id: ")
            .filter(|hook| hook.contains("flow check") || hook.contains("flow test"))
            .collect();
        assert_eq!(hooks.len(), 2, "{hooks_text}");
        for hook in hooks {
            // Only then is the call all that there is: no names of files come behind it.
            assert!(hook.contains("pass_filenames: false"), "{file}: {hook}");
            let entry = hook.split("entry: flow ").nth(1).unwrap().split([',', '\n']).next().unwrap();
            let (_folder, made) = made();
            let run = || Command::new(path()).args(entry.split(' ')).current_dir(&made).output().unwrap();
            std::fs::create_dir(made.join("jobs")).unwrap();
            std::fs::write(made.join("limits.flow"), "const least = 100\n").unwrap();
            let importer = "import \"../limits.flow\"\nsource ones = generate { a: 1 } rate: 1\n\
                sink out = ones |> filter(a > least) -> blackhole()\n\
                test \"t\" { given ones []\n  expect out [] }\n";
            std::fs::write(made.join("jobs/importer.flow"), importer).unwrap();
            assert_eq!(run().status.code(), Some(0), "{entry}: {}", text(&run()));
            std::fs::write(made.join("limits.flow"), "const most = 100\n").unwrap();
            assert_eq!(run().status.code(), Some(1), "{entry}");
            assert!(text(&run()).contains("importer.flow"), "{entry}: {}", text(&run()));
        }
    }
}
