//! The manifest: all that a checkpoint is besides its rows. Enough to tell, without a look at the rows, which script wrote
//! it and whether another one fits.

use crate::folder::is_part_file;
use crate::hash::Hash128;
use crate::part::{PartKey, Sealed};
use crate::protocol::{Epoch, Generation};
use crate::record::Record;
use crate::schema::{parse_type, type_text};
use crate::state::{Home, Table};
use flow_plan::{Field, RecordType};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashSet;
use std::sync::Arc;

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The job's name.
    pub job: String,
    /// The run that published it.
    pub generation: Generation,
    /// Its epoch.
    pub epoch: Epoch,
    /// The barrier: chunks with lower numbers are in it.
    pub barrier: u64,
    /// When it was sealed: microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The version of `flow` that wrote it.
    pub flow: String,
    /// Did the job finish with it (all inputs ended)?
    pub finished: bool,
    /// Workers.
    pub parallelism: usize,
    /// The script and what it imports; the main one comes first.
    pub scripts: Vec<ScriptFile>,
    /// Parameters that were given: name and value.
    pub parameters: Vec<(String, String)>,
    /// Where the sources stand.
    pub sources: Vec<Position>,
    /// Where the watermarks stand, and what else goes on with the sequence.
    pub times: Vec<Position>,
    /// What the sinks sealed.
    pub sinks: Vec<SinkSeal>,
    /// The tables of each state.
    pub states: Vec<StateSchema>,
    /// The checkpoint before, if parts of it are needed.
    pub parent: Option<(Generation, Epoch)>,
    /// All files that are needed: worker by worker, the base first, then what changed since, oldest first.
    pub parts: Vec<PartFile>,
}

/// A file of the script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptFile {
    /// Its path, as it was given.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Where something stands: a source in its input, a watermark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Its name.
    pub id: String,
    /// Its position, as it writes it.
    pub position: String,
}

/// What a sink sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkSeal {
    /// The sink's name.
    pub id: String,
    /// What it must be given to commit, as the sink writes it.
    pub sealed: Vec<String>,
}

/// The tables of a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateSchema {
    /// The state's id.
    pub id: String,
    /// Its tables.
    pub tables: Vec<TableSchema>,
}

/// What the rows of a table are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSchema {
    /// The table's name.
    pub name: String,
    /// How many of the first columns identify an entry.
    pub keys: usize,
    /// Which worker an entry belongs to.
    #[serde(serialize_with = "write_home", deserialize_with = "read_home")]
    pub home: Home,
    /// The columns.
    #[serde(serialize_with = "write_columns", deserialize_with = "read_columns")]
    pub columns: Arc<RecordType>,
}

/// A part file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartFile {
    /// The worker that sealed it.
    pub worker: usize,
    /// The run that sealed it.
    pub generation: Generation,
    /// The epoch it was sealed for.
    pub epoch: Epoch,
    /// Does it hold everything (or what changed)?
    pub base: bool,
    /// Its path from the manifest's folder.
    pub file: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its hash.
    pub hash: Hash128,
}

impl Record for Manifest {
    const WORD: &'static str = "flow-manifest";
    const NAME: &'static str = "the manifest of a checkpoint";
}

impl Manifest {
    /// The tables of a state.
    pub fn state(&self, id: &str) -> Option<&StateSchema> {
        self.states.iter().find(|state| state.id == id)
    }

    /// Bytes of all its parts.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.length).sum()
    }
}

impl StateSchema {
    /// What is known of a table.
    pub fn table(&self, name: &str) -> Option<&TableSchema> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl TableSchema {
    /// What a table is.
    pub fn of(table: &Table) -> TableSchema {
        TableSchema {
            name: table.name.clone(),
            keys: table.keys,
            home: table.home,
            columns: table.schema.clone(),
        }
    }

    /// The columns that identify an entry.
    pub fn key_columns(&self) -> RecordType {
        RecordType::new(self.columns.fields.iter().take(self.keys).cloned().collect())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    side: Option<String>,
}

fn write_columns<S: Serializer>(columns: &Arc<RecordType>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(columns.fields.iter().map(|field| Column {
        name: field.name.to_string(),
        ty: type_text(&field.ty),
        side: field.side.as_deref().map(str::to_string),
    }))
}

fn read_columns<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<RecordType>, D::Error> {
    let field = |column: Column| {
        let ty = parse_type(&column.ty).map_err(serde::de::Error::custom)?;
        Ok(Field { name: column.name.into(), ty, side: column.side.map(Into::into) })
    };
    let columns = Vec::<Column>::deserialize(from)?;
    Ok(Arc::new(RecordType::new(columns.into_iter().map(field).collect::<Result<_, D::Error>>()?)))
}

/// The number of columns, or `any`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum HomeText {
    Key(usize),
    Word(String),
}

fn write_home<S: Serializer>(home: &Home, to: S) -> Result<S::Ok, S::Error> {
    match home {
        Home::Key(columns) => HomeText::Key(*columns),
        Home::Any => HomeText::Word("any".into()),
    }
    .serialize(to)
}

fn read_home<'de, D: Deserializer<'de>>(from: D) -> Result<Home, D::Error> {
    match HomeText::deserialize(from)? {
        HomeText::Key(columns) => Ok(Home::Key(columns)),
        HomeText::Word(word) if word == "any" => Ok(Home::Any),
        HomeText::Word(word) => Err(serde::de::Error::custom(format!("`{word}` is no home of an entry"))),
    }
}

impl Manifest {
    /// What is senseless in it, if anything is: nobody wrote it so, but nobody may stumble over it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut ids = HashSet::new();
        for state in &self.states {
            if !ids.insert(&state.id) {
                return Err(format!("it has the state `{}` twice", state.id));
            }
            state.check()?;
        }
        let mut before: Option<&PartFile> = None;
        for part in &self.parts {
            if !is_part_file(&part.file, part.key()) {
                return Err(format!("`{}` cannot be the file of a part", part.file));
            }
            let follows = match before {
                Some(before) if before.worker == part.worker => !part.base && before.epoch < part.epoch,
                _ => part.base && before.is_none_or(|before| before.worker < part.worker),
            };
            if !follows || part.epoch > self.epoch {
                return Err(format!("`{}` does not follow the part before it", part.file));
            }
            before = Some(part);
        }
        Ok(())
    }
}

impl StateSchema {
    fn check(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        for table in &self.tables {
            let name = &table.name;
            if !names.insert(name) {
                return Err(format!("the state `{}` has the table `{name}` twice", self.id));
            }
            let home = match table.home {
                Home::Key(columns) => columns,
                Home::Any => 0,
            };
            if table.keys.max(home) > table.columns.fields.len() {
                return Err(format!(
                    "the table `{name}` of the state `{}` has fewer columns than keys",
                    self.id
                ));
            }
        }
        Ok(())
    }
}

impl PartFile {
    /// Whose part it is.
    pub fn key(&self) -> PartKey {
        PartKey { generation: self.generation, epoch: self.epoch, worker: self.worker }
    }

    /// What the file must be.
    pub fn sealed(&self) -> Sealed {
        Sealed { length: self.length, hash: self.hash }
    }
}
