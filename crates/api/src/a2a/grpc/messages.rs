//! The messages of `proto/a2a.proto`, and how they become the types that every binding shares: by
//! way of the JSON that the protocol defines for them.
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};
use tonic::Status;

use crate::a2a::error::Error;
use crate::a2a::wire;

pub(in crate::a2a) use generated::*;

/// Written by `build.rs`.
mod generated {
    #![expect(
        unreachable_pub,
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        clippy::enum_variant_names,
        clippy::too_many_lines,
        reason = "the file that it is generated from says what there is to say"
    )]
    include!(concat!(env!("OUT_DIR"), "/lf.a2a.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/lf.a2a.v1.serde.rs"));
}

/// Numbers beyond this are not told apart by the floats that carry them.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A message as what it should be.
pub(super) fn read<T: DeserializeOwned>(message: impl Serialize) -> Result<T, Error> {
    let mut value =
        serde_json::to_value(message).map_err(|error| Error::invalid(error.to_string()))?;
    make_whole(&mut value);
    wire::read(value)
}

/// An answer as a message.
pub(super) fn write<A: DeserializeOwned>(answer: Value) -> Result<A, Status> {
    serde_json::from_value(answer)
        .map_err(|error| Status::internal(format!("no message for this: {error}")))
}

/// Messages carry every number as a float; one without a fraction was meant to be whole. Messages
/// do not nest deeper than their decoder lets them.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if number.is_f64()
                && let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && float.abs() <= WHOLE_MAX
            {
                *number = Number::from(float as i64);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(make_whole),
        Value::Object(object) => object.values_mut().for_each(make_whole),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_without_a_fraction_are_whole_and_others_as_they_were() {
        let mut value = json!({ "a": [2.0, -3.0, 0.5, 1e300, 7], "b": { "c": 0.0 }, "d": "2.0" });
        make_whole(&mut value);
        let whole = json!({ "a": [2, -3, 0.5, 1e300, 7], "b": { "c": 0 }, "d": "2.0" });
        assert_eq!(value, whole);
    }

    #[test]
    fn bytes_structs_and_times_keep_their_value() {
        let task = json!({
            "id": "t", "contextId": "c",
            "status": { "state": "TASK_STATE_COMPLETED", "timestamp": "2026-11-21T19:26:00.125Z" },
            "artifacts": [{ "artifactId": "a", "parts": [
                { "raw": "/wAB", "mediaType": "application/octet-stream" },
                { "data": { "n": 2, "f": 0.5, "list": [null, true, "x"] } },
            ] }],
            "metadata": { "ainu": "0.25" },
        });
        let task: a2a_types::Task = serde_json::from_value(task).unwrap();
        let message: Task = write(wire::value(&task)).unwrap();
        let Some(part::Content::Raw(raw)) = &message.artifacts[0].parts[0].content else {
            panic!("{message:?}")
        };
        assert_eq!(raw[..], [0xff, 0, 1]);
        assert_eq!(message.status.as_ref().unwrap().timestamp.as_ref().unwrap().nanos, 125_000_000);
        let back: a2a_types::Task = read(message).unwrap();
        assert_eq!(wire::value(&back), wire::value(&task));
    }
}
