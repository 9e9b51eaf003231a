//! The authenticator's surface, `/authenticator/v1`, as `docs/device-protocol.md` has it.
//!
//! | file | what |
//! | --- | --- |
//! | `activate` | a code becomes a bound device |
//! | `proof` | [`DeviceRequest`], the extractor without which no other handler has a device |
//! | `replay` | each proof counts once |
//! | `requests` | the logins that wait, pulled, and how far they have come |
//! | `events` | the same, as they come |
//! | `answer` | the signed answer to one of them |
//! | `moves` | an account comes to another device, and what those before and beside it may say |
//! | `exceptions` | what the person asks to be excepted from |
//! | `device` | what the device may see and change of itself |
//! | `claims` | what devices say of themselves, made fit to store and show |
//! | `tests` | does it arrive, asked by the person |
//! | `shell` | the authenticator that phones install: the files of `web/app` |
//! | `refusal` | how it says no |

mod activate;
mod answer;
mod claims;
mod device;
mod events;
mod exceptions;
mod moves;
mod proof;
mod refusal;
mod replay;
mod requests;
mod shell;
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use cs_engine::{Engine, EngineError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use crate::http::RateLimiter;
use crate::net::Shutdown;
use crate::outbound::web_push::vapid_key;

pub use proof::DeviceRequest;
pub use refusal::Refusal;

/// How far a signing time may be from ours, in either direction.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Activations tried from one address: an office behind one address enrolls on one morning.
const ACTIVATIONS_PER_SECOND: u32 = 5;
const ACTIVATION_BURST: u32 = 60;

/// Proofs for a move tried from one address: a new phone is a rare thing.
const MOVES_PER_SECOND: u32 = 1;
const MOVE_BURST: u32 = 20;

/// The routes of the authenticator's host. Open event streams end when `shutdown` begins to drain.
pub fn routes(engine: Engine, shutdown: Shutdown) -> Router {
    Router::new()
        .route("/authenticator/v1/activate", post(activate::activate))
        .route("/authenticator/v1/move", post(moves::prove))
        .route("/authenticator/v1/move/passkey", post(moves::begin))
        .route("/authenticator/v1/move/contest", post(moves::contest))
        .route("/authenticator/v1/test", post(tests::begin))
        .route("/authenticator/v1/test/{txid}", get(tests::state))
        .route("/authenticator/v1/requests", get(requests::waiting))
        .route("/authenticator/v1/requests/{txid}/answer", post(answer::answer))
        .route("/authenticator/v1/requests/{txid}/receipt", post(requests::receipt))
        .route("/authenticator/v1/events", get(events::events))
        .route("/authenticator/v1/exceptions", get(exceptions::list).post(exceptions::ask))
        .route("/authenticator/v1/device", get(device::show).post(device::change).delete(device::unbind))
        .with_state(Phones::new(engine, shutdown))
        .merge(shell::routes())
}

/// What this surface keeps beside the use cases.
#[derive(Clone)]
pub struct Phones {
    engine: Engine,
    shutdown: Shutdown,
    kept: Arc<Kept>,
}

struct Kept {
    proofs: replay::Proofs,
    streams: events::Streams,
    activations: RateLimiter<IpAddr>,
    moves: RateLimiter<IpAddr>,
    push_key: OnceCell<String>,
    /// The limiter counts in instants, everything else here goes by the engine's clock: these two are the same moment.
    started: (Instant, Timestamp),
}

impl Phones {
    fn new(engine: Engine, shutdown: Shutdown) -> Self {
        let started = (Instant::now(), engine.clock().now());
        let kept = Kept {
            proofs: replay::Proofs::default(),
            streams: events::Streams::default(),
            activations: RateLimiter::new(ACTIVATIONS_PER_SECOND, ACTIVATION_BURST, started.0),
            moves: RateLimiter::new(MOVES_PER_SECOND, MOVE_BURST, started.0),
            push_key: OnceCell::new(),
            started,
        };
        Self { engine, shutdown, kept: Arc::new(kept) }
    }

    /// The public key that browsers tie their subscriptions to.
    async fn push_key(&self) -> Result<String, Refusal> {
        let read = async || Ok::<_, EngineError>(vapid_key(&self.engine).await?.public());
        Ok(self.kept.push_key.get_or_try_init(read).await?.clone())
    }

    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Now, as the rate limiter counts.
    fn instant(&self) -> Instant {
        let (instant, at) = self.kept.started;
        instant + Duration::try_from(self.now().duration_since(at)).unwrap_or_default()
    }

    /// Refuses a signing time too far from ours, with ours.
    fn check_time(&self, iat: i64) -> Result<(), Refusal> {
        let now = self.now().as_second();
        if now.abs_diff(iat) > MAX_SKEW.unsigned_abs().as_secs() {
            return Err(Refusal::clock(now));
        }
        Ok(())
    }
}
