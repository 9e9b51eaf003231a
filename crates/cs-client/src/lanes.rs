//! Connections to one server.
//!
//! One HTTP/2 connection carries so many calls at a time as its server allows, and what is more waits in line. A call that waits for a person holds its place for half a
//! minute: some hundred pushes on one connection, and nobody else's call would get through. So those that wait have connections of their own, more as more people are
//! waited for, and those that wait for nobody go another way.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Client;

use crate::error::Error;

/// Calls that wait for people, on one connection: what common servers allow at the least (Apache, HAProxy: 100, nginx: 128, ours: 256).
const WAITING: usize = 100;

/// How a further connection is made.
type Make = Box<dyn Fn() -> Result<Client, Error> + Send + Sync>;

pub(crate) struct Lanes {
    make: Make,
    /// For calls that wait for nobody.
    quick: Client,
    waiting: Mutex<Vec<Lane>>,
}

/// A connection for calls that wait. Each call under way has a place, and so has the lane itself.
struct Lane {
    http: Client,
    places: Arc<()>,
}

/// A call's place on a connection, until it is dropped.
pub(crate) struct Place {
    pub(crate) http: Client,
    _place: Option<Arc<()>>,
}

impl Lanes {
    /// Fails as `make` does.
    pub(crate) fn new(make: Make) -> Result<Self, Error> {
        Ok(Self { quick: make()?, make, waiting: Mutex::default() })
    }

    /// For a call that is answered at once.
    pub(crate) fn quick(&self) -> Place {
        Place { http: self.quick.clone(), _place: None }
    }

    /// For a call that waits for a person. Connections beyond the first that nobody waits on any more are closed.
    ///
    /// Fails if a further connection is needed and cannot be set up.
    pub(crate) fn waiting(&self) -> Result<Place, Error> {
        let mut lanes = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = 0;
        lanes.retain(|lane| {
            number += 1;
            number == 1 || lane.used() > 0
        });
        let free = lanes.iter().position(|lane| lane.used() < WAITING);
        let at = match free {
            Some(at) => at,
            None => {
                lanes.push(Lane { http: (self.make)()?, places: Arc::default() });
                lanes.len() - 1
            }
        };
        // It was found or added above.
        let Some(lane) = lanes.get(at) else { return Ok(self.quick()) };
        Ok(Place { http: lane.http.clone(), _place: Some(lane.places.clone()) })
    }
}

impl Lane {
    fn used(&self) -> usize {
        Arc::strong_count(&self.places) - 1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn so_many_wait_on_a_connection_and_connections_go_with_those_who_wait() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let made = Arc::new(AtomicUsize::new(0));
        let counted = made.clone();
        let lanes = Lanes::new(Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Client::builder().build().map_err(Error::Tls)
        }));
        let lanes = lanes.unwrap();
        let mut places: Vec<Place> = (0..=2 * WAITING).map(|_| lanes.waiting().unwrap()).collect();
        assert_eq!(made.load(Ordering::Relaxed), 4, "one for quick calls, three for those that wait");
        // A place that is given back is taken again.
        places.swap_remove(7);
        places.push(lanes.waiting().unwrap());
        assert_eq!(made.load(Ordering::Relaxed), 4);
        places.clear();
        drop(lanes.waiting().unwrap());
        assert_eq!(lanes.waiting.lock().unwrap().len(), 1);
    }
}
