//! Hostile components, and a good one.
use std::time::{Duration, Instant};

use ainur_primitives::FailureReason::{Crashed, Declined, Infrastructure, LimitExceeded, TimedOut};
use ainur_primitives::{Amount, DurationMs, ExecutionLimits, Ppm};
use ainur_runtime::{
    Event, GuestDecision, GuestProposal, Input, Job, NegotiationTurnView, Program,
};

use crate::guest::Guest;
use crate::stage::{Stage, execute, limits, quote, short_time, survives};

const FOREVER: &str = "(loop $l (br $l)) (i32.const 128)";

pub(crate) fn good_guest_copies_bids_and_verifies() {
    let mut stage = Stage::new();
    let input: Vec<u8> = (0..150_000u32).map(|i| i as u8).collect();
    let heard = stage.run(execute(Guest::good().program(), &input, limits()));
    assert_eq!(heard.output(), input);
    assert_eq!(heard.chunks.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2]);
    let Some(Event::Executed { chunks: 3, output_bytes: 150_000, fuel_used, .. }) = heard.last
    else {
        panic!("{:?}", heard.last)
    };
    assert!(fuel_used > 0);
    let Some(Event::Quoted { quote: Some(quote), .. }) =
        stage.run(quote(Guest::good().program())).last
    else {
        panic!("no bid")
    };
    assert_eq!((quote.price, quote.confidence), (Amount(1_234), Ppm(900_000)));
    for (output, expected) in [(vec![0, 9], true), (vec![1, 9], false)] {
        let verdict = stage.run(Job::Verify {
            program: Guest::good().program(),
            capability: "bytes.copy".parse().unwrap(),
            parameters: "{}".into(),
            input: Input::inline(vec![0]),
            output: Input::inline(output),
            limits: limits(),
        });
        let Some(Event::Verified { accepted, detail, .. }) = verdict.last else {
            panic!("{:?}", verdict.last)
        };
        assert_eq!((accepted, detail.as_str()), (expected, "why"));
    }
}

pub(crate) fn attempt_continues_at_first_chunk() {
    let input: Vec<u8> = (0..200_000u32).map(|i| (i >> 8) as u8).collect();
    let mut work = execute(Guest::good().program(), &input, limits());
    if let Job::Execute { first_chunk, .. } = &mut work {
        *first_chunk = 2;
    }
    let heard = Stage::new().run(work);
    assert_eq!(heard.chunks[0].0, 2);
    assert_eq!(heard.output(), input[2 << 16..]);
    assert!(matches!(heard.last, Some(Event::Executed { chunks: 4, .. })), "{:?}", heard.last);
}

pub(crate) fn same_call_gives_same_bytes_and_fuel() {
    let mut stage = Stage::new();
    let used: Vec<_> = (0..3)
        .map(|_| match stage.run(execute(Guest::good().program(), &[1; 9_999], limits())).last {
            Some(Event::Executed { fuel_used, .. }) => fuel_used,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(used.windows(2).all(|pair| pair[0] == pair[1]), "{used:?}");
}

pub(crate) fn infinite_loop_times_out() {
    let start = Instant::now();
    let guest = Guest::that_executes(FOREVER);
    survives(execute(guest.program(), b"", short_time()), TimedOut, "time ran out");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

pub(crate) fn infinite_loop_in_quote_times_out() {
    let guest = Guest { quote: FOREVER.into(), ..Guest::good() };
    survives(quote(guest.program()), TimedOut, "time ran out");
}

pub(crate) fn spent_fuel_is_a_limit() {
    let limits = ExecutionLimits { fuel_max: 100_000, ..limits() };
    let guest = Guest::that_executes(FOREVER);
    survives(execute(guest.program(), b"", limits), LimitExceeded, "fuel");
}

pub(crate) fn memory_bomb_is_a_limit() {
    // Asks until refused, then gives up as an allocator does.
    let guest = Guest::that_executes(
        "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
    );
    survives(execute(guest.program(), b"", limits()), LimitExceeded, "67108864 bytes of memory");
    let at_once = Guest { memory: "2000".into(), ..Guest::good() };
    survives(execute(at_once.program(), b"", limits()), LimitExceeded, "bytes of memory");
}

pub(crate) fn table_growth_is_a_limit() {
    let guest = Guest {
        module: "(table $t 1 funcref)".into(),
        ..Guest::that_executes(
            "(loop $l (br_if $l (i32.ne
                (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1)))) unreachable",
        )
    };
    survives(execute(guest.program(), b"", limits()), LimitExceeded, "table elements");
}

