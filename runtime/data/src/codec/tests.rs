use super::{Bytes, MAX_DEPTH, Unencodable, decode, encode, encode_rows};
use crate::batch::Batch;
use flow_plan::arbitrary::Arbitrary;
use flow_plan::order::identical;
use flow_plan::{DataType, Field, RecordType, Value};
use std::sync::Arc;

fn bytes_of(batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(batch, &mut bytes).unwrap();
    bytes
}

fn one_column(ty: DataType, values: Vec<Value>) -> (RecordType, Batch) {
    let schema = RecordType::new(vec![Field::new("x", ty)]);
    let rows: Vec<Vec<Value>> = values.into_iter().map(|value| vec![value]).collect();
    let batch = Batch::from_rows(&rows, &schema);
    (schema, batch)
}

#[test]
fn random_batches_come_back_bit_by_bit() {
    for seed in 0..400 {
        let mut random = Arbitrary::new(seed);
        let columns = random.below(6);
        let schema = random.schema(columns);
        let rows = random.below(40);
        let rows = random.rows(&schema, rows);
        let batch = Batch::from_rows(&rows, &schema);
        let bytes = bytes_of(&batch);
        let mut from = Bytes::new(&bytes);
        let back = decode(&mut from, &schema).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert!(from.is_empty(), "seed {seed}");
        assert_eq!(back.len, rows.len(), "seed {seed}");
        for (number, row) in rows.iter().enumerate() {
            let again = back.row(number, &schema);
            assert!(row.iter().zip(&again).all(|(a, b)| identical(a, b)), "seed {seed}: {row:?} {again:?}");
        }
        assert_eq!(bytes_of(&back), bytes, "seed {seed}: written again, the bytes are the same");
    }
}

#[test]
fn some_rows_are_written_as_a_batch_of_them_would_be() {
    for seed in 0..200 {
        let mut random = Arbitrary::new(seed);
        let columns = random.below(6);
        let schema = random.schema(columns);
        let rows = random.below(40);
        let batch = Batch::from_rows(&random.rows(&schema, rows), &schema);
        let start = random.below(batch.len + 1);
        let end = start + random.below(batch.len - start + 1);
        let mut bytes = Vec::new();
        encode_rows(&batch, start..end, &mut bytes).unwrap();
        let some: Vec<u32> = (start as u32..end as u32).collect();
        assert_eq!(bytes, bytes_of(&batch.gather(&some)), "seed {seed}: {start}..{end}");
    }
}

