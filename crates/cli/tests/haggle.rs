//! An outside party that negotiates with one agent of a node, message by message.
use std::time::Duration;

use ainur_broker::aacl::{MessageSigner, SpokenNegotiation, negotiation};
use ainur_crypto::HybridVerifier;
use ainur_identity::{KeyDocument, SignedKeyDocument};
use ainur_market::negotiation::{
    CounterProposal, NegotiationAct, NegotiationProposal, NegotiationRules,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_node::keys::KeyPair;
use ainur_primitives::{
    AcceptanceCheck, Amount, ConversationId, Did, Digest, DisputeResolution, DurationMs,
    ExecutionLimits, QualityLevel, SelectionRule, TaskSpec,
};
use ainur_protocol::{Conversation, Message, Specification, task_meant};
use serde_json::Value;

use crate::place::{Place, RunningNode, component};

pub(crate) const AINU: u128 = 1_000_000_000_000;

/// A place with an agent that echoes for 2 AINU at the least, and its node.
pub(crate) fn shop() -> (Place, RunningNode) {
    let place = Place::new();
    let echo = component("echo");
    place.succeeds(&["agent", "add", &echo, "--name", "echo", "--price", "2"]);
    let node = place.start_node();
    (place, node)
}

/// Asks the REST API under a token: the status, and the answer or what is wrong.
pub(crate) fn http(
    place: &Place,
    secret: &str,
    (method, path): (&str, &str),
    body: &[u8],
) -> (u16, Value) {
    let endpoint = ainur_api::Endpoint::read(&place.data_dir()).expect("readable");
    let address = endpoint.expect("a running node").address;
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent();
    let url = format!("http://{address}{path}");
    let (authorization, json) = (format!("Bearer {secret}"), "application/json");
    let answer = match method {
        "GET" => agent.get(url).header("Authorization", authorization).call(),
        method => {
            let request = if method == "PUT" { agent.put(url) } else { agent.post(url) };
            request.header("Authorization", authorization).header("Content-Type", json).send(body)
        }
    };
    let mut answer = answer.expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    (answer.status().as_u16(), serde_json::from_str(&text).expect("JSON"))
}

/// A party with keys of its own, in one negotiation with one agent.
pub(crate) struct Party<'a> {
    pub(crate) place: &'a Place,
    pub(crate) secret: String,
    pub(crate) keys: KeyPair,
    pub(crate) agent: Value,
    pub(crate) conversation: ConversationId,
    pub(crate) spoken: Option<SpokenNegotiation>,
    /// Messages of the thread that it has heard or said.
    pub(crate) heard: usize,
}

/// What a party wants to begin with.
pub(crate) struct Wish {
    pub(crate) price: u128,
    pub(crate) reserve: u128,
    pub(crate) within: DurationMs,
    pub(crate) rounds_max: u32,
    pub(crate) quality_level: QualityLevel,
}

pub(crate) const WISH: Wish = Wish {
    price: AINU,
    reserve: 5 * AINU,
    within: DurationMs(60_000),
    rounds_max: 3,
    quality_level: QualityLevel::Standard,
};

impl<'a> Party<'a> {
    /// Makes keys and introduces them.
    pub(crate) fn new(place: &'a Place, secret: &str, agent: &str) -> Self {
        let keys = KeyPair::generate().expect("keys");
        let document = KeyDocument::first(keys.material(), ainur_node::now()).expect("good keys");
        let signed = SignedKeyDocument::sign_first(document, &keys.signing).expect("signed");
        let json = signed.to_json().expect("JSON");
        let (status, said) = http(place, secret, ("PUT", "/v1/aacl/parties"), &json);
        assert_eq!(status, 200, "{said}");
        Self {
            place,
            secret: secret.to_owned(),
            agent: place.json(&["agent", "show", agent]),
            conversation: ConversationId(keys.did().0),
            keys,
            spoken: None,
            heard: 0,
        }
    }

