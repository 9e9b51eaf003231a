//! A server that does what the protocol's document says, and keeps what it was sent.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use cs_wire::device::{
    ActivatePayload, ActivateRequest, Answer, AnswerPayload, AnswerRequest, DevicePublicKey, DeviceUpdate, Digest,
    OtpState, ProtocolVersion, Request, RequestPayload, Statement, UnverifiedJws,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub(crate) const NOW: i64 = 1_790_000_000;
pub(crate) const CODE: &str = "Abcdefghij0123456789";
pub(crate) const DEVICE: &str = "DPAAAAAAAAAAAAAAAAA1";
pub(crate) const SEED: &[u8] = b"12345678901234567890";

/// How the event stream behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    Live,
    /// Open, but nothing comes through: a proxy in between collects the answer first.
    HeldBack,
    Unavailable,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) origin: String,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) now: i64,
    pub(crate) code_is_unused: bool,
    pub(crate) must_confirm: bool,
    pub(crate) totp: bool,
    pub(crate) is_active: bool,
    pub(crate) auto_approve_until: Option<i64>,
    pub(crate) name: String,
    pub(crate) key: Option<DevicePublicKey>,
    pub(crate) waiting: Vec<(Request, Option<String>)>,
    pub(crate) closed: HashMap<String, &'static str>,
    /// Answers as they were sent, verified or not.
    pub(crate) answers: Vec<String>,
    pub(crate) events: Events,
    pub(crate) connections: usize,
    pub(crate) pulls: usize,
    wrong_numbers: HashMap<String, u32>,
    seen: HashSet<String>,
    listeners: Vec<mpsc::UnboundedSender<Result<Bytes, std::io::Error>>>,
    held_back: Vec<mpsc::UnboundedSender<Result<Bytes, std::io::Error>>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::new(format!("http://{}", listener.local_addr().unwrap()));
        let app = server.app();
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    pub(crate) fn new(origin: String) -> Self {
        let state = State {
            now: NOW,
            code_is_unused: true,
            must_confirm: false,
            totp: false,
            is_active: true,
            auto_approve_until: None,
            name: String::new(),
            key: None,
            waiting: Vec::new(),
            closed: HashMap::new(),
            answers: Vec::new(),
            events: Events::Live,
            connections: 0,
            pulls: 0,
            wrong_numbers: HashMap::new(),
            seen: HashSet::new(),
            listeners: Vec::new(),
            held_back: Vec::new(),
        };
        Self { origin, state: Arc::new(Mutex::new(state)) }
    }

    pub(crate) fn app(&self) -> Router {
        let server = self.clone();
        Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            server.handle(&method, &uri, &headers, &body).unwrap_or_else(|refusal| refusal)
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A login for this device; `number` is on the other screen.
    pub(crate) fn statement(&self, txid: &str) -> Statement {
        Statement {
            v: ProtocolVersion::V1,
            account: "DAAAAAAAAAAAAAAAAAA1".into(),
            origin: self.origin.clone(),
            device: DEVICE.into(),
            txid: txid.into(),
            request: Digest::of(txid.as_bytes()),
            application: "Mail".into(),
            user: "alice".into(),
            kind: "Login request".into(),
            address: "203.0.113.7".into(),
            place: "Berlin, DE".into(),
            hostname: "wks01".into(),
            time: NOW - 5,
            info: vec![("Command".into(), "uname -a".into())],
        }
    }

    pub(crate) fn push(&self, txid: &str, number: Option<&str>) {
        self.push_statement(txid, self.statement(txid), number);
    }

    pub(crate) fn push_statement(&self, txid: &str, statement: Statement, number: Option<&str>) {
        let mut state = self.state();
        let digits = number.map_or(0, |number| u8::try_from(number.len()).unwrap());
        let created = state.now - 5 + i64::try_from(state.waiting.len()).unwrap();
        let request = Request { txid: txid.into(), created, expires: created + 60, digits, pages: None, statement };
        state.emit("request", &serde_json::to_value(&request).unwrap());
        state.waiting.push((request, number.map(str::to_owned)));
    }

    pub(crate) fn cancel(&self, txid: &str) {
        self.state().close(txid, "cancelled");
    }

    /// Cuts all event streams.
    pub(crate) fn hang_up(&self) {
        let mut state = self.state();
        state.listeners.clear();
        state.held_back.clear();
    }

    pub(crate) fn ping(&self) {
        self.state().emit("ping", &json!({}));
    }

    fn handle(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Response, Response> {
        let path = uri.path_and_query().unwrap().as_str();
        let mut state = self.state();
        if path == "/authenticator/v1/activate" {
            return state.activate(&self.origin, body);
        }
        state.authenticate(&self.origin, method, path, headers, body)?;
        match (method.as_str(), path) {
            ("GET", "/authenticator/v1/requests") => {
                state.pulls += 1;
                let requests: Vec<_> = state.waiting.iter().map(|(request, _)| request).collect();
                Ok(Json(json!({"server_time": state.now, "requests": requests})).into_response())
            }
            ("GET", "/authenticator/v1/events") => state.open_events(),
            ("GET", "/authenticator/v1/device") => Ok(Json(state.device()).into_response()),
            ("POST", "/authenticator/v1/device") => {
                let update: DeviceUpdate =
                    serde_json::from_slice(body).map_err(|_| refuse(400, "malformed", json!({})))?;
                state.name = update.name.unwrap_or_else(|| state.name.clone());
                Ok(Json(state.device()).into_response())
            }
            ("DELETE", "/authenticator/v1/device") => {
                state.is_active = false;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            ("POST", path) => {
                let txid =
                    path.strip_prefix("/authenticator/v1/requests/").and_then(|rest| rest.strip_suffix("/answer"));
                let txid = txid.ok_or_else(|| refuse(400, "malformed", json!({})))?;
                state.answer(txid, body)
            }
            _ => Err(refuse(400, "malformed", json!({}))),
        }
    }
}

impl State {
    fn activate(&mut self, origin: &str, body: &[u8]) -> Result<Response, Response> {
        let malformed = || refuse(400, "malformed", json!({}));
        let request: ActivateRequest = serde_json::from_slice(body).map_err(|_| malformed())?;
        let key = DevicePublicKey::from_jwk(&request.key).map_err(|_| malformed())?;
        let signature = || refuse(401, "signature", json!({}));
        let jws = UnverifiedJws::<ActivatePayload>::parse(&request.proof).map_err(|_| signature())?;
        let proof = jws.verify(&key).map_err(|_| signature())?;
        let thumbprint = key.thumbprint();
        if proof.kid != thumbprint.to_string()
            || proof.payload.key != thumbprint
            || proof.payload.code != request.code
            || proof.payload.origin != origin
        {
            return Err(signature());
        }
        self.check_clock(proof.payload.iat)?;
        if request.code.expose() != CODE || !std::mem::take(&mut self.code_is_unused) {
            return Err(refuse(404, "activation_invalid", json!({})));
        }
        self.name = request.device.name;
        self.key = Some(key);
        let mut otp = serde_json::to_value(self.otp()).unwrap();
        otp["seed"] = json!(BASE64URL_NOPAD.encode(SEED));
        let phrase = cs_wire::device::confirm_phrase(&request.code, &thumbprint);
        Ok(Json(json!({
            "device_id": DEVICE, "account": {"id": "DAAAAAAAAAAAAAAAAAA1", "name": "Example"}, "user": {"name": "alice"},
            "origin": origin, "server_time": self.now, "otp": otp,
            "confirm": {"phrase": phrase, "required": self.must_confirm},
        }))
        .into_response())
    }

    fn authenticate(
        &mut self,
        origin: &str,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Response> {
        let signature = || refuse(401, "signature", json!({}));
        let proof = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Device "));
        let jws = UnverifiedJws::<RequestPayload>::parse(proof.ok_or_else(signature)?).map_err(|_| signature())?;
        let key = self.key.as_ref().filter(|_| jws.claimed_kid() == DEVICE).ok_or_else(signature)?;
        let signed = jws.verify(key).map_err(|_| signature())?.payload;
        if signed.aud != origin
            || signed.htm != method.as_str()
            || signed.htu != path
            || signed.bsha != Digest::of(body)
        {
            return Err(signature());
        }
        self.check_clock(signed.iat)?;
        if !self.seen.insert(signed.jti.to_string()) {
            return Err(refuse(401, "replayed", json!({})));
        }
        if !self.is_active {
            return Err(refuse(403, "inactive", json!({})));
        }
        Ok(())
    }

    fn check_clock(&self, iat: i64) -> Result<(), Response> {
        if self.now.abs_diff(iat) > 60 {
            return Err(refuse(401, "clock", json!({"server_time": self.now})));
        }
        Ok(())
    }

    fn answer(&mut self, txid: &str, body: &[u8]) -> Result<Response, Response> {
        let AnswerRequest { answer } = serde_json::from_slice(body).map_err(|_| refuse(400, "malformed", json!({})))?;
        self.answers.push(answer.clone());
        if let Some(state) = self.closed.get(txid) {
            return Err(refuse(409, "closed", json!({"state": state})));
        }
        let (request, number) = self
            .waiting
            .iter()
            .find(|(request, _)| request.txid == txid)
            .ok_or_else(|| refuse(404, "no_such_request", json!({})))?;
        let signature = || refuse(401, "signature", json!({}));
        let jws = UnverifiedJws::<AnswerPayload>::parse(&answer).map_err(|_| signature())?;
        let payload = jws.verify(self.key.as_ref().unwrap()).map_err(|_| signature())?.payload;
        self.check_clock(payload.iat)?;
        if request.statement.first_difference(&payload.statement).is_some() {
            return Err(refuse(409, "statement", json!({})));
        }
        let result = match payload.answer {
            Answer::Approve if payload.number.as_deref() != number.as_deref() => {
                let wrong = self.wrong_numbers.entry(txid.to_owned()).or_default();
                *wrong += 1;
                if *wrong == 3 {
                    self.close(txid, "denied");
                }
                return Err(refuse(422, "number", json!({})));
            }
            Answer::Approve => "approved",
            Answer::Deny => "denied",
            Answer::Fraud => "fraud",
        };
        self.close(txid, result);
        Ok(Json(json!({"result": result})).into_response())
    }

    fn close(&mut self, txid: &str, how: &'static str) {
        self.waiting.retain(|(request, _)| request.txid != txid);
        self.closed.insert(txid.to_owned(), how);
        self.emit("closed", &json!({"txid": txid, "state": how}));
    }

    fn open_events(&mut self) -> Result<Response, Response> {
        self.connections += 1;
        let (sender, receiver) = mpsc::unbounded_channel();
        match self.events {
            Events::Live => self.listeners.push(sender),
            Events::HeldBack => self.held_back.push(sender),
            Events::Unavailable => return Err(StatusCode::BAD_GATEWAY.into_response()),
        }
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        Ok(([("content-type", "text/event-stream")], Body::from_stream(stream)).into_response())
    }

    fn emit(&mut self, event: &str, data: &Value) {
        let text = Bytes::from(format!("event: {event}\ndata: {data}\n\n"));
        self.listeners.retain(|listener| listener.send(Ok(text.clone())).is_ok());
    }

    fn device(&self) -> Value {
        json!({
            "device_id": DEVICE, "name": self.name, "user": {"name": "alice"},
            "account": {"id": "DAAAAAAAAAAAAAAAAAA1", "name": "Example"}, "active": self.is_active,
            "auto_approve_until": self.auto_approve_until, "otp": self.otp(),
        })
    }

    fn otp(&self) -> OtpState {
        match self.totp {
            true => OtpState::Totp { digits: 6, period: 30 },
            false => OtpState::Hotp { digits: 6, counter: 0 },
        }
    }
}

/// A refusal as documented; `more` joins the error object.
fn refuse(status: u16, code: &str, more: Value) -> Response {
    let mut error = json!({"code": code, "message": "Do something about it."});
    error.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (StatusCode::from_u16(status).unwrap(), Json(json!({"error": error}))).into_response()
}

/// Where a test's own listener is.
pub(crate) fn address(origin: &str) -> SocketAddr {
    origin.split_once("://").unwrap().1.parse().unwrap()
}
