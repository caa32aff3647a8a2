//! What a job's folder does when nothing goes wrong.

use super::sample::{Sample, launch};
use crate::protocol::Mark;
use crate::runs::Ending;
use crate::{Folder, Job, NotRetired, Problem};
use flow_env::{Env, Random};
use std::path::Path;

fn job(state: &Path) -> Job {
    Job::open(&Env::real(), state, "words").unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let listed = Env::real().disk.list(dir).unwrap();
    listed.iter().map(|entry| entry.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_job_goes_on_from_its_last_checkpoint_with_all_that_changed() {
    let state = tempfile::tempdir().unwrap();
    let mut random = Random::new(1);
    let mut sample = Sample::default();
    let mut parent = None;
    {
        let job = job(state.path());
        let generation = job.begin(&launch("a")).unwrap();
        let recovered = job.recover(generation, |_| vec![None]).unwrap();
        assert_eq!((recovered.recovery.epoch, recovered.manifest), (0, None));
        job.start(&recovered.recovery).unwrap();
        for epoch in 1..=6 {
            sample.go_on(&mut random);
            parent = Some(sample.publish(&job, generation, epoch, parent.as_ref()).unwrap());
            job.retire(generation, epoch).unwrap();
        }
    }
    let job = job(state.path());
    let generation = job.begin(&launch("a")).unwrap();
    assert_eq!(generation, 2);
    let mark = Mark { generation: 1, epoch: 6 };
    let recovered = job.recover(generation, |_| vec![Some(mark)]).unwrap();
    assert_eq!((recovered.recovery.from, recovered.recovery.epoch), (1, 6));
    assert_eq!(recovered.manifest, parent);
    let manifest = recovered.manifest.unwrap();
    sample.expect(&job.folder().load(&manifest).unwrap(), "after six epochs");
    job.start(&recovered.recovery).unwrap();
    let kept: Vec<u64> = job.published().unwrap().iter().map(|one| one.epoch).collect();
    assert_eq!(kept, [4, 5, 6], "three are kept");
    // All of them build on the first base, whose files are kept without its manifest.
    assert_eq!(names(&state.path().join("words/chk-1-g1")), ["part-0", "part-1"]);
}

#[test]
fn a_checkpoint_that_cannot_be_named_as_the_latest_frees_nothing_and_says_so() {
    let state = tempfile::tempdir().unwrap();
    let job = job(state.path()).keeping(1);
    let generation = job.begin(&launch("a")).unwrap();
    let mut sample = Sample::default();
    sample.publish(&job, generation, 1, None).unwrap();
    job.retire(generation, 1).unwrap();
    let latest = state.path().join("words/LATEST");
    let disk = Env::real().disk;
    disk.remove_file(&latest).unwrap();
    disk.create_dir_all(&latest.join("in the way")).unwrap();
    sample.publish(&job, generation, 2, None).unwrap();
    let why = job.retire(generation, 2).unwrap_err();
    assert!(matches!(&why, NotRetired::Unnamed(failure) if failure.path == latest), "{why:?}");
    assert_eq!(job.published().unwrap().len(), 2);
}

#[test]
fn folding_makes_a_base_that_the_next_checkpoint_builds_on_and_frees_the_old_one() {
    let state = tempfile::tempdir().unwrap();
    let job = job(state.path()).keeping(1);
    let generation = job.begin(&launch("a")).unwrap();
    let mut random = Random::new(2);
    let mut sample = Sample::default();
    let mut parent = None;
    for epoch in 1..=4 {
        sample.go_on(&mut random);
        let mut manifest = sample.publish(&job, generation, epoch, parent.as_ref()).unwrap();
        job.retire(generation, epoch).unwrap();
        if epoch == 3 {
            (0..2).for_each(|worker| job.fold(&mut manifest, worker).unwrap());
        }
        parent = Some(manifest);
    }
    let manifest = job.folder().published_at(generation, 4).unwrap();
    let files: Vec<&str> = manifest.parts.iter().map(|part| part.file.as_str()).collect();
    assert_eq!(files, ["../chk-3-g1/part-0-base", "part-0", "../chk-3-g1/part-1-base", "part-1"]);
    sample.expect(&job.folder().load(&manifest).unwrap(), "folded");
    let left: Vec<String> =
        names(&state.path().join("words")).into_iter().filter(|name| name.starts_with("chk")).collect();
    assert_eq!(left, ["chk-3-g1", "chk-4-g1"]);
}

#[test]
fn what_is_read_and_folded_in_pieces_is_what_memory_would_hold_at_once() {
    let state = tempfile::tempdir().unwrap();
    let job = job(state.path()).keeping(1);
    let generation = job.begin(&launch("a")).unwrap();
    let mut random = Random::new(5);
    let mut sample = Sample::default();
    let mut parent = None;
    for epoch in 1..=5 {
        sample.go_on(&mut random);
        let mut manifest = sample.publish(&job, generation, epoch, parent.as_ref()).unwrap();
        job.retire(generation, epoch).unwrap();
        if epoch == 4 {
            (0..2).for_each(|worker| job.fold_within(&mut manifest, worker, Some(100)).unwrap());
        }
        parent = Some(manifest);
    }
    let manifest = job.folder().published_at(generation, 5).unwrap();
    sample.expect(&job.folder().load(&manifest).unwrap(), "folded");
    let pieces = job.folder().pieces(&manifest, Some(200));
    assert!(pieces.count() > 3);
    let mut all = pieces.load(0).unwrap();
    for piece in 1..pieces.count() {
        for (all, part) in all.iter_mut().zip(pieces.load(piece).unwrap()) {
            let tables =
                all.states[0].tables.iter_mut().zip(part.states.into_iter().flat_map(|state| state.tables));
            tables.for_each(|(all, table)| all.rows.extend(table.rows));
        }
    }
    sample.expect(&all, "in pieces");
}

#[test]
fn a_second_process_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let first = job(state.path());
    let error = Job::open(&Env::real(), state.path(), "words").err().unwrap();
    assert!(matches!(error.problem, Problem::InUse), "{error}");
    assert!(first.folder().is_in_use().unwrap());
    drop(first);
    assert!(Job::open(&Env::real(), state.path(), "words").is_ok());
}

#[test]
fn a_foreign_folder_is_refused_and_not_touched() {
    let state = tempfile::tempdir().unwrap();
    let dir = state.path().join("words");
    let disk = Env::real().disk;
    disk.create_dir_all(&dir).unwrap();
    disk.create(&dir.join("letter.txt")).unwrap().write_all(b"dear").unwrap();
    let error = Job::open(&Env::real(), state.path(), "words").err().unwrap();
    assert!(matches!(error.problem, Problem::Foreign { .. }), "{error}");
    assert_eq!(names(&dir), ["letter.txt"]);
}

#[test]
fn a_folder_of_a_newer_format_is_refused_and_not_touched() {
    let state = tempfile::tempdir().unwrap();
    drop(job(state.path()));
    let path = state.path().join("words/FORMAT");
    let disk = Env::real().disk;
    let text = String::from_utf8(disk.read(&path).unwrap()).unwrap();
    disk.create(&path).unwrap().write_all(text.replace("flow-job 1", "flow-job 2").as_bytes()).unwrap();
    let before = names(&state.path().join("words"));
    let error = Job::open(&Env::real(), state.path(), "words").err().unwrap();
    assert!(matches!(error.problem, Problem::Newer { format: 2 }), "{error}");
    assert!(error.to_string().contains("use that version"), "{error}");
    assert_eq!(names(&state.path().join("words")), before);
}

#[test]
fn each_change_of_the_script_is_a_version() {
    let state = tempfile::tempdir().unwrap();
    let job = job(state.path());
    for (text, how) in
        [("a", Ending::Stopped), ("a", Ending::Failed), ("b", Ending::Finished), ("a", Ending::Stopped)]
    {
        let generation = job.begin(&launch(text)).unwrap();
        job.end(generation, how, None).unwrap();
    }
    let versions = job.folder().versions().unwrap();
    let texts: Vec<&str> = versions.iter().map(|version| version.scripts[0].text.as_str()).collect();
    assert_eq!(texts, ["a", "b", "a"]);
    let runs = job.folder().runs().unwrap();
    let of: Vec<u64> = runs.iter().map(|run| run.begun.version).collect();
    assert_eq!(of, [1, 1, 2, 3]);
    assert_eq!(runs[1].end.as_ref().unwrap().how, Ending::Failed);
    assert_eq!(job.folder().last_run().unwrap().as_ref(), runs.last());
}

#[test]
fn all_jobs_of_a_state_folder_are_found_by_name() {
    let state = tempfile::tempdir().unwrap();
    let names = ["words", "a/b", "catalogue"];
    names.iter().for_each(|name| drop(Job::open(&Env::real(), state.path(), name).unwrap()));
    let disk = Env::real().disk;
    disk.create_dir_all(&state.path().join("catalogue")).unwrap();
    let found: Vec<String> =
        Folder::all(&disk, state.path()).unwrap().iter().map(|folder| folder.job().to_string()).collect();
    assert_eq!(found, ["a/b", "catalogue", "words"]);
}

#[test]
fn what_a_dead_run_left_is_removed_when_the_next_one_starts() {
    let state = tempfile::tempdir().unwrap();
    let job = job(state.path());
    let generation = job.begin(&launch("a")).unwrap();
    let mut sample = Sample::default();
    sample.go_on(&mut Random::new(3));
    let first = sample.publish(&job, generation, 1, None).unwrap();
    let mut sealing = job.seal(generation, 2, Some(&first)).unwrap();
    sealing.part(0, &crate::state::Part::default()).unwrap();
    drop(sealing);
    let disk = Env::real().disk;
    disk.create(&state.path().join("words/runs/9.tmp")).unwrap();
    let generation = job.begin(&launch("a")).unwrap();
    let recovered = job.recover(generation, |_| Vec::new()).unwrap();
    assert_eq!(recovered.recovery.epoch, 1);
    job.start(&recovered.recovery).unwrap();
    assert!(!names(&state.path().join("words")).contains(&"chk-2-g1".to_string()));
    assert!(!names(&state.path().join("words/runs")).contains(&"9.tmp".to_string()));
    sample.expect(&job.folder().load(&first).unwrap(), "the first one stays");
}

#[test]
fn changes_without_a_base_are_refused() {
    let state = tempfile::tempdir().unwrap();
    let job = job(state.path());
    let generation = job.begin(&launch("a")).unwrap();
    let mut sample = Sample::default();
    let mut random = Random::new(4);
    sample.go_on(&mut random);
    let mut first = sample.publish(&job, generation, 1, None).unwrap();
    first.parts.clear();
    sample.go_on(&mut random);
    let error = sample.publish(&job, generation, 2, Some(&first)).unwrap_err();
    assert!(error.to_string().contains("changes to a checkpoint that is not there"), "{error}");
}