#[test]
fn a_truncated_batch_is_refused_wherever_it_ends() {
    for seed in 0..60 {
        let (schema, bytes) = small(seed);
        for len in 0..bytes.len() {
            let result = decode(&mut Bytes::new(&bytes[..len]), &schema);
            assert!(result.is_err(), "seed {seed}: {len} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn flipped_bits_and_random_bytes_never_panic() {
    for seed in 0..60 {
        let (schema, mut bytes) = small(seed);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(batch) = decode(&mut Bytes::new(&bytes), &schema) {
                look_at_all(&batch, &schema);
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let mut random = Arbitrary::new(seed);
        for _ in 0..2000 {
            let mut noise: Vec<u8> = (0..random.below(60)).map(|_| random.word() as u8).collect();
            // A head that is right leads further down.
            if random.one_in(2) && noise.len() > 12 {
                noise[..10].copy_from_slice(&bytes[..10]);
            }
            if let Ok(batch) = decode(&mut Bytes::new(&noise), &schema) {
                look_at_all(&batch, &schema);
            }
        }
    }
}

fn small(seed: u64) -> (Arc<RecordType>, Vec<u8>) {
    let mut random = Arbitrary::new(seed);
    let columns = 1 + random.below(3);
    let schema = random.schema(columns);
    let count = 1 + random.below(4);
    let rows = random.rows(&schema, count);
    let bytes = bytes_of(&Batch::from_rows(&rows, &schema));
    (schema, bytes)
}

fn look_at_all(batch: &Batch, schema: &RecordType) {
    (0..batch.len).for_each(|row| assert_eq!(batch.row(row, schema).len(), schema.fields.len()));
}

#[test]
fn a_length_that_lies_asks_for_no_memory() {
    let everything = [
        DataType::Bool,
        DataType::Int,
        DataType::Float,
        DataType::Decimal,
        DataType::String,
        DataType::Bytes,
        DataType::list(DataType::Int),
        DataType::Json,
    ];
    for ty in everything {
        let (schema, batch) = one_column(ty.clone().optional(), vec![Value::Null]);
        let mut bytes = bytes_of(&batch);
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decode(&mut Bytes::new(&bytes), &schema).is_err(), "{ty}");
    }
    let none = RecordType::default();
    let bytes = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert!(decode(&mut Bytes::new(&bytes), &none).is_err(), "rows without columns");
    // A list of 2^60 items of which two are there.
    let (schema, batch) = one_column(DataType::list(DataType::Bool), vec![Value::List([].into())]);
    let mut bytes = bytes_of(&batch);
    bytes.pop();
    bytes.extend_from_slice(&[253, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 2]);
    assert!(decode(&mut Bytes::new(&bytes), &schema).is_err());
}

#[test]
fn what_is_nested_too_deep_to_be_read_is_not_written() {
    let nested = |levels: u16| {
        let json =
            (1..levels).fold(serde_json::Value::Null, |inner, _| serde_json::Value::Array(vec![inner]));
        one_column(DataType::Json, vec![Value::Json(Arc::new(json))])
    };
    // The json value itself is a level.
    let (schema, batch) = nested(MAX_DEPTH - 1);
    let bytes = bytes_of(&batch);
    assert!(decode(&mut Bytes::new(&bytes), &schema).is_ok());
    let (_, batch) = nested(MAX_DEPTH);
    assert_eq!(encode(&batch, &mut Vec::new()), Err(Unencodable::TooDeep));
}

#[test]
fn depth_in_the_bytes_is_refused_before_the_stack_ends() {
    let (schema, batch) = one_column(DataType::list(DataType::Int), vec![Value::List([].into())]);
    let mut bytes = bytes_of(&batch);
    bytes.truncate(bytes.len() - 2);
    (0..1_000_000).for_each(|_| bytes.extend_from_slice(&[10, 1]));
    assert!(decode(&mut Bytes::new(&bytes), &schema).is_err());
}

#[test]
fn small_numbers_and_short_texts_take_little_room() {
    let (_, ints) = one_column(DataType::Int, (0..1000).map(|n| Value::Int((1 << 60) + n % 200)).collect());
    assert!(bytes_of(&ints).len() < 1_050, "{}", bytes_of(&ints).len());
    let (_, texts) = one_column(DataType::String, (0..1000).map(|_| Value::string("12345678")).collect());
    assert!(bytes_of(&texts).len() < 9_050, "{}", bytes_of(&texts).len());
}

#[test]
fn columns_of_another_type_are_refused() {
    let (_, batch) = one_column(DataType::Int, vec![Value::Int(1)]);
    let bytes = bytes_of(&batch);
    let other = RecordType::new(vec![Field::new("x", DataType::Float)]);
    assert!(decode(&mut Bytes::new(&bytes), &other).is_err());
    let (_, batch) = one_column(DataType::list(DataType::Int), vec![Value::List([Value::Int(1)].into())]);
    let bytes = bytes_of(&batch);
    let other = RecordType::new(vec![Field::new("x", DataType::list(DataType::Bool))]);
    assert!(decode(&mut Bytes::new(&bytes), &other).is_err());
}

#[test]
fn the_bytes_never_change() {
    let schema = RecordType::new(vec![
        Field::new("a", DataType::Int),
        Field::new("b", DataType::String.optional()),
        Field::new("c", DataType::list(DataType::Float)),
    ]);
    let rows = [
        vec![Value::Int(1000), Value::string("flow"), Value::List([Value::Float(0.5)].into())],
        vec![Value::Int(1001), Value::Null, Value::List([].into())],
    ];
    #[rustfmt::skip]
    let pinned = [
        2, 0, 0, 0, 3, 0, 0, 0,
        2, 0, 1, 0xe8, 3, 0, 0, 0, 0, 0, 0, 0, 1,
        5, 1, 1, 0, 1, 4, 0, b'f', b'l', b'o', b'w',
        7, 0, 10, 1, 4, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 10, 0,
    ];
    assert_eq!(bytes_of(&Batch::from_rows(&rows, &schema)), pinned);
}
