//! Whose request it is.

use cs_core::web_origin::WebOrigin;
use cs_engine::prompt::AssertionUse;
use cs_engine::{Caller, EngineError};
use cs_pages::Why;
use cs_wire::params::{ParamError, Params};
use cs_wire::web_sdk::{MAX_REQUEST_BYTES, TxError, UnverifiedTx, WebRequest};
use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::frame::visitor::Visitor;
use crate::http::Failure;
use crate::oauth::{Client, bytes};

/// The longest address of an application's page that is looked at.
const MAX_PAGE_BYTES: usize = 8 * 1024;

/// For how long after its end a request that was answered is known: a login that began with it may take a while, with an enrollment on the way.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A request that its application has signed, of whatever time.
pub(super) struct Signed {
    pub(super) client: Client,
    pub(super) request: WebRequest,
    /// The application has not been given its new secret yet.
    with_old_secret: bool,
}

/// Why nobody logs in by it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The same for an integration that does not exist, one that has no frames, and a signature that is wrong.
    #[error("it is no application's request: {0}")]
    Unknown(&'static str),
    #[error("it is no application's request: {0}")]
    Params(#[from] ParamError),
    #[error("it is no application's request: {0}")]
    Tx(#[from] TxError),
    #[error("it has been answered before")]
    Used,
    /// A page around it that nobody has registered.
    #[error("its page is of an origin that is not among the integration's frame_origins: {0}")]
    Parent(String),
    /// The page was opened by itself.
    #[error("it was not opened in a frame")]
    NoFrame,
    /// The integration's rate.
    #[error("too many of them")]
    Failure(Failure),
    #[error("it cannot be looked at now")]
    Engine(#[from] EngineError),
}

impl Refused {
    /// What the page says, and how far a clock is off.
    pub(super) fn why(&self) -> (Why, Option<usize>) {
        let minutes = |off: &SignedDuration| usize::try_from(off.as_mins()).ok();
        match self {
            Self::Tx(TxError::Expired { ago }) => (Why::RequestTooOld, minutes(ago)),
            Self::Tx(TxError::Early { by }) => (Why::ClockAhead, minutes(by)),
            Self::Used => (Why::OutOfStep, None),
            Self::Tx(TxError::Malformed | TxError::OtherPurpose | TxError::BadSignature)
            | Self::Unknown(_)
            | Self::Params(_)
            | Self::Parent(_)
            | Self::NoFrame => (Why::Denied, None),
            Self::Failure(_) | Self::Engine(_) => (Why::Service, None),
        }
    }
}

impl Signed {
    /// The request among `params`, if its application has signed it and has frames at all.
    pub(super) async fn read(app: &App, visitor: &Visitor, params: &Params) -> Result<Self, Refused> {
        let tx = UnverifiedTx::parse(&params.required("tx", MAX_REQUEST_BYTES)?)?;
        let client = Client::find(app, &visitor.host, tx.claimed_ikey()).await?;
        let client = client.ok_or(Refused::Unknown("there is no such integration"))?;
        if client.integration.frame_origins.is_empty() || !client.integration.kind.shows_frame() {
            return Err(Refused::Unknown("the integration has no frame_origins"));
        }
        let secret = client.secret(app.engine().clock().now(), |secret| tx.is_signed_with(secret));
        let with_old_secret = !std::ptr::eq(secret, &raw const client.integration.secret);
        let request = tx.verify(bytes(secret))?;
        Ok(Self { client, request, with_old_secret })
    }

    /// Whether a login may begin by it now.
    pub(super) async fn is_open(&self, app: &App, caller: &Caller) -> Result<(), Refused> {
        self.request.check_time(app.engine().clock().now())?;
        if app.engine().was_assertion_used(caller, self.used().jti).await? { Err(Refused::Used) } else { Ok(()) }
    }

    /// Whether it is answered, if at all, while its being used is known.
    pub(super) fn is_remembered(&self, now: Timestamp) -> Result<(), Refused> {
        let ago = now.duration_since(self.request.expires_at);
        if ago < KNOWN_FOR { Ok(()) } else { Err(TxError::Expired { ago }.into()) }
    }

    /// The origin of the page around the frame, as that page says: one of the integration's own.
    pub(super) fn parent(&self, params: &Params) -> Result<WebOrigin, Refused> {
        let page = params.required("parent", MAX_PAGE_BYTES)?;
        let is_ours = |origin: &WebOrigin| self.client.integration.frame_origins.contain(origin);
        match WebOrigin::of_page(&page) {
            Some(origin) if is_ours(&origin) => Ok(origin),
            Some(origin) => Err(Refused::Parent(origin.as_str().to_owned())),
            None => Err(Refused::Parent("none".to_owned())),
        }
    }

    /// How it is used up.
    pub(super) fn used(&self) -> AssertionUse<'_> {
        AssertionUse { jti: &self.request.id, remember_until: self.request.expires_at + KNOWN_FOR }
    }

    /// The answer, under the secret that the application has.
    pub(super) fn response(&self, now: Timestamp) -> String {
        let integration = &self.client.integration;
        let secret = match &integration.previous_secret {
            Some((previous, _)) if self.with_old_secret => previous,
            Some(_) | None => &integration.secret,
        };
        self.request.response(bytes(secret), now)
    }
}
