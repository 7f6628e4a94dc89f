//! Auditing everything a node stores, and exporting what others can check.
use std::path::Path;

use ainur_api::operation::Reply;
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{AuditReport, Check};
use ainur_consensus::ReplicatedLog;
use ainur_ledger::{Height, invariants};

use crate::directory::refused;
use crate::node::Node;
use crate::problem::with_causes;

impl Node {
    /// Recomputes what can be recomputed and compares it with what is stored.
    pub(crate) fn audit(&self) -> Result<AuditReport, Problem> {
        let mut checks = vec![self.audit_money(), self.audit_chain()];
        checks.extend(self.mailbox.call(|broker| {
            let log = match broker.audit().verify_all() {
                Ok(intact) => passed(
                    "transparency log",
                    format!("{} entries, {} checkpoints", intact.entries, intact.checkpoints),
                ),
                Err(error) => failed("transparency log", &error),
            };
            let journal = match broker.journal().verify() {
                Ok(entries) => passed("task journal", format!("{entries} entries")),
                Err(error) => failed("task journal", &error),
            };
            Ok([log, journal])
        })?);
        checks.push(self.audit_blobs()?);
        let ok = checks.iter().all(|check| check.ok);
        Ok(AuditReport { checks, ok })
    }

    fn audit_money(&self) -> Check {
        match self.log.query(|view| invariants::check(view.state()).map_err(Box::new)) {
            Ok(()) => passed("conservation of money", "every unit is accounted for".into()),
            Err(violation) => failed("conservation of money", &*violation),
        }
    }

    /// Executes all blocks again from genesis, with every signature.
    fn audit_chain(&self) -> Check {
        match self.log.verify(&self.genesis) {
            Ok(blocks) => passed("ledger", format!("{blocks} blocks replayed from genesis")),
            Err(error) => failed("ledger", &error),
        }
    }

    fn audit_blobs(&self) -> Result<Check, Problem> {
        let ids = self.blobs.list().map_err(|error| crate::problem::of_storage(&error))?;
        for id in &ids {
            let read = self.blobs.reader(id).and_then(|mut reader| {
                while reader.next_group()?.is_some() {}
                Ok(())
            });
            if let Err(error) = read {
                return Ok(failed("blobs", &error));
            }
        }
        Ok(passed("blobs", format!("{} blobs", ids.len())))
    }

    /// Writes the transparency log as C2SP tiles and the blocks as JSON lines.
    pub(crate) fn export(&self, folder: &str) -> Result<Reply, Problem> {
        let root = Path::new(folder).to_owned();
        if root.exists() {
            return Err(Problem::new(Code::Conflict, format!("{folder} exists already"))
                .next("name a folder that does not exist yet"));
        }
        std::fs::create_dir_all(&root).map_err(|error| refused("make", &root, &error))?;
        let tiles = root.join("log");
        self.mailbox.call(move |broker| {
            broker.audit().export_tiles(&tiles).map(|_| ()).map_err(|error| {
                Problem::new(Code::Storage, with_causes(&error))
                    .next("run a task first if the log is empty")
            })
        })?;
        let path = root.join("blocks.jsonl");
        let mut lines = Vec::new();
        let mut next = Height(1);
        loop {
            let blocks = self
                .log
                .committed(next)
                .map_err(|error| Problem::new(Code::Storage, with_causes(&error)))?;
            let Some(last) = blocks.last() else { break };
            next = last.block.header.height.next();
            for stored in &blocks {
                let line = serde_json::json!({
                    "header": stored.block.header,
                    "signature": stored.signature,
                    "transactions": stored.block.transactions.len(),
                    "events": stored.events,
                });
                lines.extend(line.to_string().into_bytes());
                lines.push(b'\n');
            }
        }
        std::fs::write(&path, lines).map_err(|error| refused("write", &path, &error))?;
        let genesis = self.directory.read("genesis.json")?.unwrap_or_default();
        let path = root.join("genesis.json");
        std::fs::write(&path, genesis).map_err(|error| refused("write", &path, &error))?;
        Ok(Reply::Done)
    }
}

fn passed(name: &str, detail: String) -> Check {
    Check { name: name.into(), ok: true, detail }
}

fn failed(name: &str, error: &dyn std::error::Error) -> Check {
    Check { name: name.into(), ok: false, detail: with_causes(error) }
}
