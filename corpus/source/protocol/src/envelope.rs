//! The envelope every message travels in: written, read and verified.
use ainur_crypto::{Proof, PublicKeys, Verifier, hash};
use ainur_primitives::{ConversationId, Did, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::error::Error;
use crate::extensions::Extensions;
use crate::limits::{LIFETIME_MS_MAX, MESSAGE_BYTES_MAX};
use crate::message::{Body, MessageType};
use crate::recipients::Recipients;

/// A message of one type.
///
/// It exists only with valid fields and with the id that follows from them, so neither is checked
/// again. Whether it is signed, and by whom, [`Envelope::verify`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<B> {
    header: MessageHeader,
    body: B,
    extensions: Extensions,
    proof: Option<Proof>,
}

/// All of a message but body, optional fields and proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageHeader {
    /// The digest of the message.
    pub id: MessageId,
    /// Which message.
    pub message_type: MessageType,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// The message it answers.
    pub in_reply_to: Option<MessageId>,
    /// Who says so.
    pub from: Did,
    /// To whom.
    pub to: Recipients,
    /// When it was written.
    pub created: Timestamp,
    /// From when on it is void.
    pub expires: Timestamp,
}

/// A message before it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<B> {
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// The message it answers; none for the first.
    pub in_reply_to: Option<MessageId>,
    /// Who says so.
    pub from: Did,
    /// To whom.
    pub to: Recipients,
    /// When it is written.
    pub created: Timestamp,
    /// From when on it is void; at most [`LIFETIME_MS_MAX`] later.
    pub expires: Timestamp,
    /// What is said.
    pub body: B,
    /// Optional fields of the envelope.
    pub extensions: Extensions,
}

/// The tag under which a message is hashed to its id.
const ID_TAG: &str = "ainur/aacl-message/v2";

/// A message as JSON, in canonical order. Without id and proof it is what the id is the digest of.
#[derive(Serialize)]
struct Written<'a, B> {
    body: &'a B,
    conversation_id: ConversationId,
    created: Timestamp,
    expires: Timestamp,
    from: Did,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "canonical::proof")]
    proof: Option<&'a Proof>,
    to: &'a Recipients,
    r#type: MessageType,
    #[serde(flatten)]
    extensions: &'a Extensions,
}

/// A message as it is read, before anything about it is checked but its shape.
#[derive(Deserialize)]
#[serde(bound = "B: Body")]
struct Received<B> {
    body: B,
    conversation_id: ConversationId,
    created: Timestamp,
    expires: Timestamp,
    from: Did,
    id: MessageId,
    in_reply_to: Option<MessageId>,
    proof: Option<Proof>,
    to: Recipients,
    r#type: MessageType,
    #[serde(flatten)]
    extensions: Extensions,
}

impl<B: Body> Draft<B> {
    /// Checks the message and gives it its id.
    ///
    /// # Errors
    /// When the lifetime, the recipients or a field of the body cannot be so, or it is too large.
    pub fn finish(self) -> Result<Envelope<B>, Error> {
        let lives = self.expires.since(self.created);
        if lives.0 == 0 || lives > LIFETIME_MS_MAX {
            return Err(Error::Lifetime);
        }
        self.to.validate()?;
        self.body.validate(self.created)?;
        let header = MessageHeader {
            id: MessageId(ainur_primitives::Digest::ZERO),
            message_type: B::TYPE,
            conversation_id: self.conversation_id,
            in_reply_to: self.in_reply_to,
            from: self.from,
            to: self.to,
            created: self.created,
            expires: self.expires,
        };
        let mut envelope =
            Envelope { header, body: self.body, extensions: self.extensions, proof: None };
        let hashed = envelope.write(None, None)?;
        if hashed.len() > MESSAGE_BYTES_MAX {
            return Err(Error::TooLarge(hashed.len()));
        }
        envelope.header.id = MessageId(hash::tagged(ID_TAG, &[&hashed]));
        Ok(envelope)
    }
}

