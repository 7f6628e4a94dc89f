//! Components that negotiate by instructions of their own.
use crate::place::Place;

/// Instructions by which a guest proposes 3 AINU, whatever was said.
pub(crate) const THREE: &str = r#"
    (i32.store8 (i32.const 160) (i32.const 2))
    (i32.store (i32.const 168) (i32.const 48))
    (i32.store (i32.const 172) (i32.const 13))
    (i64.store (i32.const 176) (local.get 4))
    (i32.store8 (i32.const 184) (i32.const 0))
    (i32.const 160)"#;

/// A component that quotes 1,234 base units and negotiates by these instructions.
pub(crate) fn component_that_counters(place: &Place, counter: &str) -> String {
    let manifest = r#"{"name":"guest","description":"greets","version":"1","capabilities":[{"name":"text.greet"}]}"#;
    let quote = r#"
        (i32.store8 (i32.const 128) (i32.const 1))
        (i32.store (i32.const 136) (i32.const 32))
        (i32.store (i32.const 140) (i32.const 4))
        (i64.store (i32.const 144) (i64.const 50))
        (i32.store (i32.const 152) (i32.const 900000))
        (i32.store8 (i32.const 156) (i32.const 0))
        (i32.const 128)"#;
    let execute = r#"
        (call $emit (i32.const 16) (i32.const 3))
        (i32.store8 (i32.const 128) (i32.const 0))
        (i32.const 128)"#;
    let module = format!(
        r#"(data (i32.const 48) "3000000000000")
        (func (export "counter") (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32)
            (result i32) {counter})"#
    );
    let wat = include_str!("../../runtime/tests/hostile/guest.wat")
        .replace("{manifest_text}", &manifest.replace('"', "\\\""))
        .replace("{manifest_bytes}", &manifest.len().to_string())
        .replace("{quote}", quote)
        .replace("{execute}", execute)
        .replace("{verify}", "unreachable")
        .replace("{module}", &module)
        .replace("{component}", "")
        .replace("{memory}", "4");
    let whole = wat.trim_end().strip_suffix(')').expect("a component ends");
    let exports = include_str!("../../runtime/tests/hostile/counter.wat");
    let bytes = wat::parse_str(format!("{whole}{exports})")).expect("a component");
    place.file("guest.wasm", &bytes)
}