    pub(crate) fn signer(keys: &KeyPair) -> MessageSigner<'_> {
        MessageSigner { did: keys.did(), key_version: 0, key: &keys.signing }
    }

    pub(crate) fn specification(&self, reserve: u128) -> TaskSpec {
        TaskSpec {
            capability: "text.echo".parse().expect("a name"),
            parameters: "{}".into(),
            input: None,
            input_bytes: 0,
            reserve: Amount(reserve),
            loss: Amount(reserve),
            budget: None,
            selection: SelectionRule::Scored,
            check: AcceptanceCheck::BuyerWord { window_ms: DurationMs(500) },
            deadline_ms: DurationMs::seconds(200),
            limits: ExecutionLimits::default(),
            graph: None,
            chunks: Vec::new(),
        }
    }

    /// The opening, with the rules as they are after `change`.
    pub(crate) fn opening(
        &mut self,
        wish: &Wish,
        change: impl FnOnce(&mut NegotiationRules),
    ) -> Vec<u8> {
        let spec = self.specification(wish.reserve);
        self.opening_for(&spec, wish, change)
    }

    pub(crate) fn opening_for(
        &mut self,
        spec: &TaskSpec,
        wish: &Wish,
        change: impl FnOnce(&mut NegotiationRules),
    ) -> Vec<u8> {
        let specification = Specification::open(spec);
        let digest = specification.digest().expect("exact numbers");
        let did = |name: &str| self.agent[name].as_str().expect("text").to_owned();
        let now = ainur_node::now();
        let mut rules = NegotiationRules {
            task: task_meant(&digest, &self.conversation),
            buyer: self.keys.did(),
            seller: did("did").parse::<Did>().expect("a DID"),
            card: did("card").parse::<Digest>().expect("a digest"),
            cancellation: CancellationPolicy::default(),
            opened: now,
            deadline: now.plus(wish.within),
            rounds_max: wish.rounds_max,
            valid_until: now.plus(wish.within).plus(DurationMs::seconds(30)),
        };
        change(&mut rules);
        let proposal = NegotiationProposal {
            price: Amount(wish.price),
            timeline_ms: DurationMs::seconds(100),
            quality_level: wish.quality_level,
            payment: PaymentTerms::Completion,
            dispute_resolution: DisputeResolution::Chain,
        };
        let opening = negotiation::opening(&rules, specification);
        let mut spoken = SpokenNegotiation::new(self.conversation, rules).expect("good rules");
        let bytes = spoken.open(now, opening, proposal, Self::signer(&self.keys));
        self.spoken = Some(spoken);
        self.heard = 1;
        bytes.expect("an opening")
    }

    pub(crate) fn post(&self, bytes: &[u8]) -> (u16, Value) {
        http(self.place, &self.secret, ("POST", "/v1/aacl"), bytes)
    }

    pub(crate) fn opened(&mut self, wish: &Wish) -> Value {
        let bytes = self.opening(wish, |_| ());
        let (status, said) = self.post(&bytes);
        assert_eq!(status, 200, "{said}");
        said
    }

    /// A signed message that says this now; for the party it counts as said.
    pub(crate) fn message(
        &mut self,
        act: impl FnOnce(&SpokenNegotiation) -> NegotiationAct,
    ) -> Vec<u8> {
        let spoken = self.spoken.as_mut().expect("opened");
        let act = act(spoken);
        let said = spoken.say(ainur_node::now(), act, ("", None), Self::signer(&self.keys));
        self.heard += 1;
        said.expect("it can be said")
    }

    pub(crate) fn accept(&mut self) -> Vec<u8> {
        self.message(|spoken| NegotiationAct::Accept {
            terms: spoken.session().offered().expect("a proposal").digest(),
        })
    }

    pub(crate) fn counter(&mut self, price: u128) -> Vec<u8> {
        self.message(|spoken| {
            let answered = spoken.session().proposals().last().expect("a proposal");
            let wanted = NegotiationProposal { price: Amount(price), ..answered.clone() };
            NegotiationAct::Counter(CounterProposal::between(answered, &wanted))
        })
    }

    pub(crate) fn thread(&self, after: usize, wait: u64) -> Value {
        let path =
            format!("/v1/aacl/conversations/{}?after={after}&wait={wait}", self.conversation);
        let (status, said) = http(self.place, &self.secret, ("GET", &path), b"");
        assert_eq!(status, 200, "{said}");
        said
    }

    /// Hears what the agent says next.
    pub(crate) fn listen(&mut self) -> NegotiationAct {
        let thread = self.thread(self.heard, 30);
        let messages = messages(&thread);
        assert_eq!(messages.len(), self.heard + 1, "{thread}");
        self.heard += 1;
        let message = messages.last().expect("an answer");
        let spoken = self.spoken.as_mut().expect("opened");
        spoken.hear(ainur_node::now(), message).expect("in place")
    }

    /// What the agent proposed last.
    pub(crate) fn asked(&self) -> u128 {
        let spoken = self.spoken.as_ref().expect("opened");
        spoken.session().proposals().last().expect("a proposal").price.0
    }

    /// The thread is a conversation by the rules, each message signed by whose it is.
    pub(crate) fn check_thread(&self, agent: &str) -> Vec<Message> {
        let messages = messages(&self.thread(0, 0));
        let mut conversation = Conversation::new(self.conversation);
        let file = self.place.data_dir().join(format!("keys/agent-{agent}.key"));
        let agent = KeyPair::read(&file).expect("the agent's keys");
        for message in &messages {
            conversation.take(message).expect("in place");
            let from = message.header().from;
            let keys = if from == self.keys.did() { &self.keys } else { &agent };
            assert_eq!(from, keys.did());
            message.verify(&keys.material().signing, &HybridVerifier).expect("its own signature");
        }
        messages
    }

    pub(crate) fn task(&self) -> String {
        self.thread(0, 0)["task"].as_str().expect("a task").to_owned()
    }

    /// The task when it has ended.
    pub(crate) fn ended(&self) -> Value {
        let task = self.task();
        let said = self.place.run(&["--json", "task", "watch", &task]);
        serde_json::from_slice(&said.stdout).expect("the node answers")
    }
}

pub(crate) fn messages(thread: &Value) -> Vec<Message> {
    let messages = thread["messages"].as_array().expect("messages").iter();
    let read = |message: &Value| {
        Message::from_json(message.to_string().as_bytes()).expect("a message in canonical form")
    };
    messages.map(read).collect()
}

pub(crate) fn base_units(value: &Value) -> u128 {
    value.as_str().expect("an amount").parse().expect("base units")
}
