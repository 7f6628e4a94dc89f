//! Transparency log with signed checkpoints, and receipts anyone can verify offline.
