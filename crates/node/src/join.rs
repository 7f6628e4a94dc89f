//! Adding and removing agents.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::mpsc::sync_channel;

use ainur_api::operation::{AgentAdd, McpCommand, ProgramSource, TeamDraft};
use ainur_api::problem::{Code, Problem};
use ainur_broker::engine::LedgerAnswer;
use ainur_broker::seat::TeamTerms;
use ainur_identity::{AgentCard, KeyMaterial, ProgramRef, SignedAgentCard};
use ainur_ledger::{
    Action, Event, Outcome, Submission, Transaction, balances, identity, registry, reputation,
};
use ainur_market::coalition::FailureHandling;
use ainur_primitives::{Amount, CapabilityContract, CapabilityName, Did, DurationMs, Ppm};
use ainur_runtime::limits::COMMAND_WORDS_MAX;
use ainur_runtime::remote::{RemoteProgram, Secret};
use ainur_runtime::{Manifest, Program};
use ainur_storage::clock::{Clock, SystemClock};
use ainur_storage::crash_point;

use crate::agents::{self, AGENTS_MAX, AgentProgram, AgentRecord};
use crate::keys::KeyPair;
use crate::node::{Node, pool_config};
use crate::own_keys;
use crate::problem::{of_broker, of_transaction, with_causes};
use crate::remote;

/// How long a new agent's transactions may wait.
const JOIN_MS: DurationMs = DurationMs::seconds(600);
/// What an agent saves in company at most.
const SAVING_MAX: Ppm = Ppm(900_000);
/// Partners that one agent names at most.
const PARTNERS_MAX: usize = 64;
/// Fees a new agent may need before it earns its own.
const FEES_ENDOWED: u128 = 1_000;

/// Where adding an agent can be made to die, to prove that doing it again continues it.
pub(crate) const CRASH_POINTS: [&str; 4] =
    ["join.keys", "join.funded", "join.registered", "join.stored"];

/// What is to be added: its program, what it offers, what it wants to be shown.
pub(crate) struct Offer {
    pub(crate) program: AgentProgram,
    pub(crate) manifest: Manifest,
    credential: Option<Secret>,
}

/// What an agent has to do on the ledger to be one.
pub(crate) struct Joining {
    /// The number of its next transaction.
    pub(crate) nonce: u64,
    /// The money it lacks for it.
    pub(crate) lacking: Amount,
    /// What it sends, in order.
    pub(crate) actions: Vec<Action>,
}

/// Refuses an agent that does not quote and has no price for something it offers, and prices for
/// what it does not offer.
pub(crate) fn check_prices(
    manifest: &Manifest,
    price: Option<Amount>,
    prices: &BTreeMap<CapabilityName, Amount>,
) -> Result<(), Problem> {
    let offered = |name: &CapabilityName| manifest.capabilities.iter().any(|c| c.name == *name);
    if let Some(stray) = prices.keys().find(|name| !offered(name)) {
        let names: Vec<_> = manifest.capabilities.iter().map(|c| c.name.as_str()).collect();
        return Err(Problem::new(Code::InvalidAgent, format!("it does not offer {stray}"))
            .next(format!("it offers {}", names.join(", "))));
    }
    let unpriced = |contract: &&CapabilityContract| !prices.contains_key(&contract.name);
    match manifest.capabilities.iter().find(unpriced) {
        Some(contract) if price.is_none() => Err(Problem::new(
            Code::InvalidAgent,
            format!("it does not quote its price, and there is none for {}", contract.name),
        )
        .next("say what each call costs, such as --price 0.5")),
        _ => Ok(()),
    }
}

impl Node {
    /// Adds an agent: asks its program what it offers, gives it keys, an identity on the ledger
    /// and a stake, and a seat at the broker. An interrupted addition is continued by doing it
    /// again.
    pub(crate) fn add_agent(&self, add: AgentAdd) -> Result<AgentRecord, Problem> {
        let (name, Offer { program, manifest, credential }) = self.offered(&add)?;
        let _joining = self.join_lock();
        self.check_place(&name)?;
        let stake = add.stake.unwrap_or_else(|| self.config.agent_stake());
        let own_key = add.own_key.is_some();
        let card = match &add.own_key {
            Some(own) => {
                let signed = self.check_papers(own, &name, &manifest, &program, stake)?;
                agents::store_credential(&self.directory, &name, credential.as_ref())?;
                crash_point("join.keys");
                self.join_signed(signed)?
            }
            None => {
                let keys = agents::keys_for(&self.directory, &name)?;
                // One that another agent of this name left is nobody else's business.
                agents::store_credential(&self.directory, &name, credential.as_ref())?;
                crash_point("join.keys");
                let card = signed_card(self.card(keys.did(), &name, &manifest, &program)?, &keys)?;
                self.join_ledger(&keys, &card, stake)?;
                card
            }
        };
        crash_point("join.registered");
        let team = add.team.map(|team| self.team_terms(*team)).transpose()?;
        let record = AgentRecord {
            did: card.card.did,
            name: name.clone(),
            description: manifest.description,
            program,
            capabilities: manifest.capabilities,
            price: add.price,
            prices: add.prices,
            tactic: add.tactic,
            strategy: add.strategy,
            quarantined: BTreeMap::new(),
            team,
            stake,
            card,
            active: true,
            own_key,
        };
        record.store(&self.directory)?;
        crash_point("join.stored");
        self.seat(&record)?;
        self.agents.write().unwrap_or_else(PoisonError::into_inner).insert(name, record.clone());
        Ok(record)
    }

