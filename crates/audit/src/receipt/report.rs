//! What verifying a receipt found: every check by name, with what it saw or what is wrong.
use std::fmt;

use serde::Serialize;

use super::Receipt;

/// The result of [`super::verify`].
#[derive(Debug, Clone)]
pub struct Report {
    /// Every check, in order.
    pub checks: Vec<CheckResult>,
    /// The receipt, when the bytes are one in canonical form. Its content means nothing unless
    /// [`Report::ok`].
    pub receipt: Option<Box<Receipt>>,
}

/// One check and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// What was checked.
    pub name: CheckName,
    /// How it ended.
    pub finding: Finding,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", content = "detail", rename_all = "kebab-case")]
pub enum Finding {
    /// It holds; what was seen.
    Ok(String),
    /// It does not hold; why.
    Failed(String),
    /// It could not be checked; why. A receipt with an unchecked check is not ok.
    Unchecked(String),
}

macro_rules! check_names {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// The checks of a receipt.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum CheckName {
            $($(#[$doc])* $name,)*
        }

        impl CheckName {
            /// All checks, in the order they are reported.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }

        impl fmt::Display for CheckName {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),* })
            }
        }
    };
}

check_names! {
    /// The bytes are a receipt in the one spelling of RFC 8785, within its limits.
    CanonicalForm = "canonical form",
    /// The ledger is one that is trusted.
    Issuer = "issuer",
    /// Every event is of the ledger the receipt names.
    Chain = "chain",
    /// Keys belong to the DIDs they are given for.
    Identities = "identities",
    /// Every block header has a quorum of validators' signatures, both halves of each.
    HeaderSignatures = "header signatures",
    /// Every event is under its header.
    EventInclusion = "event inclusion",
    /// The specification and its check are the ones agreed to.
    Specification = "specification",
    /// Parties, reserve and budget are the ones agreed to.
    Agreement = "agreement",
    /// The transcript is about this task and is the one the agreements name.
    Transcript = "transcript",
    /// Attempts are complete, in order, and as the ledger says.
    Attempts = "attempts",
    /// Replaying the auction gives every attempt's seller and price.
    Award = "award",
    /// Every bidder signed the bid it opened.
    BidSignatures = "bid signatures",
    /// Payment or refund are as the ledger says.
    Settlement = "settlement",
    /// The verdict is the one the ledger holds.
    Verdict = "verdict",
    /// The log's checkpoint is signed by a trusted log, with both signatures.
    Checkpoint = "checkpoint",
    /// The log's entry is about this story and under the checkpoint.
    AuditInclusion = "audit inclusion",
    /// The issuer signed the document.
    IssuerSignature = "issuer signature",
}

impl Report {
    /// True when every check holds.
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|check| matches!(check.finding, Finding::Ok(_)))
    }

    /// The checks that do not hold or could not be made.
    pub fn problems(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|check| !matches!(check.finding, Finding::Ok(_)))
    }

    /// How a check ended.
    pub fn finding(&self, name: CheckName) -> Option<&Finding> {
        self.checks.iter().find(|check| check.name == name).map(|check| &check.finding)
    }

    /// True when the receipt is of a ledger nobody told us to trust.
    pub fn issuer_unknown(&self) -> bool {
        matches!(self.finding(CheckName::Issuer), Some(Finding::Failed(_)))
    }
}

impl Finding {
    /// What was seen or what is wrong.
    pub fn detail(&self) -> &str {
        match self {
            Self::Ok(detail) | Self::Failed(detail) | Self::Unchecked(detail) => detail,
        }
    }
}

impl From<Result<String, String>> for Finding {
    fn from(result: Result<String, String>) -> Self {
        match result {
            Ok(detail) => Self::Ok(detail),
            Err(reason) => Self::Failed(reason),
        }
    }
}
