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
        let Self { manifest, quote, execute, verify, module, component, memory } = self;
        let manifest_text = manifest.replace('\\', "\\\\").replace('"', "\\\"");
        let manifest_bytes = manifest.len();
        format!(
            r#"(component
  (import "ainur:agent/types@2.0.0" (instance $types
    (type $call (record (field "capability" string) (field "parameters" string)
      (field "input-bytes" u64) (field "reserve" string) (field "deadline-ms" u64)
      (field "active-tasks" u32)))
    (export "call" (type (eq $call)))
    (type $quote (record (field "price" string) (field "estimated-duration-ms" u64)
      (field "confidence-ppm" u32) (field "quality-level" u8)))
    (export "quote" (type (eq $quote)))
    (type $job (record (field "capability" string) (field "parameters" string)
      (field "input-bytes" u64) (field "first-chunk" u32)))
    (export "job" (type (eq $job)))
    (type $failure (variant (case "declined" string) (case "bad-input" string)
      (case "failed" string)))
    (export "failure" (type (eq $failure)))
    (type $delivery (record (field "capability" string) (field "parameters" string)
      (field "input-bytes" u64) (field "output-bytes" u64)))
    (export "delivery" (type (eq $delivery)))
    (type $verdict (record (field "accepted" bool) (field "detail" string)))
    (export "verdict" (type (eq $verdict)))))
  (alias export $types "call" (type $call))
  (alias export $types "quote" (type $quote))
  (alias export $types "job" (type $job))
  (alias export $types "failure" (type $failure))
  (alias export $types "delivery" (type $delivery))
  (alias export $types "verdict" (type $verdict))
  (import "ainur:agent/host@2.0.0" (instance $host
    (export "read-input" (func (param "offset" u64) (param "length" u32) (result (list u8))))
    (export "read-output" (func (param "offset" u64) (param "length" u32) (result (list u8))))
    (export "emit" (func (param "chunk" (list u8))))
    (export "progress" (func (param "done" u64) (param "total" u64)))))
  {component}
  (core module $libc
    (memory (export "memory") {memory})
    (global $top (export "top") (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (core func $read_input (canon lower (func $host "read-input")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $read_output (canon lower (func $host "read-output")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $emit (canon lower (func $host "emit") (memory (core memory $libc "memory"))))
  (core func $progress (canon lower (func $host "progress")))
  (core module $guest
    (import "libc" "memory" (memory 0))
    (import "libc" "top" (global $top (mut i32)))
    (import "host" "read-input" (func $read_input (param i64 i32 i32)))
    (import "host" "read-output" (func $read_output (param i64 i32 i32)))
    (import "host" "emit" (func $emit (param i32 i32)))
    (import "host" "progress" (func $progress (param i64 i64)))
    (data (i32.const 16) "why")
    (data (i32.const 32) "1234")
    (data (i32.const 1024) "{manifest_text}")
    {module}
    (func (export "describe") (result i32)
      (i32.store (i32.const 128) (i32.const 1024))
      (i32.store (i32.const 132) (i32.const {manifest_bytes}))
      (i32.const 128))
    (func (export "quote") (param i32 i32 i32 i32 i64 i32 i32 i64 i32) (result i32)
      (local $i i32)
      {quote})
    (func (export "execute") (param i32 i32 i32 i32) (param $input_bytes i64)
      (param $first_chunk i32) (result i32)
      (local $offset i64) (local $i i32)
      {execute})
    (func (export "verify") (param i32 i32 i32 i32 i64 i64) (result i32)
      {verify}))
  (core instance $guest (instantiate $guest
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "read-input" (func $read_input))
      (export "read-output" (func $read_output))
      (export "emit" (func $emit))
      (export "progress" (func $progress))))))
  (func (export "describe") (result string)
    (canon lift (core func $guest "describe") (memory (core memory $libc "memory"))))
  (func (export "quote") (param "call" $call) (result (option $quote))
    (canon lift (core func $guest "quote") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc"))))
  (func (export "execute") (param "job" $job) (result (result (error $failure)))
    (canon lift (core func $guest "execute") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc"))))
  (func (export "verify") (param "delivery" $delivery) (result $verdict)
    (canon lift (core func $guest "verify") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc")))))"#
        )
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