    /// What is to be added, and under which name.
    pub(crate) fn offered(&self, add: &AgentAdd) -> Result<(String, Offer), Problem> {
        let offer =
            self.offer(add.program.clone(), add.name.as_deref(), add.capability.as_ref())?;
        let said = || agents::name_from(&offer.manifest.name);
        let name = add.name.clone().unwrap_or_else(said);
        agents::check_name(&name)?;
        if !matches!(offer.program, AgentProgram::Component { .. }) {
            check_prices(&offer.manifest, add.price, &add.prices)?;
        }
        Ok((name, offer))
    }

    /// Refuses a name that is taken, and more agents than are kept.
    pub(crate) fn check_place(&self, name: &str) -> Result<(), Problem> {
        let known = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        if known.get(name).is_some_and(|agent| agent.active) {
            return Err(Problem::new(Code::Conflict, format!("there is an agent '{name}'"))
                .next("give this one another name with --name"));
        }
        if known.len() >= AGENTS_MAX {
            return Err(Problem::new(
                Code::LimitReached,
                format!("a node keeps at most {AGENTS_MAX} agents (AGENTS_MAX)"),
            ));
        }
        Ok(())
    }

    /// What an agent saves in company, its partners by their identities.
    fn team_terms(&self, team: TeamDraft) -> Result<TeamTerms, Problem> {
        if team.saving > SAVING_MAX || team.partners.len() > PARTNERS_MAX {
            let why = format!(
                "an agent saves at most {} % in company, with {PARTNERS_MAX} named partners",
                SAVING_MAX.0 / 10_000
            );
            return Err(Problem::new(Code::InvalidRequest, why));
        }
        let partners = team.partners.iter().map(|name| match name.parse::<Did>() {
            Ok(did) => Ok(did),
            Err(_) => self.agent(name).map(|agent| agent.did),
        });
        let mut partners = partners.collect::<Result<Vec<Did>, Problem>>()?;
        partners.sort_unstable();
        partners.dedup();
        let pledge_max = team.pledge_max.unwrap_or(TeamTerms::pledge_max_default());
        let failure =
            FailureHandling { penalty_clauses: team.penalties, ..FailureHandling::default() };
        failure.validate_clauses().map_err(|error| {
            Problem::new(Code::InvalidRequest, error.to_string())
                .next("state penalties as shares of a bond that are at most all of it for a cause")
        })?;
        let pledged = failure.pledge_share();
        if pledge_max > Ppm::ONE || pledged > pledge_max {
            let why = format!(
                "the agent's own clauses may cost it {pledged} of its bond, and it pledges at most \
                 {pledge_max} of up to 100 %"
            );
            return Err(Problem::new(Code::InvalidRequest, why)
                .next("state smaller penalties, or let it pledge more (--pledge-max)"));
        }
        Ok(TeamTerms {
            partners,
            saving: team.saving,
            sharing: team.sharing,
            penalties: failure.penalty_clauses,
            insurance: team.insurance.unwrap_or_default(),
            pledge_max,
        })
    }

