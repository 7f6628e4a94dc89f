//! An outside party: keys of its own, a token, and what the protocol says. It knows nothing of the
//! node but what is answered over HTTP.
#![expect(clippy::unwrap_used, reason = "a party that cannot speak has failed its test")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ainur_crypto::{AgreementKey, HybridVerifier, Proof, SigningKey};
use ainur_identity::{KeyDocument, KeyMaterial, SignedKeyDocument};
use ainur_market::auction::{BidTerms, CommitTerms, commitment};
use ainur_market::combinatorial::{Bundle, BundleBidTerms};
use ainur_market::payment::PaymentTerms;
use ainur_primitives::{
    AcceptanceCheck, Amount, ContentId, ConversationId, Did, Digest, DurationMs, ExecutionLimits,
    Ppm, QualityLevel, SelectionRule, TaskSpec, Timestamp,
};
use ainur_protocol::{
    Bid, Body, Call, CoalitionBid, Constraints, Conversation, Draft, Envelope, Extensions, Message,
    OfferConversation, Recipients, Specification, task_meant,
};
use serde_json::Value;

use crate::place::Place;

/// Where a node answers, and the token that is shown.
pub(crate) struct Door {
    base: String,
    token: String,
}

/// Somebody with keys.
pub(crate) struct Party {
    pub(crate) key: SigningKey,
    material: KeyMaterial,
    pub(crate) did: Did,
}

