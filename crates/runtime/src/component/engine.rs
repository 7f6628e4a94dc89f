//! The engine of a worker, and the components it has ready.
//!
//! Execution is deterministic: no threads, no clock, no entropy, one spelling of NaN, deterministic
//! relaxed SIMD. The same component with the same call gives the same bytes, on any machine.
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ainur_primitives::{ContentId, FailureReason};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::bindings::{Agent, AgentPre};
use super::cache::DiskCache;
use super::host::{Guest, State};
use super::negotiator::NegotiatorPre;
use super::{classify, content_id, read_file, wasi};
use crate::failure::Failure;
use crate::frame::CacheSetup;
use crate::limits::{
    COMPONENTS_CACHED_MAX, CORE_INSTANCES_MAX, MEMORIES_MAX, MEMORY_BYTES_MAX, STACK_BYTES_MAX,
    TABLE_ELEMENTS_MAX, TABLES_MAX,
};

/// A component that is ready to be instantiated.
pub(super) struct Loaded {
    pub(super) agent: AgentPre<State>,
    /// Its own strategy for negotiations, when it has one.
    pub(super) negotiator: Option<NegotiatorPre<State>>,
    pub(super) uses_wasi: bool,
}

/// All components of one worker.
pub(crate) struct Components {
    pub(super) engine: Engine,
    plain: Linker<State>,
    with_wasi: Linker<State>,
    disk: Option<DiskCache>,
    ready: Mutex<HashMap<ContentId, Slot>>,
    uses: AtomicU64,
}

/// A component once it is compiled, or why it cannot be.
type Compiling = Mutex<Option<Result<Arc<Loaded>, Failure>>>;

/// One component; its inner lock is held while it compiles, so that it compiles once.
struct Slot {
    loaded: Arc<Compiling>,
    last_use: u64,
}

impl Components {
    /// An engine for this many calls at once.
    pub(crate) fn new(calls_max: u32, cache: Option<CacheSetup>) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(calls_max))?;
        let mut plain = Linker::new(&engine);
        Agent::add_to_linker::<State, Guest>(&mut plain, |state| state)?;
        let mut with_wasi = Linker::new(&engine);
        Agent::add_to_linker::<State, Guest>(&mut with_wasi, |state| state)?;
        wasi::add_to_linker(&mut with_wasi)?;
        let disk = cache.map(|setup| DiskCache::new(setup, &engine));
        Ok(Self {
            engine,
            plain,
            with_wasi,
            disk,
            ready: Mutex::new(HashMap::new()),
            uses: AtomicU64::new(0),
        })
    }

    /// Lets running guests look at the clock.
    pub(crate) fn tick(&self) {
        self.engine.increment_epoch();
    }

    pub(super) fn load(&self, content: ContentId, path: &Path) -> Result<Arc<Loaded>, Failure> {
        let slot = self.slot(content);
        let mut loaded = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*loaded {
            Some(result) => result.clone(),
            None => {
                let result = self.load_file(content, path);
                let fault_is_ours = result
                    .as_ref()
                    .is_err_and(|failure| failure.reason == FailureReason::Infrastructure);
                if !fault_is_ours {
                    *loaded = Some(result.clone());
                }
                result
            }
        }
    }

    fn slot(&self, content: ContentId) -> Arc<Compiling> {
        let now = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains_key(&content) && ready.len() >= COMPONENTS_CACHED_MAX {
            let oldest = ready.iter().min_by_key(|(_, slot)| slot.last_use).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                ready.remove(&oldest);
            }
        }
        let slot =
            ready.entry(content).or_insert_with(|| Slot { loaded: Arc::default(), last_use: now });
        slot.last_use = now;
        Arc::clone(&slot.loaded)
    }

    fn load_file(&self, content: ContentId, path: &Path) -> Result<Arc<Loaded>, Failure> {
        let cached = self.disk.as_ref().and_then(|disk| disk.load(&self.engine, content));
        let component = match cached {
            Some(component) => component,
            None => {
                let bytes = read_file(path).map_err(|error| {
                    Failure::infrastructure(format!("{}: {error}", path.display()))
                })?;
                if content_id(&bytes) != content {
                    return Err(Failure::infrastructure(format!(
                        "{} is not the component {content}",
                        path.display()
                    )));
                }
                let component = self.compile(&bytes)?;
                if let Some(disk) = &self.disk {
                    disk.store(content, &component);
                }
                component
            }
        };
        self.link(&component).map(Arc::new)
    }

    fn compile(&self, bytes: &[u8]) -> Result<Component, Failure> {
        classify::check_header(bytes)?;
        Component::from_binary(&self.engine, bytes)
            .map_err(|error| Failure::crashed(format!("not a valid component: {error:#}")))
    }

    fn link(&self, component: &Component) -> Result<Loaded, Failure> {
        let uses_wasi = component
            .component_type()
            .imports(&self.engine)
            .any(|(name, _)| name.starts_with("wasi:"));
        let linker = if uses_wasi { &self.with_wasi } else { &self.plain };
        let instance = linker.instantiate_pre(component).map_err(|error| {
            Failure::crashed(format!("it imports what guests are not given: {error:#}"))
        })?;
        let negotiator = NegotiatorPre::new(instance.clone()).ok();
        let agent = AgentPre::new(instance).map_err(|error| {
            Failure::crashed(format!(
                "it does not export the world ainur:agent/agent of wit/agent.wit: {error:#}"
            ))
        })?;
        Ok(Loaded { agent, negotiator, uses_wasi })
    }
}

fn config(calls_max: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls_max)
        .total_core_instances(calls_max * CORE_INSTANCES_MAX)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .total_memories(calls_max * MEMORIES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_memory_size(MEMORY_BYTES_MAX as usize)
        .total_tables(calls_max * TABLES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
        .table_keep_resident(TABLE_KEPT_BYTES)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(true)
        .wasm_component_model(true);
    config
}

/// What of a used slot is cleared by writing zeros instead of by giving it back to the system.
const MEMORY_KEPT_BYTES: usize = 512 << 10;
const TABLE_KEPT_BYTES: usize = 64 << 10;