    /// What is to be added, and what it offers.
    fn offer(
        &self,
        source: ProgramSource,
        name: Option<&str>,
        capability: Option<&CapabilityName>,
    ) -> Result<Offer, Problem> {
        let named = || name.map(str::to_owned);
        let argv = match &source {
            ProgramSource::Command { argv, .. } => Some(argv),
            ProgramSource::McpCommand(command) => Some(&command.argv),
            ProgramSource::Component { .. } | ProgramSource::Url(_) => None,
        };
        if argv.is_some_and(|argv| !(1..=COMMAND_WORDS_MAX).contains(&argv.len())) {
            let message = format!("a command line has 1 to {COMMAND_WORDS_MAX} words");
            return Err(
                Problem::new(Code::InvalidAgent, message).next("name a program and its arguments")
            );
        }
        let mut silent = None;
        let candidates = match source {
            ProgramSource::Component { content } => {
                return self.local(AgentProgram::Component { content }, capability);
            }
            ProgramSource::Command { argv, network, or_mcp } => {
                let program = AgentProgram::Command { argv: argv.clone(), network };
                match self.local(program, capability) {
                    Err(problem) if or_mcp && capability.is_none() => {
                        silent = Some(problem);
                        let command = McpCommand { argv, network, ..McpCommand::default() };
                        vec![remote::on_this_machine(command, named())]
                    }
                    result => return result,
                }
            }
            ProgramSource::McpCommand(command) => vec![remote::on_this_machine(command, named())],
            ProgramSource::Url(place) => remote::at_url(place, named())?,
        };
        let found = self.find(candidates).map_err(|nor| match silent {
            // What a program lacks is told first: most are no servers.
            Some(Problem { code, message, next_step }) => {
                Problem { code, message: format!("{message}; {}", nor.message), next_step }
            }
            None => nor,
        })?;
        Ok(Offer {
            program: found.program,
            manifest: found.description.manifest,
            credential: found.credential,
        })
    }

    fn local(
        &self,
        program: AgentProgram,
        capability: Option<&CapabilityName>,
    ) -> Result<Offer, Problem> {
        let manifest = self.manifest(&program, capability)?;
        Ok(Offer { program, manifest, credential: None })
    }

    fn manifest(
        &self,
        program: &AgentProgram,
        capability: Option<&CapabilityName>,
    ) -> Result<Manifest, Problem> {
        let runnable = self.program("", program)?;
        let found = ainur_runtime::inspect(
            pool_config(&self.directory, &self.config, &self.options)?,
            runnable.clone(),
        );
        match (found, &runnable, capability) {
            (Ok(manifest), Program::Command { network, .. }, _) => Ok(granted(manifest, *network)),
            (Ok(manifest), _, _) => Ok(manifest),
            // A program that does not describe itself can be described by flags.
            (Err(_), Program::Command { argv, network, .. }, Some(capability)) => {
                let file = std::path::Path::new(&argv[0]).file_stem();
                let name = file.map(|name| name.to_string_lossy().to_lowercase());
                let manifest = Manifest {
                    name: name.unwrap_or_else(|| "program".into()).replace(['_', '.', ' '], "-"),
                    description: format!("the program {}", argv.join(" ")),
                    version: "1".into(),
                    capabilities: vec![plain_contract(capability.clone())],
                };
                Ok(granted(manifest, *network))
            }
            (Err(error), Program::Command { .. }, None) => {
                Err(Problem::new(Code::InvalidAgent, with_causes(&error)).next(
                    "make it answer 'introspect --json' (docs/introspection.md), or say what it \
                     offers with --capability noun.verb",
                ))
            }
            (Err(error), Program::Component { .. }, _) => {
                Err(Problem::new(Code::InvalidAgent, with_causes(&error))
                    .next("build it against wit/agent.wit as a component (agents/README.md)"))
            }
            (Err(error), Program::Remote(_), _) => {
                Err(Problem::new(Code::InvalidAgent, with_causes(&error)))
            }
        }
    }

    /// The next card of an agent, not signed.
    pub(crate) fn card(
        &self,
        did: Did,
        name: &str,
        manifest: &Manifest,
        program: &AgentProgram,
    ) -> Result<AgentCard, Problem> {
        let registered = self.read(|state| registry::query::agent(state, &did));
        let (version, previous) = match registered {
            Some(registered) => (registered.version + 1, Some(registered.card)),
            None => (1, None),
        };
        Ok(AgentCard {
            kind: ainur_identity::card::AgentCardKind::V1,
            did,
            name: name.into(),
            description: manifest.description.clone(),
            version,
            previous,
            capabilities: manifest.capabilities.clone(),
            program: match program {
                AgentProgram::Component { content } => ProgramRef::Component { content: *content },
                AgentProgram::Command { argv, .. } => ProgramRef::Command { argv: argv.clone() },
                AgentProgram::Remote { program } => match (program, agents::service(program)) {
                    (RemoteProgram::Mcp(_), Some(url)) => service("mcp", url),
                    (RemoteProgram::A2a(_), Some(url)) => service("a2a", url),
                    (RemoteProgram::OpenApi(_), Some(url)) => service("http", url),
                    (program, None) => {
                        ProgramRef::Command { argv: agents::command(program).to_vec() }
                    }
                },
            },
            created: SystemClock.now(),
        })
    }

