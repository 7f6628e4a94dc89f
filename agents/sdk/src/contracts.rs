//! The contracts that more than one agent offers, so that their offers are comparable.
use crate::manifest::{Contract, Schema};

/// Parameters: none.
pub const NO_PARAMETERS: Schema = r#"{"type":"object","additionalProperties":false}"#;

/// Media type of the folders our agents work on: a POSIX tar archive.
pub const TAR: &str = "application/x-tar";

/// `archive.compress`: any bytes into a lossless compressed stream of a format with its own magic.
pub const ARCHIVE_COMPRESS: Contract = Contract::new(
    "archive.compress",
    "Compresses a stream without loss into gzip, xz, zstd, lz4 or framed brotli.",
);

/// `archive.restore`: the inverse.
pub const ARCHIVE_RESTORE: Contract = Contract::new(
    "archive.restore",
    "Restores a stream compressed as gzip, xz, zstd, lz4 or framed brotli.",
);

/// `archive.deduplicate`: any bytes into unique content-defined chunks and their order.
pub const ARCHIVE_DEDUPLICATE: Contract = Contract {
    output_media_type: "application/vnd.ainur.deduplicated",
    ..Contract::new(
        "archive.deduplicate",
        "Cuts a stream into content-defined chunks and keeps each distinct one once.",
    )
};

/// `archive.reassemble`: the inverse.
pub const ARCHIVE_REASSEMBLE: Contract = Contract {
    input_media_type: Some("application/vnd.ainur.deduplicated"),
    ..Contract::new("archive.reassemble", "Restores a deduplicated stream.")
};
