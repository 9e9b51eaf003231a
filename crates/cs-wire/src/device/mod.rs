//! The authenticator protocol, version 1 (`docs/device-protocol.md`): what a device and the server say.

mod activation;
mod bytes;
mod confirm;
mod error;
mod jws;
mod key;
mod messages;
mod moves;
mod statement;

pub use activation::{ActivationCode, ActivationLink, InvalidActivation};
pub use bytes::{Digest, FixedBytes, InvalidBytes, Nonce, OtpSeed};
pub use confirm::{WORDS, confirm_phrase};
pub use error::{ErrorBody, ErrorCode, ErrorDetail};
pub use jws::{JwsError, Payload, Typ, UnverifiedJws, VerifiedJws, sign};
pub use key::{DeviceKey, DevicePublicKey, InvalidKey, Jwk};
pub use messages::{
    Account, ActivatePayload, ActivateRequest, ActivateResponse, AnswerRequest, AnswerResponse, AnswerResult,
    ClosedEvent, ClosedState, Confirm, DeviceClass, DeviceInfo, DeviceStatus, DeviceUpdate, ExceptionKind,
    ExceptionStatus, ExceptionsResponse, KeyProtection, NewException, OtpParameters, OtpState, OutageCodes,
    ProtocolVersion, PushStatus, PushSubscription, Receipt, ReceiptState, Request, RequestPayload, RequestsResponse,
    TestResponse, TestState, User, Wake,
};
pub use moves::{
    ContestRequest, MovableDevice, MoveNotice, MovePasskeyRequest, MovePasskeyResponse, MoveProof, MoveRequest,
    MoveResponse, TypedCode,
};
pub use statement::{Answer, AnswerPayload, Statement, StatementMember};

/// The longest JSON body a device may send to the server, in bytes.
pub const MAX_BODY_BYTES: usize = 128 * 1024;
