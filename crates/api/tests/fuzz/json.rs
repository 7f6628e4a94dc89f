//! JSON as a tree that can also say what no value can: names that occur twice, numbers without end,
//! halves of letters.
use serde_json::Value;

use crate::random::Random;

/// A piece of JSON, or of what is nearly that.
#[derive(Clone)]
pub(crate) enum Tree {
    /// Written as it is.
    Raw(Vec<u8>),
    /// What stands between quotation marks.
    Text(Vec<u8>),
    List(Vec<Tree>),
    Object(Vec<(Vec<u8>, Tree)>),
}

/// Values of a kind that was not expected.
const STRANGE: [&[u8]; 40] = [
    b"null",
    b"true",
    b"false",
    b"0",
    b"-0",
    b"-1",
    b"1.5",
    b"1e400",
    b"-1e-400",
    b"1E+2",
    b"255",
    b"256",
    b"2147483648",
    b"-2147483649",
    b"9007199254740993",
    b"9223372036854775808",
    b"18446744073709551616",
    b"340282366920938463463374607431768211456",
    b"[]",
    b"{}",
    b"[[{}]]",
    b"\"\"",
    b"\"0\"",
    b"\"-1\"",
    b"\"1e9\"",
    b"\"\\ud800\"",
    b"\"\\udc00\\ud800\"",
    b"\"\\u0000\"",
    b"\"\\r\\nX-Injected: 1\"",
    b"\"\xff\xfe\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xf0\x9f\x98\x80\xe2\x80\xae\xcc\x81\"",
    b"\"../../etc/passwd\"",
    b"\"%s%n${x}{{y}}\"",
    b"NaN",
    b"Infinity",
    b"01",
    b"+1",
    b"1.",
    b"\"unfinished",
];

/// Names that mean something to one protocol or another.
const NAMES: [&str; 40] = [
    "jsonrpc",
    "id",
    "method",
    "params",
    "result",
    "error",
    "message",
    "messageId",
    "contextId",
    "taskId",
    "parts",
    "kind",
    "data",
    "text",
    "raw",
    "url",
    "file",
    "role",
    "metadata",
    "configuration",
    "historyLength",
    "blocking",
    "returnImmediately",
    "taskPushNotificationConfig",
    "_meta",
    "name",
    "arguments",
    "cursor",
    "uri",
    "capability",
    "parameters",
    "reserve",
    "budget",
    "check",
    "limits",
    "deadline_ms",
    "wait",
    "ainur/reserve",
    "ainur/idempotency-key",
    "",
];

/// Bytes from which on a tree grows no more.
const BYTES_MAX: usize = 200_000;

/// How deep what nests without end does so.
const DEPTHS: [usize; 6] = [3, 60, 126, 130, 2_000, 50_000];

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        let inner = |text: &str| {
            let quoted = Value::from(text).to_string();
            quoted.as_bytes()[1..quoted.len() - 1].to_vec()
        };
        match value {
            Value::String(text) => Self::Text(inner(text)),
            Value::Array(values) => Self::List(values.iter().map(Self::from).collect()),
            Value::Object(object) => Self::Object(
                object.iter().map(|(name, value)| (inner(name), Self::from(value))).collect(),
            ),
            other => Self::Raw(other.to_string().into_bytes()),
        }
    }
}