impl Door {
    /// The door of the node that runs in a place; as its owner without a token.
    pub(crate) fn of(place: &Place, secret: Option<&str>) -> Self {
        let endpoint = ainur_api::Endpoint::read(&place.data_dir()).unwrap().unwrap();
        let token = secret.map_or_else(|| endpoint.token.to_text(), str::to_owned);
        Self { base: format!("http://{}", endpoint.address), token }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&[u8]>) -> Option<(u16, Value)> {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(90)))
            .build()
            .new_agent();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let answer = match body {
            Some(body) => agent.run(request.body(body.to_vec()).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        };
        let mut answer = answer.ok()?;
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().ok()?;
        Some((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Says a message; nothing when the node dies over it.
    pub(crate) fn try_say(&self, message: &[u8]) -> Option<(u16, Value)> {
        self.ask("POST", "/v1/aacl", Some(message))
    }

    pub(crate) fn say(&self, message: &[u8]) -> (u16, Value) {
        self.try_say(message).unwrap()
    }

    /// Says what must be taken.
    pub(crate) fn says(&self, message: &[u8]) -> Value {
        let (status, answer) = self.say(message);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Says what must be refused so; gives why.
    pub(crate) fn refuses(&self, message: &[u8], status: u16) -> String {
        let (found, answer) = self.say(message);
        assert_eq!(found, status, "{answer}");
        format!("{} {}", answer["detail"], answer["next_step"])
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, None).unwrap()
    }

    /// Makes a party known; gives the operator.
    pub(crate) fn introduce(&self, party: &Party) -> Did {
        let (status, answer) = self.introduces(&party.document());
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["party"], party.did.to_string());
        answer["operator"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn introduces(&self, document: &[u8]) -> (u16, Value) {
        self.ask("PUT", "/v1/aacl/parties", Some(document)).unwrap()
    }

    /// The thread once nothing more will be said.
    pub(crate) fn whole(&self, conversation: ConversationId) -> (Value, Vec<Message>) {
        let until = Instant::now() + Duration::from_secs(90);
        let mut after = 0;
        loop {
            let path = format!("/v1/aacl/conversations/{conversation}?wait=20&after={after}");
            let (status, thread) = self.get(&path);
            assert_eq!(status, 200, "{thread}");
            let messages = messages(&thread);
            if thread["over"] == true {
                return (thread, messages);
            }
            assert!(Instant::now() < until, "nothing comes of it: {thread}");
            after = messages.len();
        }
    }

    /// The keys of a party, which show by themselves whose they are.
    pub(crate) fn keys(&self, party: Did) -> KeyMaterial {
        let (status, answer) = self.get(&format!("/v1/aacl/parties/{party}"));
        assert_eq!(status, 200, "{answer}");
        let material: KeyMaterial = serde_json::from_value(answer["material"].clone()).unwrap();
        assert_eq!(material.did(), party);
        material
    }
}

/// The messages of an answer: what was sent is canonical when every one of them can be read.
pub(crate) fn messages(answer: &Value) -> Vec<Message> {
    let read = |value: &Value| {
        let bytes = ainur_primitives::canonical_json::to_canonical_json(value).unwrap();
        Message::from_json(&bytes).unwrap()
    };
    answer["messages"].as_array().unwrap().iter().map(read).collect()
}

impl Party {
    pub(crate) fn new(seed: u8) -> Self {
        let key = SigningKey::from_seed(&[seed; 32]).unwrap();
        let agreement = AgreementKey::generate().unwrap().public();
        let material = KeyMaterial::hybrid(key.public(), agreement);
        let did = material.did();
        Self { key, material, did }
    }

    /// Its first key document, signed.
    pub(crate) fn document(&self) -> Vec<u8> {
        let document = KeyDocument::first(self.material.clone(), now()).unwrap();
        SignedKeyDocument::sign_first(document, &self.key).unwrap().to_json().unwrap()
    }

    /// Signs a draft.
    pub(crate) fn signed<B: Body>(&self, draft: Draft<B>) -> Envelope<B> {
        let mut envelope = draft.finish().unwrap();
        envelope.attach(Proof::sign(&self.key, self.did, 0, envelope.id().0)).unwrap();
        envelope
    }

    /// A call for this, now, in a conversation that nobody had before.
    pub(crate) fn call(&self, operator: Did, spec: &TaskSpec) -> Envelope<Call> {
        self.signed(self.draft(operator, spec))
    }

    pub(crate) fn draft(&self, operator: Did, spec: &TaskSpec) -> Draft<Call> {
        self.draft_at(operator, spec, now())
    }

    pub(crate) fn draft_at(&self, operator: Did, spec: &TaskSpec, at: Timestamp) -> Draft<Call> {
        let conversation = ConversationId(Digest(ainur_crypto::entropy::random_bytes().unwrap()));
        let specification = Specification::open(spec);
        let specification_digest = specification.digest().unwrap();
        let commit_until = at.plus(DurationMs::seconds(5));
        Draft {
            conversation_id: conversation,
            in_reply_to: None,
            from: self.did,
            to: Recipients::One(operator),
            created: at,
            expires: at.plus(DurationMs::seconds(600)),
            body: Call {
                bid_bond: Amount::ZERO,
                commit_until,
                constraints: Constraints {
                    duration_ms_max: DurationMs::seconds(60),
                    failure_probability_max: Ppm::ONE,
                    quality_level_min: QualityLevel::Standard,
                },
                deadline: at.plus(spec.deadline_ms),
                input_schema: String::new(),
                output_schema: String::new(),
                reveal_until: commit_until.plus(DurationMs::seconds(5)),
                specification,
                specification_digest,
                task: task_meant(&specification_digest, &conversation),
                extensions: Extensions::default(),
            },
            extensions: Extensions::default(),
        }
    }
}

pub(crate) fn bytes<B: Body>(envelope: &Envelope<B>) -> Vec<u8> {
    envelope.to_json().unwrap()
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

/// An echo for so much at most, by the cheapest.
pub(crate) fn echo(reserve: &str) -> TaskSpec {
    let reserve = Amount::from_ainu(reserve).unwrap();
    TaskSpec {
        capability: "text.echo".parse().unwrap(),
        parameters: "{}".into(),
        input: None,
        input_bytes: 0,
        reserve,
        loss: reserve,
        budget: None,
        selection: SelectionRule::Cheapest,
        check: AcceptanceCheck::Reexecution,
        deadline_ms: DurationMs::seconds(120),
        limits: ExecutionLimits::default(),
        graph: None,
        chunks: Vec::new(),
    }
}

/// The same of an input whose output is never right.
pub(crate) fn hopeless(input: ContentId, bytes: u64) -> TaskSpec {
    let expected = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi".parse().unwrap();
    TaskSpec {
        input: Some(input),
        input_bytes: bytes,
        check: AcceptanceCheck::Digest { expected },
        ..echo("5")
    }
}

/// Every message has its place, everybody signed what is said in its name and consents to what it is
/// bound to, and what was opened is what was sealed.
pub(crate) fn check(door: &Door, messages: &[Message]) {
    let mut calls: BTreeMap<ConversationId, Conversation> = BTreeMap::new();
    let mut offers: BTreeMap<ConversationId, OfferConversation> = BTreeMap::new();
    let mut keys: BTreeMap<Did, KeyMaterial> = BTreeMap::new();
    let mut sealed: BTreeMap<Did, Digest> = BTreeMap::new();
    for message in messages {
        let header = message.header();
        let (id, from) = (header.conversation_id, header.from);
        if matches!(message, Message::StandingOffer(_)) || offers.contains_key(&id) {
            offers.entry(id).or_insert_with(|| OfferConversation::new(id)).accept(header).unwrap();
        } else {
            calls.entry(id).or_insert_with(|| Conversation::new(id)).take(message).unwrap();
        }
        let material = keys.entry(from).or_insert_with(|| door.keys(from)).clone();
        message.verify(&material.signing, &HybridVerifier).unwrap();
        match message {
            Message::BidCommit(commit) => {
                let body = commit.body();
                sealed.insert(from, body.commitment);
                let terms = CommitTerms {
                    task: body.task,
                    bidder: from,
                    commitment: body.commitment,
                    bid_bond: body.bid_bond,
                    reveal_until: body.reveal_until,
                };
                if let Some(consent) = &body.consent {
                    assert_eq!(consent.signer, from);
                    consent.verify(terms.digest(), &material.signing, &HybridVerifier).unwrap();
                }
            }
            Message::Bid(bid) => {
                let body = bid.body();
                let (terms, opened) = bound(from, body);
                assert_eq!(Some(&opened), sealed.get(&from), "it opened another bid");
                let consent = body.consent.as_ref();
                bid.verify_consent_to(consent, terms, &material.signing, &HybridVerifier).unwrap();
            }
            Message::CoalitionBid(bid) => {
                let body = bid.body();
                assert_eq!(Some(&opened_together(from, body)), sealed.get(&from));
                let find = |did: &Did, _: u32| Some(door.keys(*did).signing);
                bid.verify_consents(find, &HybridVerifier).unwrap();
            }
            Message::StandingOffer(offer) => {
                offer.verify_consent(&material.signing, &HybridVerifier).unwrap();
            }
            _ => {}
        }
    }
}

/// What a bid binds its sender to, and what it had to seal.
fn bound(from: Did, bid: &Bid) -> (Digest, Digest) {
    if bid.bundles.is_empty() {
        let terms = BidTerms {
            task: bid.task,
            bidder: from,
            price: bid.price,
            bid_bond: bid.bid_bond,
            estimated_duration_ms: bid.estimated_duration_ms,
            confidence: bid.confidence,
            quality_level: bid.quality_level,
            card: bid.card,
            valid_until: bid.valid_until,
            payment: PaymentTerms::Completion,
        };
        return (terms.digest(), commitment(&terms, &bid.salt.0));
    }
    let terms = BundleBidTerms {
        task: bid.task,
        bidder: from,
        bundles: bundles(&bid.bundles),
        bid_bond: bid.bid_bond,
        confidence: bid.confidence,
        quality_level: bid.quality_level,
        card: bid.card,
        valid_until: bid.valid_until,
    };
    (terms.digest(), commitment(&terms, &bid.salt.0))
}

fn opened_together(from: Did, bid: &CoalitionBid) -> Digest {
    let lead = bid.members.iter().find(|member| member.agent == from).unwrap();
    let terms = BundleBidTerms {
        task: bid.task,
        bidder: from,
        bundles: bundles(&bid.bundles),
        bid_bond: bid.bid_bond,
        confidence: bid.confidence,
        quality_level: bid.quality_level,
        card: lead.card,
        valid_until: bid.valid_until,
    };
    commitment(&terms, &bid.salt.0)
}

fn bundles(written: &[ainur_protocol::BundleBid]) -> Vec<Bundle> {
    let read = |bundle: &ainur_protocol::BundleBid| Bundle {
        subtasks: bundle.subtasks.iter().map(|index| usize::from(*index)).collect(),
        price: bundle.price,
        estimated_duration_ms: bundle.estimated_duration_ms,
    };
    written.iter().map(read).collect()
}

/// The types of messages, in order.
pub(crate) fn types(messages: &[Message]) -> Vec<&'static str> {
    let name = |message: &Message| {
        let name = message.header().message_type.as_str();
        name.trim_start_matches("AACL-").trim_end_matches("-v1")
    };
    messages.iter().map(name).collect()
}