    /// Sees to it that the agent has an identity, its stake and its registration on the ledger.
    pub(crate) fn join_ledger(
        &self,
        keys: &KeyPair,
        card: &SignedAgentCard,
        stake: Amount,
    ) -> Result<(), Problem> {
        let joining = self.joining(&keys.material(), &card.card, stake)?;
        self.fund(keys.did(), joining.lacking)?;
        let fee = self.parameters().fee_min;
        let submission = self.signed_by(keys, joining.nonce, joining.actions, fee);
        self.submit(submission).map(drop)
    }

    /// Gives a new agent what it lacks.
    pub(crate) fn fund(&self, did: Did, lacking: Amount) -> Result<(), Problem> {
        if !lacking.is_zero() {
            let transfer = balances::Action::Transfer { to: did, amount: lacking };
            self.do_on_ledger(vec![transfer.into()])?;
        }
        crash_point("join.funded");
        Ok(())
    }

    /// What the holder of these keys has to do on the ledger to be an agent with this card.
    pub(crate) fn joining(
        &self,
        material: &KeyMaterial,
        card: &AgentCard,
        stake: Amount,
    ) -> Result<Joining, Problem> {
        let did = material.did();
        let parameters = self.parameters();
        let (account, identity_known, bonded) = self.read(|state| {
            (
                balances::query::account(state, &did),
                identity::query::identity(state, &did).is_some(),
                reputation::query::reputation(state, &did).staked,
            )
        });
        if stake < parameters.reputation.stake_min {
            return Err(Problem::new(
                Code::InvalidRequest,
                format!(
                    "the stake is below the minimum of {} AINU",
                    parameters.reputation.stake_min.to_ainu()
                ),
            )
            .next("bond more with --stake"));
        }
        let missing_stake = stake.saturating_sub(bonded);
        let deposit = if identity_known { Amount::ZERO } else { parameters.identity.deposit };
        let fees = Amount(parameters.fee_min.0.saturating_mul(FEES_ENDOWED));
        let needed = missing_stake.saturating_add(deposit).saturating_add(fees);
        let lacking = needed.saturating_sub(account.free);
        let mut actions: Vec<Action> = Vec::new();
        if !identity_known {
            actions.push(identity::Action::Create { material: Box::new(material.clone()) }.into());
        }
        if !missing_stake.is_zero() {
            actions.push(reputation::Action::Bond { amount: missing_stake }.into());
        }
        let names: BTreeSet<_> =
            card.capabilities.iter().map(|contract| contract.name.clone()).collect();
        actions.push(
            registry::Action::Register {
                card: card
                    .digest()
                    .map_err(|error| Problem::new(Code::Internal, with_causes(&error)))?,
                version: card.version,
                previous: card.previous,
                capabilities: names.into_iter().collect(),
            }
            .into(),
        );
        Ok(Joining { nonce: account.nonce, lacking, actions })
    }

    fn signed_by(
        &self,
        keys: &KeyPair,
        nonce: u64,
        actions: Vec<Action>,
        fee: Amount,
    ) -> Submission {
        own_keys::sign(keys, self.unsigned(keys.did(), nonce, actions, fee))
    }

    /// An agent's next transactions.
    pub(crate) fn unsigned(
        &self,
        sender: Did,
        nonce: u64,
        actions: Vec<Action>,
        fee: Amount,
    ) -> Vec<Transaction> {
        let (chain_id, expires) = (self.chain_id, SystemClock.now().plus(JOIN_MS));
        let numbered = (nonce..).zip(actions);
        let transaction =
            |(nonce, action)| Transaction { chain_id, sender, nonce, expires, fee, action };
        numbered.map(transaction).collect()
    }

    /// Has the ledger do something as the node, waits until it is durable, and tells what happened.
    pub(crate) fn do_on_ledger(&self, actions: Vec<Action>) -> Result<Vec<Event>, Problem> {
        let (sender, receiver) = sync_channel(1);
        self.mailbox.call(move |broker| {
            let answer = Box::new(move |completion: LedgerAnswer| drop(sender.send(completion)));
            broker.submit_own(actions, answer).map_err(|error| of_broker(&error))
        })?;
        checked(receiver.recv().ok())
    }

