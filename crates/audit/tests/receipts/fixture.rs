//! A small real world: parties with hybrid keys, a ledger that executes blocks, an auction, a
//! transparency log on the simulator's disk, and the receipts that come of them.
use ainur_audit::checkpoint::{CheckpointKey, LogKey};
use ainur_audit::log::TransparencyLog;
use ainur_audit::receipt::{
    self, AcceptedOutput, AttemptBasis, AttemptEnd, AttemptRecord, AuditProof, LedgerEvent,
    PartyKeys, Receipt, ReceiptBody, Trust,
};
use ainur_crypto::batch::{RootSignature, sign_batch};
use ainur_crypto::{AgreementKey, HybridVerifier, Proof, SigningKey, hash};
use ainur_identity::KeyMaterial;
use ainur_ledger::{
    Action, AuthorizedTransaction, Event, EventProof, Genesis, HeaderSignature, Ledger, Outcome,
    Parameters, Submission, Transaction, escrow, exchange, reputation,
};
use ainur_market::auction::{
    AuctionTerms, Award, BidTerms, CommitTerms, Entrant, Reveal, Transcript, award, commitment,
};
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{
    AcceptanceCheck, Amount, ContentId, Did, Digest, DurationMs, ExecutionLimits, FailureReason,
    Ppm, QualityLevel, SelectionRule, TaskId, TaskSpec, Timestamp,
};
use ainur_storage::SimDisk;

pub(crate) const START: Timestamp = Timestamp(1_795_254_600_000);
pub(crate) const ORIGIN: &str = "node.example/audit";

/// One party with its keys.
pub(crate) struct Party {
    pub(crate) did: Did,
    pub(crate) key: SigningKey,
    pub(crate) material: KeyMaterial,
    nonce: u64,
}

impl Party {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_seed(&[seed; 32]).unwrap();
        let agreement = AgreementKey::generate().unwrap();
        let material = KeyMaterial::hybrid(key.public(), agreement.public());
        Self { did: material.did(), key, material, nonce: 0 }
    }
}

/// What a task is made of before the ledger hears of it.
pub(crate) struct Deal {
    pub(crate) task: TaskId,
    pub(crate) specification: TaskSpec,
    pub(crate) transcript: Transcript,
    deadline: Timestamp,
    serial: u64,
}

pub(crate) struct World {
    pub(crate) genesis: Genesis,
    ledger: Ledger,
    /// Verifies, keeps the ledger, issues receipts.
    pub(crate) node: Party,
    pub(crate) buyer: Party,
    pub(crate) sellers: Vec<Party>,
    pub(crate) log: TransparencyLog<SimDisk>,
    pub(crate) now: Timestamp,
}

impl World {
    /// A ledger with funded parties; `name` makes ledgers differ.
    pub(crate) fn new(name: &str) -> Self {
        Self::with_sellers(name, 2)
    }

    /// The same with so many sellers.
    pub(crate) fn with_sellers(name: &str, sellers: u8) -> Self {
        let (node, buyer) = (Party::new(1), Party::new(2));
        let count = usize::from(sellers);
        let sellers: Vec<Party> = (0..sellers).map(|seller| Party::new(3 + seller)).collect();
        let parties: Vec<&Party> = [&node, &buyer].into_iter().chain(&sellers).collect();
        let genesis = Genesis {
            name: name.into(),
            timestamp: START,
            parameters: Parameters::with_authority(node.did),
            identities: parties.iter().map(|party| party.material.clone()).collect(),
            allocations: parties.iter().map(|party| (party.did, Amount::ainu(1_000))).collect(),
            validators: vec![node.did],
        };
        let log_key = CheckpointKey::new(SigningKey::from_seed(&[9; 32]).unwrap());
        let log = TransparencyLog::open(SimDisk::new(1), "audit", ORIGIN, log_key).unwrap();
        let ledger = Ledger::begin(&genesis).unwrap();
        let mut world = Self { genesis, ledger, node, buyer, sellers, log, now: START };
        for seller in 0..count {
            let bond = reputation::Action::Bond { amount: Amount::ainu(100) };
            world.execute(Who::Seller(seller), bond.into(), None);
        }
        world
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::default().with_ledger(&self.genesis).with_log(self.log_key())
    }

