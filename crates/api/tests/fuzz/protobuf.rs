//! Messages of protocol buffers as a tree of fields, and ways to break them.
use crate::random::Random;

/// A field: its number and what it holds.
#[derive(Clone)]
pub(crate) struct Field {
    number: u64,
    content: Content,
}

/// What a field holds.
#[derive(Clone)]
pub(crate) enum Content {
    Varint(u64),
    Double(f64),
    Text(Vec<u8>),
    Message(Vec<Field>),
    /// A group, as it was before proto3: with a beginning and an end in place of a length.
    Group(Vec<Field>),
    /// A key of this wire type and then these bytes.
    Raw(u8, Vec<u8>),
}

/// Numbers of fields: some that are there, and some that cannot be.
const NUMBERS: [u64; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 19_000, 536_870_911, u64::MAX >> 3];

/// Depths at which the decoder has to say no, and some before.
const DEPTHS: [usize; 5] = [2, 50, 99, 101, 3_000];

/// Fields from which on a message grows no more.
const FIELDS_MAX: usize = 2_000;

pub(crate) fn text(number: u64, text: &str) -> Field {
    Field { number, content: Content::Text(text.as_bytes().to_vec()) }
}

pub(crate) fn varint(number: u64, value: u64) -> Field {
    Field { number, content: Content::Varint(value) }
}

pub(crate) fn message(number: u64, fields: Vec<Field>) -> Field {
    Field { number, content: Content::Message(fields) }
}

/// `google.protobuf.Value`, of what a JSON value is.
pub(crate) fn value(number: u64, value: &serde_json::Value) -> Field {
    use serde_json::Value::{Array, Bool, Null, Number, Object, String};
    let inner = match value {
        Null => varint(1, 0),
        Number(of) => {
            Field { number: 2, content: Content::Double(of.as_f64().unwrap_or_default()) }
        }
        String(of) => text(3, of),
        Bool(of) => varint(4, u64::from(*of)),
        Object(of) => message(
            5,
            of.iter()
                .map(|(name, inner)| message(1, vec![text(1, name), self::value(2, inner)]))
                .collect(),
        ),
        Array(of) => message(6, of.iter().map(|inner| self::value(1, inner)).collect()),
    };
    message(number, vec![inner])
}

/// `google.protobuf.Struct`, of a JSON object.
pub(crate) fn object(number: u64, object: &serde_json::Value) -> Field {
    match value(5, object).content {
        Content::Message(mut fields) => Field { number, ..fields.remove(0) },
        _ => unreachable!("a value is a message"),
    }
}

pub(crate) fn to_bytes(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        write(field, &mut bytes);
    }
    bytes
}

fn write_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn write(field: &Field, bytes: &mut Vec<u8>) {
    let key = |wire: u8, bytes: &mut Vec<u8>| {
        write_varint((field.number << 3) | u64::from(wire), bytes);
    };
    match &field.content {
        Content::Varint(value) => {
            key(0, bytes);
            write_varint(*value, bytes);
        }
        Content::Double(value) => {
            key(1, bytes);
            bytes.extend(value.to_le_bytes());
        }
        Content::Text(text) => {
            key(2, bytes);
            write_varint(text.len() as u64, bytes);
            bytes.extend_from_slice(text);
        }
        Content::Message(fields) => {
            key(2, bytes);
            let inner = to_bytes(fields);
            write_varint(inner.len() as u64, bytes);
            bytes.extend(inner);
        }
        Content::Group(fields) => {
            key(3, bytes);
            bytes.extend(to_bytes(fields));
            key(4, bytes);
        }
        Content::Raw(wire, raw) => {
            key(*wire, bytes);
            bytes.extend_from_slice(raw);
        }
    }
}

fn count(fields: &[Field]) -> usize {
    let inner = |field: &Field| match &field.content {
        Content::Message(inner) | Content::Group(inner) => count(inner),
        _ => 0,
    };
    fields.iter().map(|field| 1 + inner(field)).sum()
}

