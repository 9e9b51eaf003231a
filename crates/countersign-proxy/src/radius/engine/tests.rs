//! Timers and counters, against a look at every login.

use std::net::SocketAddr;
use std::sync::Arc;

use cs_radius::{Builder, Code, Packet, Secret, kind, password};

use super::super::login::{Auth, Event, Outage, Preauth, Primary};
use super::super::output::Told;
use super::super::request::Request;
use super::super::section::Dropped;
use super::*;
use crate::cfg::radius_server::RadiusServer;
use crate::test_support::config::{KEYS, read};

const SECRET: &[u8] = b"a-long-shared-secret";

/// A `[radius_server_auto]` with further options.
pub(crate) fn server(options: &str) -> RadiusServer {
    let text = format!(
        "[duo_only_client]\n[radius_server_auto]\n{KEYS}api_host=a.example.org\n\
        radius_ip_1=192.0.2.0/24\nradius_secret_1=a-long-shared-secret\n{options}\n"
    );
    read(&text).radius.remove(0)
}

/// What alice's device sends.
pub(crate) fn request() -> Arc<Request> {
    let octets = packet(1, 0, None);
    let from = "192.0.2.9:1000".parse().unwrap();
    Arc::new(Request::read(&Packet::parse(&octets).unwrap(), &server(""), from).unwrap())
}

fn engine(options: &str) -> Engine {
    let mut counter = 0_u64;
    let random = move |octets: &mut [u8]| {
        counter += 1;
        octets.iter_mut().zip(counter.to_be_bytes().iter().rev().cycle()).for_each(|(octet, value)| *octet = *value);
    };
    Engine::new(vec![Section::new(server(options))], vec![vec![0]], Box::new(random))
}

fn packet(number: u64, user: u64, state: Option<&[u8]>) -> Vec<u8> {
    let mut authenticator = [0; 16];
    authenticator[..8].copy_from_slice(&number.to_be_bytes());
    let mut builder = Builder::new(Code::AccessRequest, number.to_be_bytes()[7]);
    builder.attribute(kind::USER_NAME, format!("user{user}").as_bytes()).unwrap();
    let hidden = password::hide(b"secret", &Secret::new(SECRET.to_vec()), &authenticator).unwrap();
    builder.attribute(kind::USER_PASSWORD, &hidden).unwrap();
    builder.attribute(kind::CALLING_STATION_ID, b"198.51.100.7").unwrap();
    if let Some(state) = state {
        builder.attribute(kind::STATE, state).unwrap();
    }
    builder.into_request(&Secret::new(SECRET.to_vec()), &authenticator)
}

fn agrees(engine: &Engine) {
    let due = |running: &Running| running.fallback.map_or(running.ends, |at| at.min(running.ends));
    assert_eq!(engine.poll_timeout(), engine.running.values().map(due).min());
    assert_eq!(engine.waiting(), engine.running.values().filter(|running| running.reply.is_none()).count());
    assert!(engine.challenges.values().all(|id| engine.running.contains_key(id)));
    let shown: usize = engine.running.values().map(|running| running.states.len()).sum();
    assert_eq!(engine.challenges.len(), shown);
}