    pub(crate) fn log_key(&self) -> LogKey {
        self.log.log_key().clone()
    }

    /// An auction in which seller 0 asks 20, seller 1 asks 30, and the reserve is 50.
    pub(crate) fn deal(&self, number: u8) -> Deal {
        let specification = TaskSpec {
            capability: "archive.compress".parse().unwrap(),
            parameters: r#"{"level":9}"#.into(),
            input: Some(ContentId(Digest([0xaa; 32]))),
            input_bytes: 1_048_576,
            reserve: Amount::ainu(50),
            loss: Amount::ainu(5),
            budget: None,
            selection: SelectionRule::Scored,
            check: AcceptanceCheck::Verifier { component: ContentId(Digest([0xcc; 32])) },
            deadline_ms: DurationMs::seconds(3_600),
            limits: ExecutionLimits::default(),
            graph: None,
            chunks: Vec::new(),
        };
        let serial = u64::from(number);
        let task = self.name(&specification, serial);
        let terms = AuctionTerms {
            task,
            reserve: specification.reserve,
            loss: specification.loss,
            selection: specification.selection,
            duration_ms_max: DurationMs::seconds(120),
            opened: self.now,
            commit_until: self.now.plus(DurationMs::seconds(1)),
            reveal_until: self.now.plus(DurationMs::seconds(2)),
            bid_bond: Amount::ainu(1),
            payment: ainur_market::payment::PaymentTerms::Completion,
        };
        let mut entrants: Vec<Entrant> = [(0, 20), (1, 30)]
            .map(|(seller, price)| self.entrant(&terms, self.sellers[seller].did, price))
            .to_vec();
        entrants.sort_by_key(|entrant| entrant.commit.bidder);
        let deadline = self.now.plus(specification.deadline_ms);
        let transcript = Transcript { terms, entrants, beacon: Digest([0xbe; 32]) };
        Deal { task, specification, transcript, deadline, serial }
    }

    /// What the ledger calls the buyer's task of this number, decided by the node.
    pub(crate) fn name(&self, specification: &TaskSpec, serial: u64) -> TaskId {
        let (chain, call) = (self.ledger.chain_id(), receipt::specification_digest(specification));
        escrow::task_id(&chain, (&self.buyer.did, &self.node.did), &call, serial)
    }

    pub(crate) fn entrant(&self, terms: &AuctionTerms, bidder: Did, price: u64) -> Entrant {
        let bid = BidTerms {
            task: terms.task,
            bidder,
            price: Amount::ainu(price),
            bid_bond: terms.bid_bond,
            estimated_duration_ms: DurationMs::seconds(10),
            confidence: Ppm(900_000),
            quality_level: QualityLevel::Standard,
            card: Digest([0xca; 32]),
            valid_until: terms.reveal_until.plus(DurationMs::seconds(600)),
            payment: ainur_market::payment::PaymentTerms::Completion,
        };
        let salt = hash::sha256(&[&bidder.0.0]);
        let commit = CommitTerms {
            task: terms.task,
            bidder,
            commitment: commitment(&bid, &salt.0),
            bid_bond: terms.bid_bond,
            reveal_until: terms.reveal_until,
        };
        let reveal = Some(Reveal { terms: bid, salt });
        Entrant { commit, failure_probability: Ppm(100_000), reveal }
    }

    /// Has the ledger agree to the award after the first `failed` sellers failed.
    pub(crate) fn agree(&mut self, deal: &Deal, passed: &[Did]) -> AttemptRecord {
        let award: Award = award(&deal.transcript, passed).unwrap();
        let seller = self.sellers.iter().find(|seller| seller.did == award.winner).unwrap();
        let (root, proofs) = sign_batch(&seller.key, seller.did, 0, &[award.bid.digest()]);
        let transcript = deal.transcript.digest();
        let stated = escrow::SignedAward {
            price: award.payment,
            consent: escrow::Consent::Bid { bid: award.bid, transcript },
            proofs,
        };
        let event = if passed.is_empty() {
            self.bind(deal, stated, root)
        } else {
            let action = escrow::Action::Reaward { task: deal.task, awards: vec![stated] };
            self.execute(Who::Buyer, action.into(), Some(root))
        };
        AttemptRecord {
            seller: award.winner,
            price: award.payment,
            basis: AttemptBasis::Auction,
            agreed: event,
            end: AttemptEnd::Settled,
        }
    }