/// Changes a message in a few places.
pub(crate) fn mutate(fields: &mut Vec<Field>, random: &mut Random) {
    let times = if random.chance(60) { 1 } else { 1 + random.below(4) };
    for _ in 0..times {
        if count(fields) < FIELDS_MAX {
            descend(fields, random);
        }
    }
}

fn descend(fields: &mut Vec<Field>, random: &mut Random) {
    if fields.is_empty() || random.chance(30) {
        return change(fields, random);
    }
    let at = random.below(fields.len());
    match &mut fields[at].content {
        Content::Message(inner) | Content::Group(inner) => descend(inner, random),
        _ => change(fields, random),
    }
}

fn change(fields: &mut Vec<Field>, random: &mut Random) {
    if fields.is_empty() {
        fields.push(strange(random));
        return;
    }
    let at = random.below(fields.len());
    match random.below(11) {
        0 => drop(fields.remove(at)),
        1 => fields[at].number = *random.pick(&NUMBERS),
        2 => fields[at] = Field { number: fields[at].number, ..strange(random) },
        3 => fields.insert(at, strange(random)),
        4 => {
            let again = fields[at].clone();
            let times = random.length(FIELDS_MAX) / count(std::slice::from_ref(&again)).max(1);
            fields.extend(vec![again; times]);
        }
        5 => {
            let other = random.below(fields.len());
            fields.swap(at, other);
        }
        6 => {
            let mut bytes = Vec::new();
            write(&fields[at], &mut bytes);
            fields[at].content = Content::Raw(random.below(8) as u8, bytes);
        }
        7 => match &mut fields[at].content {
            Content::Text(text) => crate::bytes::mutate(text, random),
            other => *other = Content::Text(random.bytes(9)),
        },
        8 => {
            let inner = std::mem::take(fields);
            let number = *random.pick(&NUMBERS);
            fields.push(message(number, inner));
        }
        9 => fields[at] = nested(fields[at].number, random),
        _ => match &mut fields[at].content {
            Content::Varint(value) => *value = random.next() >> random.below(64),
            Content::Double(value) => *value = f64::from_bits(random.next()),
            other => *other = Content::Varint(random.next() >> random.below(64)),
        },
    }
}

fn strange(random: &mut Random) -> Field {
    let number = *random.pick(&NUMBERS);
    let content = match random.below(11) {
        // A number that goes on for longer than numbers do, and one that breaks off.
        0 => Content::Raw(0, vec![0xff; 11]),
        1 => Content::Raw(0, vec![0x80]),
        // A length beyond the end, and beyond everything.
        2 => Content::Raw(2, vec![0x7f, 1]),
        3 => Content::Raw(2, [&[0xff; 9][..], &[1]].concat()),
        // An end of a group that never began, and a beginning without an end.
        4 => Content::Raw(4, Vec::new()),
        5 => Content::Raw(3, vec![8, 1]),
        6 => Content::Raw(6 + random.below(2) as u8, random.bytes(4)),
        7 => Content::Raw(1, random.bytes(3)),
        8 => Content::Text(vec![0xff; random.length(40)]),
        9 => Content::Varint(random.next()),
        _ => Content::Group(vec![varint(1, 1), text(2, "x")]),
    };
    Field { number, content }
}

/// A message in a message, or a group in a group, to a depth that may be too much. The fields are
/// those by which a value holds a list of values.
fn nested(number: u64, random: &mut Random) -> Field {
    let depth = *random.pick(&DEPTHS);
    let is_group = random.chance(40);
    let mut bytes = vec![8, 0];
    for level in 0..depth {
        let field = if level % 2 == 0 { 1 } else { 6 };
        let mut outer = Vec::new();
        if is_group {
            write_varint((field << 3) | 3, &mut outer);
            outer.extend(bytes);
            write_varint((field << 3) | 4, &mut outer);
        } else {
            write_varint((field << 3) | 2, &mut outer);
            write_varint(bytes.len() as u64, &mut outer);
            outer.extend(bytes);
        }
        bytes = outer;
    }
    Field { number, content: Content::Text(bytes) }
}
