//! Blobs in and out.
use std::io::{self, Read, Write};

use ainur_api::http::Bounds;
use ainur_api::problem::Code;
use ainur_api::{Problem, Service};
use ainur_crypto::hash::content_id;
use ainur_primitives::ContentId;

use crate::shelf::{Answer, DAMAGED_AFTER_BYTES, REFUSED_BLOB, Served};

const MIB: usize = 1024 * 1024;

/// Bytes that do not repeat within a piece.
fn blob(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn blobs_of_every_size_come_back() {
    let served = Served::start();
    let client = served.client();
    for length in [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 5 * MIB] {
        let bytes = blob(length);
        let stored = client.put_blob(&mut &bytes[..]);
        assert_eq!(stored, Ok((content_id(&bytes), length as u64)));
        let mut back = Vec::new();
        assert_eq!(client.get_blob(content_id(&bytes), &mut back), Ok(length as u64));
        assert!(back == bytes, "{length} bytes come back as they were");
    }
}

#[test]
fn a_blob_of_announced_length_is_stored() {
    let served = Served::start();
    let (headers, bytes) = (served.headers(), blob(3 * MIB));
    let mut request =
        format!("PUT /v1/blobs HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n", bytes.len())
            .into_bytes();
    request.extend_from_slice(&bytes);
    let answer = served.send(&request);
    let expected = serde_json::json!({ "content": content_id(&bytes), "bytes": bytes.len() });
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[test]
fn unknown_and_malformed_content_ids_are_problems() {
    let served = Served::start();
    let ask = |path: &str| {
        served.send(format!("GET /v1/blobs/{path} HTTP/1.1\r\n{}\r\n", served.headers()).as_bytes())
    };
    let unknown = content_id(b"nobody put this");
    ask(&unknown.to_string()).assert_problem(404, "not-found");
    for malformed in ["x", "%00", "%ff", "..%2f..%2fetc%2fpasswd", &unknown.to_string()[1..]] {
        ask(malformed).assert_problem(400, "invalid-request");
    }
    let mut nothing = Vec::new();
    let refused = served.client().get_blob(unknown, &mut nothing).unwrap_err();
    assert_eq!((refused.code, nothing.len()), (Code::NotFound, 0));
}

#[test]
fn a_blob_found_damaged_on_the_way_is_not_taken_for_whole() {
    let served = Served::start();
    let client = served.client();
    // The second is cut where a piece ends.
    for length in [5 * MIB, DAMAGED_AFTER_BYTES] {
        let bytes = blob(length);
        let (content, _) = client.put_blob(&mut &bytes[..]).unwrap();
        *served.shelf.damaged.lock().unwrap() = Some(content);
        assert_eq!(client.get_blob(content, &mut io::sink()).unwrap_err().code, Code::Storage);
    }
}

#[test]
fn a_client_notices_other_bytes_than_it_asked_for() {
    let served = Served::start();
    let content = content_id(b"right");
    served.shelf.blobs.lock().unwrap().insert(content, b"wrong".to_vec());
    let refused = served.client().get_blob(content, &mut io::sink()).unwrap_err();
    assert_eq!(refused.code, Code::Corrupted);
}

#[test]
fn a_refused_upload_is_told_why_although_it_was_still_sending() {
    let served = Served::start();
    let mut bytes = REFUSED_BLOB.to_vec();
    bytes.resize(5 * MIB, 1);
    let refused = served.client().put_blob(&mut &bytes[..]);
    assert_eq!(refused, Err(Problem::new(Code::Storage, "the disk is full")));
}

#[test]
fn blobs_over_the_limit_are_refused_announced_or_not() {
    let bounds = Bounds { blob_bytes_max: MIB as u64, ..Bounds::default() };
    let served = Served::with_bounds(bounds);
    let bytes = blob(MIB + 1);
    let refused = served.client().put_blob(&mut &bytes[..]).unwrap_err();
    assert_eq!(refused.code, Code::LimitReached);
    assert_eq!(served.client().put_blob(&mut &bytes[1..]).unwrap().1, MIB as u64);

    let headers = served.headers();
    let request = format!(
        "PUT /v1/blobs HTTP/1.1\r\n{headers}Expect: 100-continue\r\n\
         Content-Length: 99999999999\r\n\r\n"
    );
    served.send(request.as_bytes()).assert_problem(413, "limit-reached");
}

#[test]
fn an_upload_that_breaks_off_is_not_stored() {
    struct Breaks(usize);
    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("the tape is torn"));
            }
            let length = buffer.len().min(self.0);
            self.0 -= length;
            Ok(length)
        }
    }
    let served = Served::start();
    let refused = served.client().put_blob(&mut Breaks(MIB)).unwrap_err();
    assert_eq!(refused.code, Code::Storage);
    assert!(refused.message.contains("the tape is torn"), "{refused}");

    let mut stream = served.connect();
    let headers = served.headers();
    let head = format!("PUT /v1/blobs HTTP/1.1\r\n{headers}Content-Length: 10\r\n\r\nhalf");
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    drop(stream);
    // The next upload waits for nothing, so the broken one has been given up when this is done.
    served.client().put_blob(&mut &b"whole"[..]).unwrap();
    let blobs: Vec<ContentId> = served.shelf.blobs.lock().unwrap().keys().copied().collect();
    assert_eq!(blobs, [content_id(b"whole")]);
}

#[test]
fn a_sink_that_fails_is_a_problem_of_its_own() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let served = Served::start();
    let client = served.client();
    let (content, _) = client.put_blob(&mut &blob(5 * MIB)[..]).unwrap();
    let refused = client.get_blob(content, &mut Full).unwrap_err();
    assert_eq!(refused.code, Code::Storage);
    assert!(refused.message.contains("cannot be written"), "{refused}");
}

#[test]
fn the_head_of_a_blob_can_be_asked_for() {
    let served = Served::start();
    let (content, _) = served.client().put_blob(&mut &b"some"[..]).unwrap();
    let request = format!("HEAD /v1/blobs/{content} HTTP/1.1\r\n{}\r\n", served.headers());
    let mut stream = served.connect();
    stream.write_all(request.as_bytes()).unwrap();
    let answer = Answer::read(&mut stream);
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}
