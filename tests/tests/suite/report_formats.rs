//! The reports that other programs read, validated against their published schemas (`tests/schemas`, our own in
//! `docs/schemas`), and compared with one another: no form may add, lose or move a finding.

use flow_tests::flow_binary::run;
use flow_tests::xsd;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const CLEAN: &str = "source lines = file(\"lines.txt\", format: text)\n\nsink out = lines |> map { n: len(line) } -> stdout(format: json)\n";

const ONE: &str = "source lines = file(\"lines.txt\", format: text)\nsink out = lines |> map { n: len(lin) } -> stdout(format: json)\n";

/// Errors and warnings; related places, fixes of several kinds, findings that span lines, suppressed ones and an allow
/// that suppresses nothing; text that every form has to escape.
const MANY: &str = "\
// Straße, 日本, 🦀 — <&\"'> ]]> 100% :: , \u{1}
type Bid = { auction: int, price: int, grüße: string? }
type Bid = { other: int }
source bids: Bid = file(\"gebote-🦀.ndjson\", format: json)
source lines = file(\"lines.txt\", format: text)
// flow-allow W0302: kept for the next change, 100% <sure>
stream kept = lines |> limit(3)
// flow-allow W0303: suppresses nothing
stream unused = lines |> limit(3)
stream 🦀 = lines
stream joined = bids |> map { a: \"ü🦀<&>\" + auction, b: prise, c: price ?? 1 }
stream totals = bids
  |> keyBy(auctoin)
  |> aggregate {
    n: count(price, auction),
    t: summ(price) }
sink out = totals -> stdout(format: jsn)
sink out = joined -> nowhere(\"]]>\")
";

/// Every form of one call of `flow check`.
struct Reports {
    json: Vec<Value>,
    sarif: Value,
    gitlab: Value,
    github: String,
    junit: String,
    concise: String,
}

fn stdout(folder: &Path, args: &[&str]) -> String {
    let done = run(folder, args);
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(matches!(done.status.code(), Some(0 | 1)), "{args:?}: {error}");
    String::from_utf8(done.stdout).unwrap()
}

fn reports(folder: &Path, args: &[&str]) -> Reports {
    let text = |format: &str| stdout(folder, &[&["check"], args, &["--format", format]].concat());
    let json = |format: &str| serde_json::from_str::<Value>(&text(format)).unwrap();
    let own = json("json");
    valid(&schema("../docs/schemas/check.schema.json"), &own);
    Reports {
        json: own.as_array().unwrap().iter().filter(|entry| entry["code"].is_string()).cloned().collect(),
        sarif: json("sarif"),
        gitlab: json("gitlab"),
        github: text("github"),
        junit: text("junit"),
        concise: text("concise"),
    }
}

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn schema(name: &str) -> jsonschema::Validator {
    // SARIF's schema has a pattern with a stray bracket, which not all readers of patterns put up with.
    let text = file(name).replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$");
    let schema = serde_json::from_str(&text).unwrap();
    // Formats (`uri`, `date-time`) are promises, too.
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn valid(schema: &jsonschema::Validator, report: &Value) {
    let wrong: Vec<String> =
        schema.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{}\n{report:#}", wrong.join("\n"));
}

/// What a finding is in every form: its code, its file and the line and column where it begins.
type Finding = (String, String, u64, u64);

impl Reports {
    /// The findings, as our own form has them: the others are compared with it.
    fn findings(&self) -> Vec<Finding> {
        let span = |d: &Value, what: &str| d["span"][what].as_u64().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_string();
        self.json
            .iter()
            .map(|d| (text(&d["code"]), text(&d["span"]["file"]), span(d, "line"), span(d, "column")))
            .collect()
    }

    fn all_are_valid_and_agree(&self) {
        self.concise_agrees();
        self.sarif_agrees();
        self.gitlab_agrees();
        self.github_agrees();
        self.junit_agrees();
    }

    fn concise_agrees(&self) {
        let lines: Vec<String> = self
            .json
            .iter()
            .zip(self.findings())
            .map(|(d, (code, file, line, column))| {
                let (severity, message) = (d["severity"].as_str().unwrap(), d["message"].as_str().unwrap());
                format!("{file}:{line}:{column}: {severity}[{code}]: {}", message.lines().next().unwrap())
            })
            .collect();
        let said: Vec<&str> = self.concise.lines().collect();
        for line in lines {
            assert!(said.contains(&line.as_str()), "no {line:?} in {}", self.concise);
        }
    }

    fn sarif_agrees(&self) {
        valid(&schema("schemas/sarif-2.1.0.json"), &self.sarif);
        let run = &self.sarif["runs"][0];
        let results = run["results"].as_array().unwrap();
        let mut found = Vec::new();
        for (result, ours) in results.iter().zip(&self.json) {
            let place = &result["locations"][0]["physicalLocation"];
            let at = |what: &str| place["region"][what].as_u64().unwrap();
            let code = result["ruleId"].as_str().unwrap();
            let rule = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], code, "ruleIndex");
            let uri = percent_decoded(place["artifactLocation"]["uri"].as_str().unwrap());
            found.push((code.to_string(), uri, at("startLine"), at("startColumn")));
            assert_eq!(result["level"], ours["severity"]);
            let count = |value: &Value| value.as_array().map_or(0, Vec::len);
            // Another version is no file of the tree: its lines stand in the text.
            let labels = ours["labels"].as_array().into_iter().flatten();
            let there = labels.filter(|label| !label["span"]["file"].as_str().unwrap().ends_with(')'));
            assert_eq!(count(&result["relatedLocations"]), there.count(), "{result:#}");
            let sure = ours["fixes"].as_array().unwrap().iter();
            let sure = sure.filter(|fix| fix["applicability"] == "machine-applicable").count();
            assert_eq!(count(&result["fixes"]), sure, "{result:#}");
        }
        assert_eq!(found, self.findings());
    }

    fn gitlab_agrees(&self) {
        valid(&schema("schemas/gitlab-code-quality.json"), &self.gitlab);
        let issues = self.gitlab.as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_string();
        let found: Vec<_> = issues
            .iter()
            .map(|issue| {
                let location = &issue["location"];
                (
                    text(&issue["check_name"]),
                    text(&location["path"]),
                    location["lines"]["begin"].as_u64().unwrap(),
                )
            })
            .collect();
        let wanted: Vec<_> =
            self.findings().into_iter().map(|(code, file, line, _)| (code, file, line)).collect();
        assert_eq!(found, wanted);
        let mut prints: Vec<_> = issues.iter().map(|issue| text(&issue["fingerprint"])).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), issues.len(), "GitLab shows only one of two issues with one fingerprint");
    }

    fn github_agrees(&self) {
        let commands: Vec<_> = self.github.lines().map(workflow_command).collect();
        assert_eq!(commands.len(), self.json.len(), "{}", self.github);
        for ((command, ours), (code, file, line, column)) in
            commands.iter().zip(&self.json).zip(self.findings())
        {
            let property =
                |name: &str| command.properties.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            let word = match ours["severity"].as_str().unwrap() {
                "note" => "notice",
                other => other,
            };
            assert_eq!(command.name, word);
            assert_eq!(property("file"), Some(file.as_str()));
            assert_eq!(property("line"), Some(line.to_string().as_str()));
            assert_eq!(
                property("title"),
                Some(format!("{code} {}", ours["name"].as_str().unwrap()).as_str())
            );
            let one_line = property("line") == property("endLine");
            assert_eq!(property("col").map(str::to_string), one_line.then(|| column.to_string()));
            assert!(command.message.starts_with(ours["message"].as_str().unwrap()), "{}", command.message);
        }
    }

    fn junit_agrees(&self) {
        let wrong = xsd::violations(&file("schemas/junit-10.xsd"), &self.junit);
        assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), self.junit);
        let errors = self.json.iter().filter(|d| d["severity"] == "error").count();
        let document = roxmltree::Document::parse(&self.junit).unwrap();
        let all = |name: &str| document.descendants().filter(|n| n.has_tag_name(name)).collect::<Vec<_>>();
        // Each test case has what was found in a file that it imports, also if another one has it.
        let told: BTreeSet<_> = all("failure").iter().map(|failure| failure.attribute("message")).collect();
        assert_eq!(told.len(), errors, "{}", self.junit);
        let failed =
            all("testcase").iter().filter(|case| case.children().any(|c| c.has_tag_name("failure"))).count();
        for suite in [all("testsuites"), all("testsuite")].concat() {
            assert_eq!(suite.attribute("tests"), Some(all("testcase").len().to_string().as_str()));
            assert_eq!(suite.attribute("failures"), Some(failed.to_string().as_str()));
        }
        let text: String = document.descendants().filter_map(|n| n.text()).collect();
        for d in &self.json {
            let message = d["message"].as_str().unwrap().split(char::is_whitespace).next().unwrap();
            assert!(text.contains(d["code"].as_str().unwrap()) && text.contains(message), "{d:#}\n{text}");
        }
    }
}