#[test]
fn timers_and_counters_agree_with_a_look_at_every_login() {
    let mut engine = engine("fallback=challenge\nfallback_after=20\nfactors=push,passcode\nnas_timeout_1=30");
    let from = SocketAddr::from(([192, 0, 2, 1], 1000));
    let (mut now, mut chance) = (Instant::now(), 3_u64);
    let mut draw = |most: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % most
    };
    let mut asked: Vec<Output> = Vec::new();
    let mut states: Vec<(u64, Vec<u8>)> = Vec::new();
    let (mut sent, mut answered) = (0_u64, 0_u64);
    for number in 0..3_000 {
        match draw(8) {
            0..=1 => {
                engine.on_packet(0, from, &packet(number, draw(30), None), now);
                sent += 1;
            }
            2 if !states.is_empty() => {
                let (user, state) = states[usize::try_from(draw(states.len() as u64)).unwrap()].clone();
                engine.on_packet(0, from, &packet(number, user, Some(&state)), now);
                sent += 1;
            }
            3..=6 if !asked.is_empty() => match asked.swap_remove(usize::try_from(draw(asked.len() as u64)).unwrap()) {
                Output::Primary { login, .. } => engine.on_event(login, Event::Primary(Primary::Right), now),
                Output::Preauth { login, .. } => {
                    let answer = Preauth::Auth { menu: None, can_push: draw(2) == 0, can_phone: false };
                    engine.on_event(login, Event::Preauth(Ok(answer)), now);
                }
                Output::Auth { login, attempt, .. } => {
                    let text = String::new();
                    let answer = match draw(3) {
                        0 => Ok(Auth::Allow { text }),
                        1 => Ok(Auth::CodesSent { text }),
                        _ => Err(Outage::Away),
                    };
                    engine.on_auth(login, attempt, answer, now);
                }
                _ => {}
            },
            _ => {
                now += Duration::from_millis(draw(8_000));
                engine.on_timeout(now);
            }
        }
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Send { octets, .. } => {
                    answered += 1;
                    let reply = Packet::parse(&octets).unwrap();
                    if let Some(state) = reply.first(kind::STATE) {
                        let id = engine.challenges[state];
                        let user = engine.running[&id].request.user[4..].parse().unwrap();
                        states.push((user, state.to_vec()));
                    }
                }
                Output::Cancel { .. } | Output::Told(_) => {}
                other => asked.push(other),
            }
        }
        agrees(&engine);
    }
    assert!(states.len() > 100, "challenges are part of it");
    // Time runs out for everybody, and every packet has had its answer.
    while let Some(at) = engine.poll_timeout() {
        engine.on_timeout(at);
        agrees(&engine);
    }
    answered += std::iter::from_fn(|| engine.poll_output())
        .filter(|output| matches!(output, Output::Send { .. }))
        .count() as u64;
    assert_eq!((engine.waiting(), engine.challenges.len(), answered), (0, 0, sent));
}

/// Has each of so many people let in, and returns how many of their packets were dropped because too many logins wait.
fn crowd(engine: &mut Engine, people: u64, now: Instant) -> usize {
    let from = SocketAddr::from(([192, 0, 2, 1], 1000));
    let mut busy = 0;
    for number in 0..people {
        engine.on_packet(0, from, &packet(number, number, None), now);
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Primary { login, .. } => engine.on_event(login, Event::Primary(Primary::Right), now),
                Output::Preauth { login, .. } => {
                    let answer = Preauth::Allow { text: String::new() };
                    engine.on_event(login, Event::Preauth(Ok(answer)), now);
                }
                Output::Told(Told::Dropped(_, Dropped::Busy)) => busy += 1,
                _ => {}
            }
        }
        agrees(engine);
    }
    busy
}

#[test]
fn logins_that_were_decided_keep_nobody_out() {
    let now = Instant::now();
    let mut engine = engine("coalesce=loose");
    engine.most = 100;
    assert_eq!((crowd(&mut engine, 500, now), engine.running.len()), (0, 100));
    assert!(engine.decided.len() <= 100);
    // The last of them is still told the same in another packet, the first is a new login.
    let from = SocketAddr::from(([192, 0, 2, 1], 1000));
    engine.on_packet(0, from, &packet(1_000, 499, None), now);
    assert!(matches!(engine.poll_output(), Some(Output::Send { .. })));
    engine.on_packet(0, from, &packet(1_001, 0, None), now);
    assert!(matches!(engine.poll_output(), Some(Output::Primary { .. })));
}

#[test]
fn a_login_that_no_other_packet_can_join_is_forgotten_with_its_answer() {
    let mut engine = engine("coalesce=off");
    assert_eq!(crowd(&mut engine, 300, Instant::now()), 0);
    assert!(engine.running.is_empty() && engine.decided.is_empty() && engine.poll_timeout().is_none());
}

#[test]
fn a_state_is_text_which_also_devices_send_back_that_end_it_at_a_zero() {
    let now = Instant::now();
    let mut engine = engine("");
    engine.on_packet(0, SocketAddr::from(([192, 0, 2, 1], 1000)), &packet(1, 1, None), now);
    let Some(Output::Primary { login, .. }) = engine.poll_output() else {
        panic!("nobody is asked about the password")
    };
    engine.challenge(login, "Passcode:".to_owned(), now);
    let sent = std::iter::from_fn(|| engine.poll_output()).find_map(|output| match output {
        Output::Send { octets, .. } => Some(octets),
        _ => None,
    });
    let octets = sent.expect("a challenge");
    let state = Packet::parse(&octets).unwrap().first(kind::STATE).unwrap().to_vec();
    // What is drawn here is mostly zeros.
    assert!(state.len() >= 22 && state.iter().all(u8::is_ascii_graphic), "{state:?}");
}
