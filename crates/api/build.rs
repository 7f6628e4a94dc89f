//! Writes the code for A2A over gRPC out of `proto/a2a.proto`. Needs neither a network nor protoc.
use std::error::Error;

use prost::Message;

const FOLDER: &str = "proto";
const FILE: &str = "proto/a2a.proto";
const PACKAGE: &str = ".lf.a2a.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FILE}");
    let files = protox::compile([FILE], [FOLDER])?;
    let mut messages = tonic_prost_build::Config::new();
    messages.compile_well_known_types().extern_path(".google.protobuf", "::pbjson_types");
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .compile_fds_with_config(files.clone(), messages)?;
    let mut json = pbjson_build::Builder::new();
    json.register_descriptors(&files.encode_to_vec())?.build(&[PACKAGE])?;
    Ok(())
}