struct WorkflowCommand {
    name: String,
    properties: Vec<(String, String)>,
    message: String,
}

/// One line that GitHub's runner reads: `::name key=value,key=value::message`. What it takes for punctuation may stand
/// escaped only.
fn workflow_command(line: &str) -> WorkflowCommand {
    let rest = line.strip_prefix("::").unwrap_or_else(|| panic!("no command: {line}"));
    let (head, message) = rest.split_once("::").unwrap_or_else(|| panic!("no message: {line}"));
    let (name, properties) = head.split_once(' ').unwrap();
    assert!(matches!(name, "error" | "warning" | "notice"), "{line}");
    let properties = properties.split(',').map(|property| {
        let (name, value) = property.split_once('=').unwrap_or_else(|| panic!("no property: {property}"));
        assert!(["file", "line", "endLine", "col", "endColumn", "title"].contains(&name), "{property}");
        assert!(!value.is_empty() && !value.contains(':'), "{property}");
        (name.to_string(), percent_decoded(value))
    });
    WorkflowCommand {
        name: name.to_string(),
        properties: properties.collect(),
        message: percent_decoded(message),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digits = std::str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("`%{digits}` in {text:?}")));
            rest = &rest[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_report_without_findings_is_valid_in_every_form() {
    let folder = folder(&[("a.flow", CLEAN)]);
    let reports = reports(folder.path(), &["a.flow"]);
    assert!(reports.json.is_empty());
    reports.all_are_valid_and_agree();
}

#[test]
fn a_report_of_one_finding_is_valid_in_every_form() {
    let folder = folder(&[("a.flow", ONE)]);
    let reports = reports(folder.path(), &["a.flow"]);
    assert_eq!(reports.json.len(), 1);
    reports.all_are_valid_and_agree();
}

#[test]
fn a_report_of_many_findings_with_text_of_every_kind_is_valid_in_every_form() {
    let name = "größe, 1: 100% <&\">.flow";
    let folder = folder(&[(name, MANY)]);
    let reports = reports(folder.path(), &[name]);
    assert!(reports.json.len() > 8, "{:#?}", reports.findings());
    for part in ["labels", "fixes", "notes"] {
        let any = reports.json.iter().any(|d| d[part].as_array().is_some_and(|all| !all.is_empty()));
        assert!(any, "no finding has {part}");
    }
    reports.all_are_valid_and_agree();
}

#[test]
fn a_suppressed_finding_is_in_no_form_and_an_allow_of_nothing_is_in_each() {
    let script = "\
source lines = file(\"lines.txt\", format: text)
// flow-allow W0302: kept for the next change, 100% <sure>
stream kept = lines |> limit(3)
// flow-allow W0303: suppresses nothing
stream unused = lines |> limit(3)
sink out = lines -> stdout(format: text)
";
    let folder = folder(&[("a.flow", script)]);
    let reports = reports(folder.path(), &["a.flow"]);
    let codes: Vec<_> = reports.findings().into_iter().map(|(code, _, line, _)| (code, line)).collect();
    assert_eq!(codes, [("W0309".to_string(), 4), ("W0302".to_string(), 5)]);
    reports.all_are_valid_and_agree();
}

#[test]
fn a_report_of_several_files_and_what_they_import_is_valid_in_every_form() {
    let shared = "type Bid = { auction: int, price: nit }\n";
    let user = "import \"../lib/shared.flow\"\nsource bids: Bid = file(\"b.ndjson\", format: json)\nsink out = bids -> stdout(format: json)\n";
    let folder = folder(&[
        ("clean.flow", CLEAN),
        ("one.flow", ONE),
        ("many.flow", MANY),
        ("lib/shared.flow", shared),
        ("jobs/a.flow", user),
        ("jobs/b.flow", user),
    ]);
    for args in [&["."][..], &["./clean.flow", "./one.flow", "many.flow"], &["jobs/a.flow"], &["lib", "jobs"]]
    {
        let reports = reports(folder.path(), args);
        assert!(!reports.json.is_empty());
        reports.all_are_valid_and_agree();
        let mut found = reports.findings();
        found.sort();
        let all = found.len();
        found.dedup();
        assert_eq!(found.len(), all, "a finding in a file that others import is told once: {found:#?}");
        assert!(found.iter().all(|(_, file, ..)| !file.starts_with('.')), "{found:#?}");
    }
}

#[test]
fn denied_findings_are_errors_in_every_form() {
    let script = "source lines = file(\"l\", format: text)\nstream unused = lines\nsink out = lines -> stdout(format: text)\n";
    let folder = folder(&[("a.flow", script)]);
    let reports = reports(folder.path(), &["a.flow", "--deny", "warnings"]);
    assert_eq!(reports.json[0]["severity"], "error");
    reports.all_are_valid_and_agree();
}

#[test]
fn a_script_on_standard_input_is_reported_in_valid_forms() {
    let folder = folder(&[]);
    let reports = reports(folder.path(), &["-"]);
    reports.all_are_valid_and_agree();
}

#[test]
fn a_restore_check_against_another_script_is_valid_in_every_form() {
    let old = "\
type Bid = { auction: int, bidder: int, price: int }
source bids: Bid = file(\"bids.ndjson\", format: json)
stream totals = bids |> filter(price > 100) |> keyBy(auction) |> sum(price) as total
stream best = bids |> keyBy(auction) |> top(2, by: price desc)
stream means = bids |> keyBy(auction) |> aggregate { m: avg(price) }
sink out = totals -> file(\"out\", format: json)
sink tops = best -> file(\"tops\", format: json)
sink mean = means -> file(\"mean\", format: json)
";
    let edits = [
        ("identical", "", ""),
        ("another key", "filter(price > 100) |> keyBy(auction)", "filter(price > 100) |> keyBy(bidder)"),
        ("another meaning", "price > 100", "price > 200"),
        ("renamed", "totals", "summen"),
        ("dropped", "stream best = bids |> keyBy(auction) |> top(2, by: price desc)", "stream best = bids"),
        ("one more", "{ m: avg(price) }", "{ m: avg(price), n: count() }"),
    ];
    for (_what, from, to) in edits {
        let new = if from.is_empty() { old.to_string() } else { old.replace(from, to) };
        let folder = folder(&[("alt.flow", old), ("neu ü.flow", &new)]);
        for more in [&[][..], &["--allow-dropped"]] {
            let args = [&["neu ü.flow", "--against", "alt.flow"], more].concat();
            reports(folder.path(), &args).all_are_valid_and_agree();
        }
    }
}

#[test]
fn the_reports_of_tests_are_valid() {
    let script = "\
type Bid = { auction: int, price: int, name: string }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json)
stream big = bids |> filter(price > 10)
sink out = big -> stdout(format: json)

test \"größe <&\\\"> ]]> 🦀\" {
  given bids [{ auction: 1, price: 50, name: \"<ü🦀>]]>&\" }]
  expect big [{ auction: 1, price: 50, name: \"<ü>\" }]
}

test \"good\" {
  given bids [{ auction: 1, price: 50, name: \"a\" }]
  expect big [{ auction: 1, .. }]
}
";
    let folder = folder(&[("größe <1>.flow", script), ("none.flow", CLEAN)]);
    for (args, count, failures) in [
        (&["größe <1>.flow", "none.flow"][..], 2, 1),
        (&["none.flow"], 0, 0),
        (&[".", "--filter", "good"], 1, 0),
    ] {
        let junit = stdout(folder.path(), &[&["test", "--format", "junit"], args].concat());
        let wrong = xsd::violations(&file("schemas/junit-10.xsd"), &junit);
        assert!(wrong.is_empty(), "{}\n{junit}", wrong.join("\n"));
        let document = roxmltree::Document::parse(&junit).unwrap();
        let all = |name: &str| document.descendants().filter(|n| n.has_tag_name(name)).count();
        assert_eq!((all("testcase"), all("failure")), (count, failures), "{junit}");
        let json = stdout(folder.path(), &[&["test", "--format", "json"], args].concat());
        let json: Value = serde_json::from_str(&json).unwrap();
        valid(&schema("../docs/schemas/test.schema.json"), &json);
        let diagnostics: Vec<Value> = json
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|t| t["diagnostics"].as_array().unwrap().clone())
            .collect();
        valid(&schema("../docs/schemas/check.schema.json"), &Value::Array(diagnostics));
    }
}

/// One text per form, so that a change of any is seen in a review.
#[test]
fn every_form_of_one_report_is_as_it_was() {
    let script = "\
source lines = file(\"größe.txt\", format: text)
stream unused = lines |> limit(3)
type Bid = { auction: int }
type Bid = { price: int }
sink out = lines |> map { n: len(lin) } -> stdout(format: json)
";
    let folder = folder(&[("a.flow", script), ("b.flow", CLEAN)]);
    for format in ["human", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown"] {
        let done = run(folder.path(), &["check", "a.flow", "b.flow", "--format", format]);
        let stream = if format == "human" { done.stderr } else { done.stdout };
        insta::assert_snapshot!(format, String::from_utf8(stream).unwrap());
    }
}