impl<B> Envelope<B> {
    /// The digest of the message, and what is signed: `id.0` is the item of a batch.
    pub fn id(&self) -> MessageId {
        self.header.id
    }

    /// All but body, optional fields and proof.
    pub fn header(&self) -> &MessageHeader {
        &self.header
    }

    /// What is said.
    pub fn body(&self) -> &B {
        &self.body
    }

    /// What is said, without the rest.
    pub fn into_body(self) -> B {
        self.body
    }

    /// Optional fields of the envelope.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The signature, when there is one; not yet verified.
    pub fn proof(&self) -> Option<&Proof> {
        self.proof.as_ref()
    }

    /// Attaches a proof made by [`ainur_crypto::batch`] for [`Envelope::id`].
    ///
    /// # Errors
    /// When it names another signer than the sender.
    pub fn attach(&mut self, proof: Proof) -> Result<(), Error> {
        self.check_signer(&proof)?;
        self.proof = Some(proof);
        Ok(())
    }

    /// Checks that the sender signed the message. The caller found the keys by the sender and the
    /// key version in the proof.
    ///
    /// # Errors
    /// When there is no proof, it is another party's, or it does not hold.
    pub fn verify(&self, keys: &PublicKeys, verifier: &impl Verifier) -> Result<(), Error> {
        let proof = self.proof.as_ref().ok_or(Error::Unsigned)?;
        self.check_signer(proof)?;
        Ok(proof.verify(self.header.id.0, keys, verifier)?)
    }

    fn check_signer(&self, proof: &Proof) -> Result<(), Error> {
        if proof.signer == self.header.from {
            return Ok(());
        }
        Err(Error::OtherSigner { from: self.header.from, signer: proof.signer })
    }
}

impl<B: Body> Envelope<B> {
    /// The message in canonical form, with its proof when it has one.
    ///
    /// # Errors
    /// When it is too large with its proof.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let bytes = self.write(Some(self.header.id), self.proof.as_ref())?;
        if bytes.len() > MESSAGE_BYTES_MAX { Err(Error::TooLarge(bytes.len())) } else { Ok(bytes) }
    }

    /// Reads a message of this type, signed or not, and checks all that can be checked without
    /// keys and clock.
    ///
    /// # Errors
    /// For another shape, type, spelling or id, or a field that cannot be so.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Error::TooLarge(bytes.len()));
        }
        let received: Received<B> = canonical::read(bytes)?;
        if received.r#type != B::TYPE {
            return Err(Error::OtherType { expected: B::TYPE, found: received.r#type });
        }
        let draft = Draft {
            conversation_id: received.conversation_id,
            in_reply_to: received.in_reply_to,
            from: received.from,
            to: received.to,
            created: received.created,
            expires: received.expires,
            body: received.body,
            extensions: received.extensions,
        };
        let mut envelope = draft.finish()?;
        if envelope.header.id != received.id {
            return Err(Error::Id { expected: envelope.header.id, found: received.id });
        }
        if let Some(proof) = received.proof {
            envelope.attach(proof)?;
        }
        match canonical::difference(&envelope.to_json()?, bytes) {
            None => Ok(envelope),
            Some(place) => Err(Error::NotCanonical(place)),
        }
    }

    fn write(&self, id: Option<MessageId>, proof: Option<&Proof>) -> Result<Vec<u8>, Error> {
        let MessageHeader { conversation_id, in_reply_to, from, to, created, expires, .. } =
            &self.header;
        let written = Written {
            body: &self.body,
            conversation_id: *conversation_id,
            created: *created,
            expires: *expires,
            from: *from,
            id,
            in_reply_to: *in_reply_to,
            proof,
            to,
            r#type: B::TYPE,
            extensions: &self.extensions,
        };
        let general = !self.extensions.is_empty() || !self.body.extensions().is_empty();
        canonical::write(&written, general)
    }
}