pub(crate) fn deep_recursion_is_a_limit() {
    let guest = Guest {
        module: "(func $r (param i32) (result i32)
            (i32.add (call $r (i32.add (local.get 0) (i32.const 1))) (local.get 0)))"
            .into(),
        ..Guest::that_executes("(call $r (i32.const 0))")
    };
    survives(execute(guest.program(), b"", limits()), LimitExceeded, "stack");
}

pub(crate) fn endless_output_is_a_limit() {
    let guest = Guest::that_executes(
        "(loop $l (call $emit (i32.const 0) (i32.const 262144)) (br $l)) (i32.const 128)",
    );
    let heard = survives(
        execute(guest.program(), b"", limits()),
        LimitExceeded,
        "33554432 bytes of output",
    );
    assert_eq!(heard.output().len(), 32 << 20);
}

pub(crate) fn giant_chunk_is_a_limit() {
    let guest = Guest {
        memory: "512".into(),
        ..Guest::that_executes("(call $emit (i32.const 0) (i32.const 30000000)) (i32.const 128)")
    };
    survives(execute(guest.program(), b"", limits()), LimitExceeded, "more data in one call");
    let slightly = Guest {
        memory: "512".into(),
        ..Guest::that_executes("(call $emit (i32.const 0) (i32.const 4194305)) (i32.const 128)")
    };
    survives(execute(slightly.program(), b"", limits()), LimitExceeded, "a chunk of 4194305");
}

pub(crate) fn trap_is_a_crash() {
    let guest = Guest::that_executes("unreachable");
    survives(execute(guest.program(), b"", limits()), Crashed, "unreachable");
    let guest = Guest::that_executes("(i32.div_u (i32.const 1) (i32.const 0))");
    survives(execute(guest.program(), b"", limits()), Crashed, "divide by zero");
}

pub(crate) fn lying_pointer_is_a_crash() {
    let guest = Guest::that_executes("(i32.const -4)");
    survives(execute(guest.program(), b"", limits()), Crashed, "");
    let guest = Guest::that_executes("(call $emit (i32.const -100) (i32.const 50)) unreachable");
    survives(execute(guest.program(), b"", limits()), Crashed, "");
}

pub(crate) fn endless_progress_is_rationed() {
    let guest = Guest::that_executes(
        "(loop $l (call $progress (i64.const 1) (i64.const 2)) (br $l)) (i32.const 128)",
    );
    let heard = survives(execute(guest.program(), b"", short_time()), TimedOut, "time");
    assert!((1..=6).contains(&heard.progress), "{}", heard.progress);
}

pub(crate) fn read_past_the_end_is_empty() {
    // Delivers how many bytes came back, as one byte.
    let guest = Guest::that_executes(
        "(global.set $top (i32.const 65536))
         (call $read_input (i64.const -1) (i32.const 1000) (i32.const 64))
         (i32.store8 (i32.const 100) (i32.load (i32.const 68)))
         (call $read_input (i64.const 3) (i32.const 1000) (i32.const 64))
         (i32.store8 (i32.const 101) (i32.load (i32.const 68)))
         (call $read_output (i64.const 0) (i32.const 1000) (i32.const 64))
         (i32.store8 (i32.const 102) (i32.load (i32.const 68)))
         (call $emit (i32.const 100) (i32.const 3))
         (i32.store8 (i32.const 128) (i32.const 0)) (i32.const 128)",
    );
    let heard = Stage::new().run(execute(guest.program(), b"12345", limits()));
    assert_eq!(heard.output(), [0, 2, 0], "{:?}", heard.last);
}