impl Tree {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let quote = |text: &[u8], bytes: &mut Vec<u8>| {
            bytes.push(b'"');
            bytes.extend_from_slice(text);
            bytes.push(b'"');
        };
        match self {
            Self::Raw(raw) => bytes.extend_from_slice(raw),
            Self::Text(text) => quote(text, bytes),
            Self::List(values) => {
                bytes.push(b'[');
                for (index, value) in values.iter().enumerate() {
                    bytes.extend((index > 0).then_some(b','));
                    value.write(bytes);
                }
                bytes.push(b']');
            }
            Self::Object(fields) => {
                bytes.push(b'{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    bytes.extend((index > 0).then_some(b','));
                    quote(name, bytes);
                    bytes.push(b':');
                    value.write(bytes);
                }
                bytes.push(b'}');
            }
        }
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::Raw(_) | Self::Text(_) => 0,
            Self::List(values) => values.iter().map(Self::count).sum(),
            Self::Object(fields) => fields.iter().map(|(_, value)| value.count()).sum(),
        }
    }

    /// The node with this number, counted from the root, which is nought.
    fn node(&mut self, mut number: usize) -> &mut Self {
        if number == 0 {
            return self;
        }
        number -= 1;
        let children: Vec<&mut Self> = match self {
            Self::Raw(_) | Self::Text(_) => Vec::new(),
            Self::List(values) => values.iter_mut().collect(),
            Self::Object(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
        };
        for child in children {
            let count = child.count();
            if number < count {
                return child.node(number);
            }
            number -= count;
        }
        unreachable!("the number was drawn below the count")
    }

    fn any(&mut self, random: &mut Random) -> &mut Self {
        let number = random.below(self.count());
        self.node(number)
    }

    /// How many bytes it comes to, about.
    fn weight(&self) -> usize {
        match self {
            Self::Raw(bytes) | Self::Text(bytes) => bytes.len() + 2,
            Self::List(values) => 2 + values.iter().map(Self::weight).sum::<usize>(),
            Self::Object(fields) => {
                let weigh = |(name, value): &(Vec<u8>, Self)| name.len() + 4 + value.weight();
                2 + fields.iter().map(weigh).sum::<usize>()
            }
        }
    }

    /// Changes the tree in a few places.
    pub(crate) fn mutate(&mut self, random: &mut Random) {
        let times = if random.chance(60) { 1 } else { 1 + random.below(4) };
        for _ in 0..times {
            if self.weight() < BYTES_MAX {
                self.change(random);
            }
        }
    }

    /// Changes a leaf to another of its kind, so that it may pass as what it was.
    fn change_gently(&mut self, random: &mut Random) {
        match self {
            Self::Text(text) => {
                let at = random.below(text.len() + 1);
                text.insert(at, *random.pick(b"0aA. -/:"));
            }
            Self::Raw(raw) => *raw = random.pick(&[b"0", b"1", b"2", b"7"]).to_vec(),
            Self::List(values) => values.reverse(),
            Self::Object(fields) => fields.reverse(),
        }
    }

    fn change(&mut self, random: &mut Random) {
        let graft = self.any(random).clone();
        let place = self.any(random);
        if random.chance(25) {
            return place.change_gently(random);
        }
        match random.below(9) {
            0 | 1 => *place = strange(random),
            2 => *place = graft,
            3 => *place = nested(place, random),
            4 => match place {
                Self::Text(text) => crate::bytes::mutate(text, random),
                Self::Raw(raw) => crate::bytes::mutate(raw, random),
                other => *other = strange(random),
            },
            _ => match place {
                Self::List(values) => change_list(values, graft, random),
                Self::Object(fields) => change_object(fields, graft, random),
                leaf => *leaf = strange(random),
            },
        }
    }
}

fn change_list(values: &mut Vec<Tree>, graft: Tree, random: &mut Random) {
    let at = random.below(values.len() + 1);
    match random.below(4) {
        0 if at < values.len() => drop(values.remove(at)),
        1 => values.insert(at, strange(random)),
        2 => values.insert(at, graft),
        _ => {
            let times = random.length(200).min(BYTES_MAX / graft.weight());
            values.extend(vec![graft; times]);
        }
    }
}

fn change_object(fields: &mut Vec<(Vec<u8>, Tree)>, graft: Tree, random: &mut Random) {
    let at = random.below(fields.len() + 1);
    let name = random.pick(&NAMES).as_bytes().to_vec();
    if at == fields.len() {
        fields.push((name, strange(random)));
        return;
    }
    let other = random.below(fields.len());
    match random.below(7) {
        0 => drop(fields.remove(at)),
        1 => fields[at].0 = name,
        // A name that occurs twice, before or after.
        2 => {
            let twice = (fields[at].0.clone(), strange(random));
            fields.insert(other, twice);
        }
        3 => {
            let value = fields[at].1.clone();
            fields[other].1 = value;
        }
        4 => fields.insert(at, (name, graft)),
        5 => crate::bytes::mutate(&mut fields[at].0, random),
        _ => fields.extend((0..random.length(300)).map(|number| {
            let name = format!("field-{number}").into_bytes();
            (name, Tree::Raw(number.to_string().into_bytes()))
        })),
    }
}

fn strange(random: &mut Random) -> Tree {
    match random.below(12) {
        0 => Tree::Text(vec![b'x'; random.length(20_000)]),
        1 => Tree::Raw(vec![b'9'; 1 + random.length(2_000)]),
        2 => {
            let depth = *random.pick(&DEPTHS);
            Tree::Raw([b"[".repeat(depth), b"]".repeat(depth)].concat())
        }
        3 => {
            let depth = *random.pick(&DEPTHS);
            Tree::Raw([b"{\"a\":".repeat(depth), b"1".to_vec(), b"}".repeat(depth)].concat())
        }
        _ => Tree::Raw(random.pick(&STRANGE).to_vec()),
    }
}

/// The same, wrapped up.
fn nested(tree: &Tree, random: &mut Random) -> Tree {
    let mut wrapped = tree.clone();
    for _ in 0..=random.length(8) {
        wrapped = match random.below(2) {
            0 => Tree::List(vec![wrapped]),
            _ => Tree::Object(vec![(random.pick(&NAMES).as_bytes().to_vec(), wrapped)]),
        };
    }
    wrapped
}
