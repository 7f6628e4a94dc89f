//! Executors: WASM components and plain commands in worker processes with hard limits.