pub(crate) fn read_of_too_much_at_once_is_a_crash() {
    let guest = Guest::that_executes(
        "(call $read_input (i64.const 0) (i32.const -1) (i32.const 64)) (i32.const 128)",
    );
    survives(execute(guest.program(), b"1", limits()), Crashed, "with one read");
}

pub(crate) fn emit_in_a_quote_is_a_crash() {
    let guest = Guest {
        quote: "(call $emit (i32.const 0) (i32.const 1)) (i32.const 128)".into(),
        ..Guest::good()
    };
    survives(quote(guest.program()), Crashed, "outside 'execute'");
}

pub(crate) fn price_that_is_no_number_is_a_crash() {
    let text = Guest::good().quote.replace("(i32.const 32)", "(i32.const 16)");
    survives(quote(Guest { quote: text, ..Guest::good() }.program()), Crashed, "price");
    let sure = Guest::good().quote.replace("900000", "1000001");
    survives(quote(Guest { quote: sure, ..Guest::good() }.program()), Crashed, "confidence");
}

/// An `execute` that ends with this case of `failure`, saying `text`.
fn failing(case: u32, text: &str) -> Guest {
    let length = text.len();
    let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    Guest {
        module: format!("(data (i32.const 4096) \"{escaped}\")"),
        ..Guest::that_executes(&format!(
            "(i32.store8 (i32.const 128) (i32.const 1))
             (i32.store8 (i32.const 132) (i32.const {case}))
             (i32.store (i32.const 136) (i32.const 4096))
             (i32.store (i32.const 140) (i32.const {length}))
             (i32.const 128)"
        ))
    }
}

pub(crate) fn declining_is_declining() {
    let guest = failing(0, "not on Sundays");
    survives(execute(guest.program(), b"", limits()), Declined, "not on Sundays");
    let guest = failing(1, "no tar");
    survives(execute(guest.program(), b"", limits()), Crashed, "bad input: no tar");
}

pub(crate) fn failure_text_is_cleaned() {
    let nasty = format!("a\u{1b}[31m\n\u{202e}{}", "x".repeat(10_000));
    survives(execute(failing(2, &nasty).program(), b"", limits()), Crashed, "a [31m x");
}

pub(crate) fn missing_input_file_is_not_the_guests_fault() {
    let mut work = execute(Guest::good().program(), b"", limits());
    if let Job::Execute { input, .. } = &mut work {
        *input = Input::file("/nowhere/blob".into(), 100);
    }
    survives(work, Infrastructure, "cannot read a stream");
}

pub(crate) fn unacknowledged_chunks_hold_the_guest_back() {
    let (sender, events) = std::sync::mpsc::channel();
    let pool = ainur_runtime::WorkerPool::start(crate::stage::config(), move |event| {
        drop(sender.send(event));
    })
    .unwrap();
    let job = ainur_runtime::JobId(1);
    let input = vec![5; 20 << 16];
    pool.dispatch(job, execute(Guest::good().program(), &input, limits())).unwrap();
    let next_chunk = |patience: u64| loop {
        match events.recv_timeout(Duration::from_millis(patience)) {
            Ok(Event::Chunk { index, .. }) => return Some(index),
            Ok(Event::Executed { .. }) | Err(_) => return None,
            Ok(_) => {}
        }
    };
    for index in 0..8 {
        assert_eq!(next_chunk(10_000), Some(index));
    }
    assert_eq!(next_chunk(300), None, "the window is full");
    pool.acknowledge(job, 0);
    assert_eq!(next_chunk(10_000), Some(8));
    assert_eq!(next_chunk(300), None, "and full again");
    for index in 1..20 {
        pool.acknowledge(job, index);
        if index < 12 {
            assert_eq!(next_chunk(10_000), Some(index + 8));
        }
    }
    assert_eq!(next_chunk(10_000), None);
}

