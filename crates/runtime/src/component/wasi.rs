//! WASI for components that ordinary toolchains built: every interface links, nothing is behind it.
//!
//! No files, sockets, arguments or environment; input is at its end, output goes nowhere. The wall
//! clock stands still, sleeping moves the guest's own clock and takes no time, and random numbers
//! are the same for every call, so that a repeated call gives the same bytes.
use std::time::Duration;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::clocks::HostWallClock;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::host::State;
use crate::limits::HANDLES_MAX;

/// The WASI side of one call.
pub(super) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    now_ns: u64,
}

/// 2000-01-01T00:00:00Z: a time that every file format can say.
const WALL_CLOCK_SECONDS: u64 = 946_684_800;
/// How far the guest's clock moves each time it is read.
const CLOCK_STEP_NS: u64 = 1_000;
/// Random bytes a guest may ask for at once.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

impl Wasi {
    pub(super) fn new() -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let random = |seed: &[u8]| {
            let mut bytes = vec![0; 1 << 12];
            blake3::Hasher::new().update(seed).finalize_xof().fill(&mut bytes);
            Deterministic::new(bytes)
        };
        let context = WasiCtx::builder()
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .wall_clock(StoppedClock)
            .secure_random(random(b"ainur guest secure"))
            .insecure_random(random(b"ainur guest insecure"))
            .insecure_random_seed(0)
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        Self { context, table, now_ns: 0 }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.as_mut().expect("components that import WASI are given it");
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

/// All of WASI 0.2, with our own monotonic clock in place of the one that really sleeps.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, OwnTime>(linker, |state| {
        let wasi = state.wasi.as_mut().expect("components that import WASI are given it");
        Clock { table: &mut wasi.table, now_ns: &mut wasi.now_ns }
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

struct OwnTime;

impl HasData for OwnTime {
    type Data<'a> = Clock<'a>;
}

struct Clock<'a> {
    table: &'a mut ResourceTable,
    now_ns: &'a mut u64,
}

impl monotonic_clock::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        *self.now_ns = self.now_ns.saturating_add(CLOCK_STEP_NS);
        Ok(*self.now_ns)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(CLOCK_STEP_NS)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        *self.now_ns = when.max(*self.now_ns);
        let resource = self.table.push(Now)?;
        subscribe(self.table, resource)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let when = self.now_ns.saturating_add(duration);
        self.subscribe_instant(when)
    }
}

/// A moment that has come.
struct Now;

#[wasmtime_wasi::async_trait]
impl Pollable for Now {
    async fn ready(&mut self) {}
}

struct StoppedClock;

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(WALL_CLOCK_SECONDS)
    }
}
