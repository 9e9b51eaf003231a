//! Both ends of RADIUS over TLS, with certificates of the test's own.

use cs_radius::{Builder, Code, Packet, Secret, kind};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::client::Talk;
use super::*;
use crate::serve::sockets::Arrived;
use crate::test_support::PATIENCE;
use crate::test_support::certificates::Authority;

fn request(number: u8) -> Vec<u8> {
    let mut builder = Builder::new(Code::AccessRequest, number);
    builder.attribute(kind::USER_NAME, b"alice").unwrap();
    builder.into_request(&Secret::new(SECRET), &[number; 16])
}

fn answer(request: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(request).unwrap();
    Builder::new(Code::AccessAccept, packet.identifier()).into_reply(&Secret::new(SECRET), packet.authenticator())
}

async fn next(arrived: &mut mpsc::Receiver<Arrived>) -> Arrived {
    timeout(PATIENCE, arrived.recv()).await.unwrap().unwrap()
}

pub(in crate::serve) async fn door(files: &TlsFiles) -> (Door, std::net::SocketAddr, mpsc::Receiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let door = Door::new(listener, server_config(files).unwrap());
    let (arrive, arrived) = mpsc::channel(16);
    door.open(7, arrive);
    (door, at, arrived)
}

pub(in crate::serve) fn connections(files: &TlsFiles) -> (Connections, mpsc::Receiver<Arrived>) {
    let (arrive, arrived) = mpsc::channel(16);
    (Connections::new(client_config(files).unwrap(), vec!["127.0.0.1".to_owned()], arrive), arrived)
}

#[tokio::test]
async fn packets_travel_both_ways_on_one_connection_that_is_made_anew() {
    let authority = Authority::fresh();
    let (door, at, mut asked) = door(&authority.files("server")).await;
    let (mut asking, mut answered) = connections(&authority.files("client"));
    asking.send((0, 3), 0, at, request(1));
    let first = next(&mut asked).await;
    assert_eq!((first.socket, &first.octets), (7, &request(1)));
    // The same again is not sent: TLS loses nothing. Another packet is, on the same connection.
    asking.send((0, 3), 0, at, request(1));
    asking.send((0, 3), 0, at, request(2));
    let second = next(&mut asked).await;
    assert_eq!((second.from, &second.octets), (first.from, &request(2)));
    door.guests.send(second.from, answer(&second.octets));
    let got = next(&mut answered).await;
    assert_eq!((got.socket, got.from, got.octets), (3, at, answer(&request(2))));
    // Another number has a connection of its own.
    asking.send((1, 4), 0, at, request(3));
    assert_ne!(next(&mut asked).await.from, first.from);
    // What is no RADIUS ends a connection; whoever asks next gets a new one.
    door.guests.send(first.from, vec![0; 40]);
    let ended = async {
        while door.guests.knows(first.from) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.unwrap();
    asking.send((0, 3), 0, at, request(10));
    let came = next(&mut asked).await;
    assert_ne!(came.from, first.from);
    door.guests.send(came.from, answer(&came.octets));
    assert_eq!(next(&mut answered).await.octets, answer(&came.octets));
}

#[tokio::test]
async fn who_shows_no_certificate_of_the_authority_is_not_heard() {
    let (authority, other) = (Authority::fresh(), Authority::fresh());
    let (_door, at, mut asked) = door(&authority.files("server")).await;
    // One of another authority, which trusts this server.
    let mut stranger = other.files("client");
    stranger.ca = authority.path("ca.pem");
    let (mut asking, mut answered) = connections(&stranger);
    asking.send((0, 0), 0, at, request(1));
    // One that does not trust this server.
    let mut doubting = authority.files("doubting");
    doubting.ca = other.path("ca.pem");
    let (mut doubts, _) = connections(&doubting);
    doubts.send((0, 0), 0, at, request(2));
    // One whose certificate is right, after them.
    let (mut right, _) = connections(&authority.files("right"));
    right.send((0, 0), 0, at, request(3));
    assert_eq!(next(&mut asked).await.octets, request(3));
    assert!(asked.try_recv().is_err() && answered.try_recv().is_err());
}

#[tokio::test]
async fn lengths_that_are_none_end_a_connection() {
    for octets in [&[1, 1, 0, 19][..], &[1, 1, 0x10, 1], &[1, 1, 0xff, 0xff]] {
        let (mut writing, mut reading) = tokio::io::duplex(64);
        writing.write_all(octets).await.unwrap();
        assert!(read_packet(&mut reading).await.is_err(), "{octets:?}");
    }
    let (mut writing, mut reading) = tokio::io::duplex(8192);
    writing.write_all(&[request(1), request(2)].concat()).await.unwrap();
    assert_eq!(read_packet(&mut reading).await.unwrap(), Some(request(1)));
    assert_eq!(read_packet(&mut reading).await.unwrap(), Some(request(2)));
    writing.write_all(&request(3)[..10]).await.unwrap();
    drop(writing);
    assert!(read_packet(&mut reading).await.is_err());
}

#[test]
fn a_sign_of_life_is_told_from_the_answer_to_a_question() {
    let mut talk = Talk::default();
    assert!(talk.is_new(&request(255)));
    assert!(!talk.is_new(&request(255)));
    let watching = talk.watch().unwrap();
    assert_eq!(watching[1], 254);
    // Another answer, one that was made up, and the right one.
    assert!(!talk.is_for_us(&answer(&request(255))));
    assert!(!talk.is_for_us(&answer(&request(254))));
    assert!(talk.is_for_us(&answer(&watching)));
    // An answered number may be used for the same octets again.
    assert!(talk.is_new(&request(255)));
    assert_eq!(talk.watch().unwrap()[1], 254);
}