    /// Has the ledger agree to a first award.
    pub(crate) fn bind(
        &mut self,
        deal: &Deal,
        award: escrow::SignedAward,
        root: RootSignature,
    ) -> Option<LedgerEvent> {
        let action = escrow::Action::Agree {
            task: deal.task,
            verifier: self.node.did,
            reserve: deal.specification.reserve,
            awards: vec![award],
            service: None,
            budget: None,
            call: receipt::specification_digest(&deal.specification),
            serial: deal.serial,
            check: receipt::check_digest(&deal.specification.check),
            deadline: deal.deadline,
        };
        self.execute(Who::Buyer, action.into(), Some(root))
    }

    /// Has the ledger note that an attempt failed.
    pub(crate) fn fail(&mut self, deal: &Deal, attempt: u32, record: &mut AttemptRecord) {
        let reason = FailureReason::CheckFailed;
        let evidence = Digest([0xee; 32]);
        let action = escrow::Action::Fail { task: deal.task, attempt, reason, evidence };
        let event = self.execute(Who::Node, action.into(), None).map(Box::new);
        record.end = AttemptEnd::Failed { reason, event };
    }

    pub(crate) fn verdict(&self, deal: &Deal) -> Verdict {
        Verdict {
            accepted: true,
            check: deal.specification.check.clone(),
            verifier: self.node.did,
            detail: "ratio 3.1".into(),
        }
    }

    /// Has the ledger pay, and tells the body of the receipt.
    pub(crate) fn settle(&mut self, deal: &Deal, attempts: Vec<AttemptRecord>) -> ReceiptBody {
        let output = ContentId(Digest([0xbb; 32]));
        let verdict = self.verdict(deal);
        let attempt = u32::try_from(attempts.len()).unwrap();
        let action = escrow::Action::Settle {
            task: deal.task,
            attempt,
            delivered: deal.deadline,
            output,
            verdict: ainur_verification::verdict::digest(&verdict),
        };
        let settlement = self.execute(Who::Node, action.into(), None).unwrap();
        let paid = attempts.last().unwrap().price;
        let mut body = self.body(deal, attempts, settlement);
        body.output = Some(AcceptedOutput { content: output, bytes: 300_000 });
        body.verdict = Some(verdict);
        body.paid = paid;
        body.refunded = deal.specification.reserve.checked_sub(paid).unwrap();
        body
    }

    /// Has the ledger return the money, and tells the body of the receipt.
    pub(crate) fn refund(&mut self, deal: &Deal, attempts: Vec<AttemptRecord>) -> ReceiptBody {
        let action = escrow::Action::Refund { task: deal.task };
        let settlement = self.execute(Who::Buyer, action.into(), None).unwrap();
        self.body(deal, attempts, settlement)
    }

    pub(crate) fn body(
        &self,
        deal: &Deal,
        attempts: Vec<AttemptRecord>,
        settlement: LedgerEvent,
    ) -> ReceiptBody {
        let sellers = self.sellers.iter();
        let keys = sellers.chain([&self.node]).map(|p| PartyKeys::first(p.material.clone()));
        let bids = deal.transcript.entrants.iter().map(|entrant| {
            let bidder = entrant.commit.bidder;
            let seller = self.sellers.iter().find(|seller| seller.did == bidder).unwrap();
            let terms = &entrant.reveal.as_ref().unwrap().terms;
            Proof::sign(&seller.key, bidder, 0, terms.digest())
        });
        ReceiptBody {
            chain_id: self.genesis.chain_id(),
            task: deal.task,
            specification: deal.specification.clone(),
            reserve_salt: None,
            buyer: self.buyer.did,
            verifier: self.node.did,
            issuer: self.node.did,
            issued: self.now,
            transcript: Some(deal.transcript.clone()),
            keys: keys.collect(),
            bids: bids.collect(),
            attempts,
            job: None,
            chunks: Vec::new(),
            output: None,
            verdict: None,
            paid: Amount::ZERO,
            refunded: deal.specification.reserve,
            settlement,
        }
    }

