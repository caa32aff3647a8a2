//! Decoders and encoders alone, without an engine: `throughput FILE read|write|both FIELDS OUT?`, where
//! FIELDS is a list such as `auction:int,price:int,channel:string`. Prints rows and seconds.
#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use flow_connectors::StandardConnectors;
use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Run, Writer};
use flow_engine::source::{BadRecord, Emit, Next, Stop};
use flow_env::Env;
use flow_plan::connector::{ArgValue, ConnectorArg, ConnectorCall, Format, TimeUnit};
use flow_plan::{DataType, Field, Place, RecordType, Value};
use std::path::Path;
use std::sync::Arc;

struct Count<'w> {
    rows: u64,
    bad: u64,
    writer: Option<&'w mut dyn Writer>,
}

impl Emit for Count<'_> {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.rows += batch.len as u64;
        match &mut self.writer {
            Some(writer) => writer.write(&batch).map_err(|_| Stop),
            None => Ok(()),
        }
    }

    fn bad_record(&mut self, _record: BadRecord) -> Result<(), Stop> {
        self.bad += 1;
        Ok(())
    }

    fn consumed(&mut self, _bytes: u64) {}
}

fn call(
    name: &str,
    path: &str,
    mode: Option<&str>,
    format: &Format,
    schema: &Arc<RecordType>,
) -> ConnectorCall {
    let arg = |name: &str, value| ConnectorArg { name: name.into(), value, place: Place::default() };
    let mut args = vec![arg("path", ArgValue::Value(Value::string(path)))];
    args.extend(mode.map(|mode| arg("mode", ArgValue::Word(mode.into()))));
    ConnectorCall {
        name: name.into(),
        args,
        format: Some(format.clone()),
        schema: schema.clone(),
        generators: Vec::new(),
        place: Place::default(),
    }
}

fn field(text: &str) -> Field {
    let (name, ty) = text.split_once(':').unwrap_or((text, "int"));
    let ty = match ty.trim_end_matches('?') {
        "string" => DataType::String,
        "timestamp" => DataType::Timestamp,
        "float" => DataType::Float,
        "bool" => DataType::Bool,
        _ => DataType::Int,
    };
    Field::new(name, if text.ends_with('?') { ty.optional() } else { ty })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, what, fields, out @ ..] = &args[..] else { return Err("FILE read|copy FIELDS [OUT]".into()) };
    let format = match Path::new(path).extension().and_then(|e| e.to_str()) {
        Some("csv") => Format::Csv { header: true, delimiter: b',' },
        Some("txt") => Format::Text,
        _ => Format::Json { time_unit: TimeUnit::Millis },
    };
    let schema = Arc::new(RecordType::new(fields.split(',').map(field).collect()));
    let read: Vec<usize> = (0..schema.fields.len()).collect();
    let (env, connectors, base) = (Env::real(), StandardConnectors::new(), Path::new("."));
    let mut source = connectors.source(&call("file", path, None, &format, &schema), &read, base, &env)?;
    let (sink, target) =
        if what == "copy" && !out.is_empty() { ("file", out[0].as_str()) } else { ("blackhole", "") };
    let mut sink =
        connectors.sink(&call(sink, target, Some("overwrite"), &format, &schema), &schema, base, &env)?;
    sink.begin(&Run { job: "throughput".into(), generation: 1, fresh: true })?;
    sink.clean(&[])?;
    let mut writer = sink.writer(0)?;
    let mut reader = source.reader();
    let start = env.clock.elapsed();
    let mut count = Count { rows: 0, bad: 0, writer: (what == "copy").then_some(&mut *writer) };
    while let Next::Chunk(chunk) = source.next()? {
        reader.read(chunk, &mut count)?;
    }
    let (rows, bad) = (count.rows, count.bad);
    let sealed = writer.seal()?.finish()?;
    sink.commit(1, &sealed)?;
    sink.end()?;
    println!("{rows} rows, {bad} bad, {:.3} s", (env.clock.elapsed() - start).as_secs_f64());
    Ok(())
}