pub(crate) fn sleeping_takes_no_time_and_reads_nothing() {
    // Sleeps an hour on its own clock, then delivers one byte.
    let guest = Guest {
        component: r#"
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $p (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))"#
            .into(),
        ..Guest::that_executes(
            "(call $block (call $subscribe (i64.const 3600000000000)))
             (call $emit (i32.const 16) (i32.const 1))
             (i32.store8 (i32.const 128) (i32.const 0)) (i32.const 128)",
        )
    };
    let wat = guest
        .wat()
        .replace(
            r#"(import "host" "emit""#,
            r#"(import "host" "subscribe" (func $subscribe (param i64) (result i32)))
               (import "host" "block" (func $block (param i32)))
               (import "host" "emit""#,
        )
        .replace(
            r#"(export "emit" (func $emit))
"#,
            r#"(export "emit" (func $emit))
               (export "subscribe" (func $subscribe)) (export "block" (func $block))
"#,
        );
    let program = crate::guest::program(&wat::parse_str(wat).unwrap());
    let start = Instant::now();
    let heard = Stage::new().run(execute(program, b"", limits()));
    assert_eq!(heard.output(), b"w", "{:?}", heard.last);
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// Proposes the least it takes, for the quality in its memory.
const PROPOSE_LIMIT: &str = r#"
    (i32.store8 (i32.const 160) (i32.const 2))
    (i32.store (i32.const 168) (local.get 2))
    (i32.store (i32.const 172) (local.get 3))
    (i64.store (i32.const 176) (local.get 4))
    (i32.store8 (i32.const 184) (i32.const 1))
    (i32.const 160)"#;

fn counter(program: Program) -> Job {
    let limit =
        GuestProposal { price: Amount(1_234), timeline_ms: DurationMs(50), quality_level: 0 };
    let turn = NegotiationTurnView {
        capability: "bytes.copy".parse().unwrap(),
        limit,
        round: 1,
        rounds_max: 3,
        ours: Vec::new(),
        theirs: vec![limit],
    };
    Job::Counter { program, turn }
}

pub(crate) fn a_guest_negotiates_by_its_own_strategy_where_it_has_one() {
    let mut stage = Stage::new();
    let mut decide = |program| match stage.run(counter(program)).last {
        Some(Event::Countered { decision, .. }) => Ok(decision),
        Some(Event::Failed { reason, detail, .. }) => Err((reason, detail)),
        other => panic!("{other:?}"),
    };
    let proposal =
        GuestProposal { price: Amount(1_234), timeline_ms: DurationMs(50), quality_level: 1 };
    let own = Guest::negotiating(PROPOSE_LIMIT);
    assert_eq!(decide(own), Ok(Some(GuestDecision::Propose(proposal))));
    let accepts = "(i32.store8 (i32.const 160) (i32.const 0)) (i32.const 160)";
    assert_eq!(decide(Guest::negotiating(accepts)), Ok(Some(GuestDecision::Accept)));
    assert_eq!(decide(Guest::good().program()), Ok(None));

    let (reason, _) = decide(Guest::negotiating("unreachable")).unwrap_err();
    assert_eq!(reason, Crashed);
    // A price that is no number: "why".
    let nonsense = PROPOSE_LIMIT
        .replace("(local.get 2)", "(i32.const 16)")
        .replace("(local.get 3)", "(i32.const 3)");
    let (reason, detail) = decide(Guest::negotiating(&nonsense)).unwrap_err();
    assert_eq!(reason, Crashed);
    assert!(detail.contains("decimal"), "{detail}");
    let (reason, _) = decide(Guest::negotiating(FOREVER)).unwrap_err();
    assert!(matches!(reason, TimedOut | LimitExceeded), "{reason}");
}