    /// Has the ledger do something as an agent of this node, waits until it is durable, and tells
    /// what happened.
    pub(crate) fn do_as_agent(
        &self,
        agent: &AgentRecord,
        actions: Vec<Action>,
    ) -> Result<Vec<Event>, Problem> {
        let _joining = self.join_lock();
        let keys = agent.keys(&self.directory)?;
        let nonce = self.read(|state| balances::query::account(state, &agent.did)).nonce;
        let submission = self.signed_by(&keys, nonce, actions, self.parameters().fee_min);
        self.submit(submission)
    }

    pub(crate) fn submit(&self, submission: Submission) -> Result<Vec<Event>, Problem> {
        let (sender, receiver) = sync_channel(1);
        self.mailbox.call(move |broker| {
            let answer = Box::new(move |completion: LedgerAnswer| drop(sender.send(completion)));
            broker.submit(submission, answer).map_err(|error| of_broker(&error))
        })?;
        checked(receiver.recv().ok())
    }

    /// Removes an agent: no more calls, its stake returned as far as no agreement locks it.
    pub(crate) fn remove_agent(&self, agent: &str) -> Result<(), Problem> {
        let mut record = self.agent(agent)?;
        let _joining = self.join_lock();
        record.active = false;
        record.store(&self.directory)?;
        agents::store_credential(&self.directory, &record.name, None)?;
        let name = record.name.clone();
        self.agents.write().unwrap_or_else(PoisonError::into_inner).insert(name, record.clone());
        let did = record.did;
        self.mailbox.call(move |broker| {
            broker.remove_seat(did);
            Ok(())
        })?;
        if record.own_key {
            // Its card and its stake on the ledger are for its own key to take back.
            return Ok(());
        }
        let keys = record.keys(&self.directory)?;
        let parameters = self.parameters();
        let (account, reputation) = self.read(|state| {
            (balances::query::account(state, &did), reputation::query::reputation(state, &did))
        });
        let mut actions: Vec<Action> = vec![registry::Action::Withdraw.into()];
        let free = reputation.available();
        if !free.is_zero() && reputation.running == 0 {
            actions.push(reputation::Action::Unbond { amount: free }.into());
        }
        let submission = self.signed_by(&keys, account.nonce, actions, parameters.fee_min);
        self.submit(submission).map(drop)
    }

    /// An agent by name or DID.
    pub(crate) fn agent(&self, text: &str) -> Result<AgentRecord, Problem> {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents
            .get(text)
            .or_else(|| agents.values().find(|agent| agent.did.to_string() == text))
            .cloned()
            .ok_or_else(|| {
                Problem::new(Code::NotFound, format!("there is no agent '{text}'"))
                    .next("see ainur agent list")
            })
    }
}

/// A card with the agent's signature.
pub(crate) fn signed_card(card: AgentCard, keys: &KeyPair) -> Result<SignedAgentCard, Problem> {
    card.sign(&keys.signing, 0)
        .map_err(|error| Problem::new(Code::InvalidAgent, with_causes(&error)))
}

fn service(protocol: &str, url: &str) -> ProgramRef {
    ProgramRef::Service { protocol: protocol.into(), url: url.into() }
}

/// What is granted the network is taken to use it, whatever it says of itself.
fn granted(mut manifest: Manifest, network: bool) -> Manifest {
    for contract in &mut manifest.capabilities {
        contract.effects.network |= network;
    }
    manifest
}

fn plain_contract(name: CapabilityName) -> CapabilityContract {
    CapabilityContract {
        name,
        description: String::new(),
        input_schema: "true".into(),
        input_media_type: Some("application/octet-stream".into()),
        output_schema: "true".into(),
        output_media_type: "application/octet-stream".into(),
        effects: ainur_primitives::Effects::default(),
        sensitivity: ainur_primitives::capability::Sensitivity::default(),
        idempotent: false,
        deterministic: false,
        dry_run: false,
        price_hint: None,
        service_level: ainur_primitives::capability::ServiceLevel::default(),
    }
}

/// The events of what was submitted, in order, if all of it was applied.
pub(crate) fn checked(completion: Option<LedgerAnswer>) -> Result<Vec<Event>, Problem> {
    let LedgerAnswer { outcomes, events: block, .. } = completion
        .ok_or_else(|| Problem::new(Code::Busy, "the node is stopping").next("start it again"))?;
    let mut events = Vec::new();
    for (_, outcome) in outcomes {
        match outcome {
            Outcome::Applied { events: own } => {
                let own = block.iter().filter(|record| own.contains(&record.index));
                events.extend(own.map(|record| record.event.clone()));
            }
            Outcome::Failed { error, .. } => return Err(of_transaction(&error)),
            Outcome::Rejected(rejection) => {
                return Err(Problem::new(Code::Conflict, rejection.to_string()));
            }
        }
    }
    Ok(events)
}
