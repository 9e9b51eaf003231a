//! One login is one push, however its packets come.

use countersign_proxy::radius::login::Preauth;
use countersign_proxy::radius::output::Output;
use cs_radius::Code;

use super::site::{Site, alice, can_push, yes};

/// Brings a login to its push.
fn pushed(site: &mut Site) -> (countersign_proxy::radius::output::LoginId, u32) {
    site.primary_right("secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    (login, attempt)
}

#[test]
fn the_same_packet_again_is_swallowed_and_then_answered_alike() {
    let mut site = Site::new("radius_server_auto", "");
    let request = site.ask(&alice("secret"));
    let push = pushed(&mut site);
    for _ in 0..4 {
        site.wait(2);
        site.send(&request, 1000);
        assert!(site.outputs().is_empty());
    }
    site.decide(push, yes());
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
    // The answer was lost: the same octets again, and nobody is asked.
    site.wait(3);
    site.send(&request, 1000);
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
}

#[test]
fn a_new_number_or_port_joins_and_each_packet_gets_its_answer() {
    let mut site = Site::new("radius_server_auto", "");
    let first = site.ask(&alice("secret"));
    let push = pushed(&mut site);
    let second = site.ask(&alice("secret"));
    let mut elsewhere = alice("secret");
    elsewhere.port = 2000;
    let third = site.ask(&elsewhere);
    assert!(site.outputs().is_empty());
    site.decide(push, yes());
    let answers = site.answers(&[&first, &second, &third]);
    assert!(answers.iter().all(|answer| answer.code == Code::AccessAccept));
    // For a moment afterwards as well; then it is another login.
    site.wait(9);
    let late = site.ask(&alice("secret"));
    assert_eq!(site.answer(&late).code, Code::AccessAccept);
    site.wait(1);
    site.ask(&alice("secret"));
    assert!(matches!(site.output(), Output::Primary { .. }));
}

#[test]
fn nobody_rides_on_the_approval_of_somebody_else() {
    for change in ["password", "station", "no station", "user"] {
        let mut site = Site::new("radius_server_auto", "");
        site.ask(&alice("secret"));
        pushed(&mut site);
        let mut other = alice("secret");
        match change {
            "password" => other.password = "Secret".to_owned(),
            "station" => other.station = Some("203.0.113.9"),
            "no station" => other.station = None,
            _ => other.user = "bob",
        }
        site.ask(&other);
        assert!(matches!(site.output(), Output::Primary { .. }), "{change}");
    }
    // Without a station nothing joins, even if all else is the same.
    let mut site = Site::new("radius_server_auto", "");
    let mut unplaced = alice("secret");
    unplaced.station = None;
    site.ask(&unplaced);
    pushed(&mut site);
    site.ask(&unplaced);
    assert!(matches!(site.output(), Output::Primary { .. }));
}

#[test]
fn coalescing_can_be_loosened_and_switched_off() {
    for (coalesce, joins) in [("loose", true), ("off", false)] {
        let mut site = Site::new("radius_server_auto", &format!("coalesce={coalesce}"));
        let mut ask = alice("secret");
        ask.station = None;
        site.ask(&ask);
        pushed(&mut site);
        site.ask(&ask);
        assert_eq!(site.outputs().is_empty(), joins, "{coalesce}");
    }
}

#[test]
fn a_device_that_gives_up_gets_its_answer_before_and_the_push_is_withdrawn() {
    let mut site = Site::new("radius_server_auto", "nas_timeout_1=30");
    let request = site.ask(&alice("secret"));
    let push = pushed(&mut site);
    site.wait(29);
    assert!(site.outputs().is_empty());
    site.wait(1);
    let mut outputs = site.outputs();
    let cancel = outputs.iter().position(|output| matches!(output, Output::Cancel { .. })).unwrap();
    outputs.remove(cancel);
    assert!(matches!(outputs[..], [Output::Send { .. }]));
    // An approval that comes now lets nobody in.
    site.decide(push, yes());
    assert!(site.outputs().is_empty());
    site.send(&request, 1000);
    assert_eq!(site.answer(&request).code, Code::AccessReject);
}

#[test]
fn an_answer_to_a_challenge_counts_once_and_is_told_twice() {
    let mut site = Site::new("radius_server_auto", "factors=passcode");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let challenge = site.answer(&request);
    let mut ask = alice("123456");
    ask.state = challenge.state.clone();
    let first = site.ask(&ask);
    let (login, attempt, _) = site.asked();
    // Sent again with a new number, before and after it is decided.
    let second = site.ask(&ask);
    assert!(site.outputs().is_empty());
    site.decide((login, attempt), yes());
    site.answers(&[&first, &second]);
    site.wait(20);
    let third = site.ask(&ask);
    assert_eq!(site.answer(&third).code, Code::AccessAccept);
    site.wait(10);
    let too_late = site.ask(&ask);
    assert_eq!(site.answer(&too_late).code, Code::AccessReject);
}

#[test]
fn a_challenge_is_answered_by_who_got_it() {
    let mut site = Site::new("radius_server_auto", "factors=passcode");
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let challenge = site.answer(&request);
    let mut other = alice("123456");
    (other.state, other.user) = (challenge.state.clone(), "bob");
    let request = site.ask(&other);
    assert_eq!(site.answer(&request).code, Code::AccessReject);
    // A made-up one, and one that is five minutes old.
    let mut made_up = alice("123456");
    made_up.state = Some(vec![7; 16]);
    let request = site.ask(&made_up);
    assert_eq!(site.answer(&request).code, Code::AccessReject);
    site.wait(300);
    let mut late = alice("123456");
    late.state = challenge.state;
    let request = site.ask(&late);
    assert_eq!(site.answer(&request).code, Code::AccessReject);
}

#[test]
fn a_storm_of_repeated_and_shuffled_packets_is_one_push() {
    let mut site = Site::new("radius_server_auto", "");
    let packets: Vec<Vec<u8>> = (0..40).map(|_| site.packet(&alice("secret"))).collect();
    let mut chance = 12_345_u32;
    let mut draw = |most: usize| {
        chance = chance.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        usize::try_from(chance >> 16).unwrap() % most
    };
    let (mut primaries, mut preauths, mut pushes, mut answered) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..2_000 {
        let port = 1000 + u16::try_from(draw(3)).unwrap();
        let packet = packets[draw(packets.len())].clone();
        site.send(&packet, port);
        for output in site.outputs() {
            match output {
                Output::Primary { login, .. } => primaries.push(login),
                Output::Preauth { login, .. } => preauths.push(login),
                Output::Auth { login, attempt, .. } => pushes.push((login, attempt)),
                Output::Send { .. } => answered += 1,
                Output::Relay { .. }
                | Output::Cancel { .. }
                | Output::Code { .. }
                | Output::Admitted(_)
                | Output::Download(_)
                | Output::Told(_) => {
                    panic!("{output:?}")
                }
            }
        }
        let now = site.now;
        if draw(50) == 0
            && let (Some(login), true) = (primaries.last(), preauths.is_empty())
        {
            site.engine.on_event(
                *login,
                countersign_proxy::radius::login::Event::Primary(countersign_proxy::radius::login::Primary::Right),
                now,
            );
        } else if draw(50) == 0
            && let (Some(login), true) = (preauths.last(), pushes.is_empty())
        {
            let answer: Preauth = can_push();
            site.engine.on_event(*login, countersign_proxy::radius::login::Event::Preauth(Ok(answer)), now);
        }
    }
    assert_eq!((primaries.len(), pushes.len(), answered), (1, 1, 0));
    site.decide(pushes[0], yes());
    // Every packet that came, on every port it came from, is answered.
    let answers = site.outputs();
    assert!(answers.len() > 100 && answers.iter().all(|output| matches!(output, Output::Send { .. })));
}
