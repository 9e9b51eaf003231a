//! `GET /rest/v1/ping` and `GET /rest/v1/check`.

use cs_wire::rest_v1::{PONG, VALID};

use crate::http::{Envelope, NoParams, RestV1, Signed};

/// Is the server there. Unsigned.
pub(super) async fn ping() -> Envelope<&'static str> {
    Envelope::new(PONG)
}

/// Are the credentials right.
pub(super) async fn check(_: Signed<RestV1, NoParams>) -> Envelope<&'static str> {
    Envelope::new(VALID)
}
