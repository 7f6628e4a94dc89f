//! Small components in text form: a well-behaved guest, any part of which a test replaces by a
//! hostile one.
use std::path::PathBuf;

use ainur_runtime::Program;

/// The parts of a guest.
pub(crate) struct Guest {
    pub(crate) manifest: String,
    /// Instructions that leave the address of an `option<quote>`.
    pub(crate) quote: String,
    /// Instructions that leave the address of a `result<_, failure>`. `$input_bytes` and
    /// `$first_chunk` are there, and `(local $offset i64)`, `(local $i i32)`.
    pub(crate) execute: String,
    /// Instructions that leave the address of a `verdict`.
    pub(crate) verify: String,
    /// More definitions for the module.
    pub(crate) module: String,
    /// More definitions for the component.
    pub(crate) component: String,
    /// Limits of the memory, in pages.
    pub(crate) memory: String,
}

pub(crate) const MANIFEST: &str = r#"{"name":"guest","description":"copies","version":"1","capabilities":[{"name":"bytes.copy","deterministic":true}]}"#;

/// Copies the input to the output in chunks of 64 KiB, beginning with `first-chunk`.
const COPY: &str = r#"
    (local.set $offset (i64.mul (i64.extend_i32_u (local.get $first_chunk)) (i64.const 65536)))
    (block $end (loop $next
        (br_if $end (i64.ge_u (local.get $offset) (local.get $input_bytes)))
        (global.set $top (i32.const 65536))
        (call $read_input (local.get $offset) (i32.const 65536) (i32.const 64))
        (call $emit (i32.load (i32.const 64)) (i32.load (i32.const 68)))
        (local.set $offset (i64.add (local.get $offset) (i64.const 65536)))
        (call $progress (local.get $offset) (local.get $input_bytes))
        (br $next)))
    (i32.store8 (i32.const 128) (i32.const 0))
    (i32.const 128)"#;

/// Accepts when the first byte of the input is the first byte of the output.
const COMPARE: &str = r#"
    (global.set $top (i32.const 65536))
    (call $read_input (i64.const 0) (i32.const 1) (i32.const 64))
    (call $read_output (i64.const 0) (i32.const 1) (i32.const 72))
    (i32.store8 (i32.const 128) (i32.eq
        (i32.load8_u (i32.load (i32.const 64))) (i32.load8_u (i32.load (i32.const 72)))))
    (i32.store (i32.const 132) (i32.const 16))
    (i32.store (i32.const 136) (i32.const 3))
    (i32.const 128)"#;

/// Bids 1234 base units, 50 ms, 90 percent, standard.
const BID: &str = r#"
    (i32.store8 (i32.const 128) (i32.const 1))
    (i32.store (i32.const 136) (i32.const 32))
    (i32.store (i32.const 140) (i32.const 4))
    (i64.store (i32.const 144) (i64.const 50))
    (i32.store (i32.const 152) (i32.const 900000))
    (i32.store8 (i32.const 156) (i32.const 0))
    (i32.const 128)"#;

impl Guest {
    pub(crate) fn good() -> Self {
        Self {
            manifest: MANIFEST.into(),
            quote: BID.into(),
            execute: COPY.into(),
            verify: COMPARE.into(),
            module: String::new(),
            component: String::new(),
            memory: "4".into(),
        }
    }

    pub(crate) fn that_executes(execute: &str) -> Self {
        Self { execute: execute.into(), ..Self::good() }
    }

    pub(crate) fn wat(&self) -> String {
        let manifest_text = self.manifest.replace('\\', "\\\\").replace('"', "\\\"");
        include_str!("guest.wat")
            .replace("{manifest_text}", &manifest_text)
            .replace("{manifest_bytes}", &self.manifest.len().to_string())
            .replace("{quote}", &self.quote)
            .replace("{execute}", &self.execute)
            .replace("{verify}", &self.verify)
            .replace("{module}", &self.module)
            .replace("{component}", &self.component)
            .replace("{memory}", &self.memory)
    }

    /// The same, with a strategy of its own: instructions that leave the address of a `decision`.
    pub(crate) fn negotiating(counter: &str) -> Program {
        let module = format!(
            "(func (export \"counter\") (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32)
             (result i32) {counter})"
        );
        let wat = Self { module, ..Self::good() }.wat();
        let whole = wat.trim_end().strip_suffix(')').expect("a component ends");
        let wat = format!("{whole}{})", include_str!("counter.wat"));
        program(&wat::parse_str(wat).unwrap())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        wat::parse_str(self.wat()).unwrap()
    }

    pub(crate) fn program(&self) -> Program {
        program(&self.bytes())
    }
}

/// A program of these bytes, in a file that stays until the test process ends.
pub(crate) fn program(bytes: &[u8]) -> Program {
    let path = file("guest.wasm", bytes);
    Program::component(&path).unwrap()
}

/// A file that stays until the test process ends.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = tempfile::Builder::new().tempdir_in(crate::root()).unwrap().keep();
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
