//! What is changed is right before it is: otherwise nothing behind the first check would be tried.
use tokio::runtime::Builder;

use crate::answer::Answers;
use crate::corpus::{self, Seed, Surface};
use crate::grpc;
use crate::judge::{self, Expected};
use crate::world::{OWNER, SHORT_MS, SPENDER, Standing, World};

/// What is asked for and is not there in a market in which nothing has happened.
const ABSENT: [&str; 4] = [
    "GetTaskPushNotificationConfig",
    "tasks/pushNotificationConfig/get",
    "/pushNotificationConfigs/n1",
    "test_missing",
];

fn answered(world: &World, index: usize) -> Result<(), String> {
    world.renew();
    let names = world.names();
    let mut seeds = match world.standing {
        Standing::Fixtures => corpus::fixtures(&names),
        _ => corpus::market(&names),
    };
    let token = if world.standing == Standing::Spender { SPENDER } else { OWNER };
    let Seed { surface, request } = seeds.swap_remove(index);
    let asked = String::from_utf8(request.to_bytes()).unwrap();
    let request = request
        .with("Host", &world.address.to_string())
        .with("Authorization", &format!("Bearer {token}"))
        .with("Connection", "close");
    let bytes = heard(world, &request.to_bytes());
    let answers = Answers::read(&bytes, false)?;
    let [answer] = answers.all.as_slice() else {
        return Err(format!("{asked}\n  was answered {}", bytes.escape_ascii()));
    };
    let body = matches!(surface, Surface::Rpc | Surface::Mcp).then(|| request.content());
    judge::check(answer, &Expected { surface: Some(surface), body })?;
    let is_absent = ABSENT.iter().any(|absent| asked.contains(absent));
    // What only the owner may do.
    let is_absent = is_absent || (world.standing == Standing::Spender && answer.status == 403);
    if (answer.status >= 300 || judge::is_error(answer)) && !is_absent {
        return Err(format!("{asked}\n  was answered {}", bytes.escape_ascii()));
    }
    Ok(())
}

/// All that is answered, until the server closes or has said nothing for a while.
fn heard(world: &World, bytes: &[u8]) -> Vec<u8> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(world.address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
    stream.write_all(bytes).unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..length]);
    }
    answer
}

#[test]
fn every_request_is_right_before_it_is_changed() {
    for standing in [Standing::Owner, Standing::Spender, Standing::Fixtures] {
        let world = World::start(standing, SHORT_MS);
        let count = match standing {
            Standing::Fixtures => corpus::fixtures(&world.names()).len(),
            _ => corpus::market(&world.names()).len(),
        };
        let wrong: Vec<_> = (0..count).filter_map(|index| answered(&world, index).err()).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

#[test]
fn every_call_is_right_before_it_is_changed() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let world = World::start(Standing::Owner, SHORT_MS);
    let authorization = format!("Bearer {OWNER}");
    for (index, _) in grpc::right(&world.names(), &authorization).iter().enumerate() {
        world.renew();
        let (method, call) = grpc::right(&world.names(), &authorization).swap_remove(index);
        let ended = runtime.block_on(call.make(world.address));
        let wanted = if ABSENT.contains(&method) { 5 } else { 0 };
        assert_eq!(ended, Ok(Some(wanted)), "{method}: {}", call.described());
    }
}
