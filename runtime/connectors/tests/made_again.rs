//! A folder that another run removes, empty as it was, while this one begins: it is made again, and must last.

use flow_connectors::StandardConnectors;
use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::Run;
use flow_env::{DirEntry, Disk, Env, FileInfo, FileLock, ReadFile, RealClock, SimDisk, WriteFile};
use flow_plan::connector::{ArgValue, ConnectorArg, ConnectorCall, Format, TimeUnit};
use flow_plan::{DataType, Field, Place, RecordType, Value};
use std::io;
use std::path::Path;
use std::sync::Arc;

const OUT: &str = "/base/out";

/// Just before anything is made in the folder, an older run that made it ends and removes it.
struct Removing(SimDisk);

impl Disk for Removing {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        if dir.parent() == Some(Path::new(OUT)) {
            let _ = self.0.remove_empty_dir(Path::new(OUT));
        }
        self.0.create_dir_all(dir)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.0.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.0.create(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.0.create_new(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.0.append(path)
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.0.info(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.0.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.0.remove_dir_all(dir)
    }

    fn remove_empty_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.remove_empty_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        self.0.lock(path)
    }
}

/// (Seed 1820000798 of the simulator.)
#[test]
fn what_is_shown_in_a_folder_that_was_made_again_outlasts_the_power() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        disk.put(Path::new("/base/script"), b"").unwrap();
        ["/", "/base"].iter().for_each(|dir| disk.sync_dir(Path::new(dir)).unwrap());
        let env = Env { disk: Arc::new(Removing(disk.clone())), clock: Arc::new(RealClock::new()) };
        let schema = Arc::new(RecordType::new(vec![Field::new("n", DataType::Int)]));
        let path = ArgValue::Value(Value::string("out"));
        let call = ConnectorCall {
            name: "file".into(),
            args: vec![ConnectorArg { name: "path".into(), value: path, place: Place::default() }],
            format: Some(Format::Json { time_unit: TimeUnit::Millis }),
            schema: schema.clone(),
            generators: Vec::new(),
            place: Place::default(),
        };
        let mut sink = StandardConnectors::new().sink(&call, &schema, Path::new("/base"), &env).unwrap();
        sink.begin(&Run { job: "job".into(), generation: 1, fresh: true }).unwrap();
        sink.clean(&[]).unwrap();
        let mut writer = sink.writer(0).unwrap();
        writer.write(&Batch::from_rows(&[vec![Value::Int(1)]], &schema)).unwrap();
        let sealed = writer.seal().unwrap().finish().unwrap();
        sink.commit(1, &sealed).unwrap();
        disk.boot();
        let there = disk.read(Path::new("/base/out/part-0-0.ndjson"));
        assert_eq!(there.ok().as_deref(), Some(&b"{\"n\":1}\n"[..]), "seed {seed}");
    }
}
