//! Arguments of `ainur agent …`.
use std::path::PathBuf;

use ainur_market::negotiation::TacticName;
use ainur_market::strategy::StrategyChoice;
use ainur_primitives::{
    Amount, CapabilityName, PenaltyBeneficiary, PenaltyCause, PenaltyClause, Ppm, SharingMethod,
};
use clap::{Args, Subcommand, ValueEnum};

#[derive(Subcommand, Debug)]
pub(crate) enum Agent {
    /// Add a WASM component, a program, an MCP server, an A2A agent or an HTTP service.
    Add(Box<AgentAdd>),
    /// All agents.
    List,
    /// One agent.
    Show {
        /// Name or DID.
        agent: String,
    },
    /// Take an agent as it is now: tools that changed since it was added are called again.
    Accept {
        /// Name or DID.
        agent: String,
    },
    /// Remove an agent.
    Remove {
        /// Name or DID.
        agent: String,
        /// The file with the key of an agent that keeps its own: takes its card and its free stake
        /// back on the ledger.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct AgentAdd {
    /// A component (`.wasm`), a program that answers `introspect --json`, the command line of an MCP
    /// server (after `--`), or a URL: of an MCP server, an A2A agent or an OpenAPI document.
    pub(crate) target: String,
    /// Fixed arguments of a program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) program_arguments: Vec<String>,
    /// Name on this node [default: what the agent calls itself].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Price of each call in AINU; needed for agents that do not quote themselves. With a strategy,
    /// it is what a call costs the agent.
    #[arg(long, visible_alias = "cost", value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) price: Option<Amount>,
    /// Another price for one capability; may be repeated.
    #[arg(long, value_parser = price_of, value_name = "NOUN.VERB=AINU")]
    pub(crate) price_of: Vec<(CapabilityName, Amount)>,
    /// How it concedes when a buyer negotiates: boulware (late), linear, conceder (early),
    /// time-dependent:N/M, tit-for-tat, micro or learned.
    #[arg(long, default_value_t = TacticName::default(), value_name = "TACTIC")]
    pub(crate) tactic: TacticName,
    /// How bids are made from the agent's price or quote: floor, load-aware, bandit or policy
    /// [default: the price or quote is the bid].
    #[arg(long, value_name = "STRATEGY")]
    pub(crate) strategy: Option<StrategyChoice>,
    /// The file with the agent's own key (`ainur aacl key FILE`): it signs the agent's joining here,
    /// and the node never sees it. The agent then sells by what it signs itself: see ainur aacl.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Stake to bond in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) stake: Option<Amount>,
    /// Capability of a program that does not describe itself.
    #[arg(long, value_name = "NOUN.VERB", conflicts_with = "mcp")]
    pub(crate) capability: Option<CapabilityName>,
    /// Let the program use the network.
    #[arg(long)]
    pub(crate) network: bool,
    /// The program is an MCP server on its standard streams; it is not asked anything else.
    #[arg(long)]
    pub(crate) mcp: bool,
    /// What the agent saves of its price when it works on a part of a task beside others, such as
    /// 15%: then it may bid in coalitions.
    #[arg(long, value_parser = super::market::percent, value_name = "SHARE")]
    pub(crate) team_saving: Option<Ppm>,
    /// With whom it saves that: an agent's name or DID; may be repeated [default: everybody].
    #[arg(long, value_name = "AGENT", requires = "team_saving")]
    pub(crate) team_with: Vec<String>,
    /// How a coalition that the agent leads divides what it is paid above its members' prices.
    #[arg(long, value_enum, default_value_t = Sharing::Contribution, requires = "team_saving")]
    pub(crate) team_sharing: Sharing,
    /// What members of a coalition that the agent leads pay, as CAUSE:PAYEE:SHARE of their bonds:
    /// failed or late; to buyer, backup (whoever takes over) or members (the others); such as
    /// failed:members:20%. May be repeated.
    #[arg(long, value_parser = penalty, value_name = "CLAUSE", requires = "team_saving")]
    pub(crate) penalty: Vec<PenaltyClause>,
    /// What is kept back at most, in AINU, of what members of a coalition that the agent leads are
    /// paid above their prices, until the task ends: it pays for backups that ask more than the
    /// member they follow.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU", requires = "team_saving")]
    pub(crate) insurance: Option<Amount>,
    /// The most the agent pledges for such clauses, as a share of its bond; it stays out of
    /// coalitions whose clauses could cost it more [default: 50%].
    #[arg(long, value_parser = super::market::percent, value_name = "SHARE", requires = "team_saving")]
    pub(crate) pledge_max: Option<Ppm>,
    /// Let an MCP server read this folder or file; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) read: Vec<PathBuf>,
    /// Let an MCP server change this folder or file; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) write: Vec<PathBuf>,
    /// A variable of an MCP server's environment; without `=VALUE`, as it is here.
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Let the URL be on this machine or a private network.
    #[arg(long)]
    pub(crate) private: bool,
    /// A file with the credential that the URL wants to be shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) credential: Option<PathBuf>,
    /// The header to show it in [default: `Authorization: Bearer`].
    #[arg(long, value_name = "NAME", requires = "credential")]
    pub(crate) credential_header: Option<String>,
}

/// How a coalition divides what it is paid above its members' prices.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Sharing {
    /// In equal parts.
    Equal,
    /// By what each adds to the others (Shapley value).
    Contribution,
    /// By what each one's part would cost without the coalition.
    Auction,
    /// By Nash's bargaining solution.
    Nash,
}

impl From<Sharing> for SharingMethod {
    fn from(sharing: Sharing) -> Self {
        match sharing {
            Sharing::Equal => Self::Equal,
            Sharing::Contribution => Self::ContributionBased,
            Sharing::Auction => Self::AuctionBased,
            Sharing::Nash => Self::Nash,
        }
    }
}

/// `cause:payee:share`.
fn penalty(text: &str) -> Result<PenaltyClause, String> {
    let wrong = || format!("'{text}' is not a clause such as failed:members:20% or late:buyer:5%");
    let mut words = text.split(':');
    let (Some(cause), Some(payee), Some(share), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(wrong());
    };
    let cause = match cause {
        "failed" => PenaltyCause::Failed,
        "late" => PenaltyCause::Late,
        _ => return Err(wrong()),
    };
    let beneficiary = match payee {
        "buyer" => PenaltyBeneficiary::Buyer,
        "backup" => PenaltyBeneficiary::Backup,
        "members" => PenaltyBeneficiary::Members,
        _ => return Err(wrong()),
    };
    Ok(PenaltyClause { beneficiary, cause, penalty: super::market::percent(share)? })
}

/// `noun.verb=amount`.
fn price_of(text: &str) -> Result<(CapabilityName, Amount), String> {
    let (name, amount) = text.split_once('=').ok_or("write noun.verb=0.5")?;
    let name = name.parse::<CapabilityName>().map_err(|error| error.to_string())?;
    let amount = Amount::from_ainu(amount).map_err(|error| error.to_string())?;
    Ok((name, amount))
}
