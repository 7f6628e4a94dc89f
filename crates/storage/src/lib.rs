//! Write-ahead log, key-value state, content-addressed blobs; every byte checked.
