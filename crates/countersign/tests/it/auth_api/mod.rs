//! Auth API v2, over HTTP.

mod attacks;
mod automation;
mod clients;
mod disabled;
mod enroll;
mod passcodes;
mod places;
mod policies;
mod preauth;
mod push;
mod repeats;
mod risk;
mod signatures;
mod two_proxies;

use cs_testkit::{Answer, Api};

/// `POST /auth/v2/preauth` for `user`.
async fn preauth(api: &Api, user: &str) -> Answer {
    api.post("/auth/v2/preauth", &[("username", user)]).await
}

/// A passcode login; its status.
async fn passcode(api: &Api, user: &str, code: &str) -> String {
    api.post("/auth/v2/auth", &[("username", user), ("factor", "passcode"), ("passcode", code)]).await.text("status")
}

/// Starts a push from `address`; its txid.
async fn start_push(api: &Api, user: &str, address: &str) -> String {
    let params = [("username", user), ("factor", "push"), ("device", "auto"), ("async", "1"), ("ipaddr", address)];
    api.post("/auth/v2/auth", &params).await.text("txid")
}

/// Asks how a login stands.
async fn status(api: &Api, txid: &str) -> Answer {
    api.get("/auth/v2/auth_status", &[("txid", txid)]).await
}
