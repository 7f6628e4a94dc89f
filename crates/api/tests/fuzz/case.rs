//! One case: what is said to which server, decided by a seed and a number alone.
use crate::corpus::{self, Seed, Surface};
use crate::frames;
use crate::grpc;
use crate::judge::Expected;
use crate::random::Random;
use crate::request::Content;
use crate::world::{OWNER, READER, SPENDER, Standing, World};

/// What is said.
pub(crate) enum Said {
    /// HTTP/1, or what begins like it.
    Http1 { bytes: Vec<u8>, expected: Expected },
    /// Frames of HTTP/2.
    Frames(Vec<u8>),
    /// A call over gRPC.
    Call(grpc::Call),
}

/// How it is said.
pub(crate) struct Case {
    pub(crate) said: Said,
    /// Where the bytes are cut into what is written at once.
    pub(crate) cuts: Vec<usize>,
    /// The caller waits for the server to end the connection.
    pub(crate) is_stubborn: bool,
}

/// Writes at most.
const CUTS_MAX: usize = 12;

impl Case {
    /// The case with this number, against this server.
    pub(crate) fn new(seed: u64, number: u64, world: &World) -> Self {
        let mut random = Random::of_case(seed, number);
        let is_stubborn = random.chance(10);
        let said = said(world, &mut random);
        let length = match &said {
            Said::Http1 { bytes, .. } | Said::Frames(bytes) => bytes.len(),
            Said::Call(_) => 0,
        };
        let mut cuts = Vec::new();
        if length > 1 && random.chance(60) {
            cuts = (0..random.length(CUTS_MAX)).map(|_| random.below(length)).collect();
            cuts.sort_unstable();
        }
        Self { said, cuts, is_stubborn }
    }

    /// All of it, so that it can be said again by hand.
    pub(crate) fn described(&self) -> String {
        match &self.said {
            Said::Http1 { bytes, .. } => format!(
                "HTTP/1, cut at {:?}, stubborn: {}: {}",
                self.cuts,
                self.is_stubborn,
                bytes.escape_ascii()
            ),
            Said::Frames(bytes) => {
                format!("HTTP/2, cut at {:?}: {}", self.cuts, bytes.escape_ascii())
            }
            Said::Call(call) => format!("gRPC: {}", call.described()),
        }
    }
}

/// What a caller shows in such a world; strangers show this or that which does not help.
fn authorization(standing: Standing, random: &mut Random) -> Option<String> {
    let wrong = "WrongAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let text = match standing {
        Standing::Owner => OWNER,
        Standing::Spender => SPENDER,
        Standing::Fixtures => return None,
        Standing::Stranger => match random.below(6) {
            0 => return None,
            1 => wrong,
            2 => return Some("Bearer".into()),
            3 => return Some(format!("Bearer {READER}, Bearer {wrong}")),
            _ => READER,
        },
    };
    Some(format!("Bearer {text}"))
}

fn said(world: &World, random: &mut Random) -> Said {
    let names = world.names();
    let shown = authorization(world.standing, random);
    if world.standing != Standing::Fixtures && random.chance(18) {
        return Said::Call(grpc::call(&names, shown.as_deref(), random));
    }
    let mut seeds = match world.standing {
        Standing::Fixtures => corpus::fixtures(&names),
        _ => corpus::market(&names),
    };
    let authority = world.address.to_string();
    for seed in &mut seeds {
        let headers = &mut seed.request.headers;
        headers.insert(0, (b"Host".to_vec(), authority.clone().into()));
        headers.extend(shown.as_deref().map(|it| (b"Authorization".to_vec(), it.into())));
    }
    if random.chance(12) {
        return Said::Frames(frames::conversation(&seeds, &authority, random));
    }
    http1(&seeds, random)
}

fn http1(seeds: &[Seed], random: &mut Random) -> Said {
    let Seed { surface, request } = random.pick(seeds);
    let (surface, mut request) = (*surface, request.clone());
    let (mut changes_body, mut changes_head, mut changes_bytes) = (false, false, false);
    match random.below(100) {
        0..50 => changes_body = true,
        50..75 => changes_head = true,
        75..88 => changes_bytes = true,
        _ => (changes_body, changes_head) = (true, true),
    }
    if changes_body {
        match &mut request.body {
            Content::Nothing => changes_head = true,
            Content::Json(tree) => tree.mutate(random),
            Content::Raw(raw) => crate::bytes::mutate(raw, random),
        }
    }
    if changes_head {
        request.mutate(random);
    }
    let content = request.content();
    let mut bytes = request.to_bytes();
    if changes_bytes {
        crate::bytes::mutate(&mut bytes, random);
    }
    let is_known = !changes_head && !changes_bytes;
    if is_known && random.chance(8) {
        // One more after it, on the same connection.
        bytes.extend(random.pick(seeds).request.to_bytes());
        let expected = Expected { surface: None, body: None };
        return Said::Http1 { bytes, expected };
    }
    let has_id = is_known && matches!(surface, Surface::Rpc | Surface::Mcp);
    let expected =
        Expected { surface: is_known.then_some(surface), body: has_id.then_some(content) };
    Said::Http1 { bytes, expected }
}