    /// Logs a body among other entries and proves it.
    pub(crate) fn log(&mut self, body: &ReceiptBody) -> AuditProof {
        let entry = receipt::log_entry(&body.story()).to_bytes().unwrap();
        let others: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; 40]).collect();
        self.log.append_many(&others).unwrap();
        let index = self.log.append_many(&[entry]).unwrap().start;
        self.log.append_many(&others).unwrap();
        self.log.sync(self.now).unwrap();
        AuditProof::of(&self.log, index).unwrap()
    }

    pub(crate) fn issue(&mut self, body: ReceiptBody) -> Receipt {
        let audit = self.log(&body);
        self.sign(body, audit)
    }

    pub(crate) fn sign(&self, body: ReceiptBody, audit: AuditProof) -> Receipt {
        let issuer = &self.node;
        receipt::issue(&issuer.key, issuer.did, 0, vec![(body, audit)]).unwrap().remove(0)
    }

    /// The time of the next block, nearly.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// One block with one transaction; the first event of escrow or claim it caused.
    pub(crate) fn execute(
        &mut self,
        who: Who,
        action: Action,
        signature: Option<RootSignature>,
    ) -> Option<LedgerEvent> {
        self.execute_all(who, action, signature.into_iter().collect()).into_iter().next()
    }

    /// One block with one transaction; the escrow events it caused, signed by the validator.
    pub(crate) fn execute_all(
        &mut self,
        who: Who,
        action: Action,
        signatures: Vec<RootSignature>,
    ) -> Vec<LedgerEvent> {
        self.now = self.now.plus(DurationMs(100));
        let sender = match who {
            Who::Node => &mut self.node,
            Who::Buyer => &mut self.buyer,
            Who::Seller(number) => &mut self.sellers[number],
        };
        let transaction = Transaction {
            chain_id: self.genesis.chain_id(),
            sender: sender.did,
            nonce: sender.nonce,
            expires: self.now.plus(DurationMs::seconds(60)),
            fee: self.genesis.parameters.fee_min,
            action,
        };
        sender.nonce += 1;
        let (root, mut proofs) = sign_batch(&sender.key, sender.did, 0, &[transaction.digest()]);
        let submission = Submission {
            transactions: vec![AuthorizedTransaction { transaction, proof: proofs.remove(0) }],
            signatures: [root].into_iter().chain(signatures).collect(),
        };
        let executed = self.ledger.execute(self.now, &[submission], &HybridVerifier).unwrap();
        assert!(matches!(executed.outcomes[0].1, Outcome::Applied { .. }), "{executed:?}");
        let header = executed.block.header;
        let proofs = EventProof::all(&header, &executed.events);
        self.ledger.commit(executed).unwrap();
        let signature = self.node.key.sign(ainur_ledger::block::HEADER_DOMAIN, &header.digest().0);
        let validator = self.node.did;
        let signed = |proof| {
            let signature = signature.clone();
            let signatures = vec![HeaderSignature { validator, key_version: 0, signature }];
            LedgerEvent { proof, signatures }
        };
        let told = |proof: &EventProof| {
            use exchange::Event::{Defaulted, Fulfilled, Redeemed};
            match &proof.record.event {
                Event::Escrow(_) => true,
                Event::Exchange(event) => {
                    matches!(event, Redeemed { .. } | Fulfilled { .. } | Defaulted { .. })
                }
                _ => false,
            }
        };
        proofs.into_iter().filter(told).map(signed).collect()
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Who {
    Node,
    Buyer,
    Seller(usize),
}
