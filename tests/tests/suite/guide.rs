//! The commands of the guide are run: a reader who types them sees what the page says.

use flow_tests::flow_binary::path;
use std::process::Command;

/// The blocks of a page: what stands behind the fence, and the text.
pub(super) fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.to_string(), String::new())),
            (Some(_), Some("")) => found.extend(open.take()),
            (Some((_, text)), _) => text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    found
}

#[test]
fn the_first_pipeline_of_the_guide_works_as_it_is_written() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/first-pipeline.md");
    let blocks = blocks(&std::fs::read_to_string(page).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let beside = path().parent().unwrap().to_path_buf();
    let places = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let places = std::env::join_paths(std::iter::once(beside).chain(places)).unwrap();
    // Each block goes on where the ones before it left off.
    let mut before = String::from("set -eu\n");
    let mut compared = 0;
    for (number, (info, text)) in blocks.iter().enumerate().filter(|(_, (info, _))| info == "sh") {
        assert_eq!(info, "sh");
        let script = format!("{{\n{before}}} > /dev/null 2>&1\n{text}");
        let again = folder.path().join(number.to_string());
        std::fs::create_dir(&again).unwrap();
        let mut command = Command::new("bash");
        let done = command.args(["-c", &script]).current_dir(&again).env("PATH", &places).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{text}{said}");
        if let Some((_, wanted)) = blocks.get(number + 1).filter(|(info, _)| info == "text") {
            assert_eq!(String::from_utf8_lossy(&done.stdout), *wanted, "{text}{said}");
            compared += 1;
        }
        before.push_str(text);
    }
    assert!(compared >= 4, "{compared} results are compared");
}

#[test]
fn the_pictures_of_the_editor_are_those_that_their_script_makes_of_a_script_without_findings() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (page, maker) = (read("docs/guide/editors.md"), read("editor-support/neovim/pictures/make.sh"));
    let made: Vec<&str> =
        maker.lines().filter_map(|l| l.strip_prefix("picture ")?.split(' ').next()).collect();
    assert_eq!(made, ["mistake", "hover", "hints"]);
    for name in made {
        let picture = format!("pictures/editor-{name}.png");
        assert!(page.contains(&format!("({picture})")), "the page does not show {picture}");
        let bytes = std::fs::read(root.join("docs/guide").join(&picture)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{picture}");
    }
    assert_eq!(page.matches("(pictures/editor-").count(), 3);
    let scripts = root.join("editor-support/neovim/pictures");
    for args in [&["check", "--deny", "warnings", "visits.flow"][..], &["fmt", "--check", "visits.flow"]] {
        let done = flow_tests::flow_binary::run(&scripts, args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}
