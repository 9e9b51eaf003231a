//! TCP ports that stay open from one configuration to the next.

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::sockets;

/// Interface and port, as the configuration says.
pub(super) type Place = (Option<String>, u16);

/// What a configuration wants served at a place, with a listener where none is open.
pub(super) type Wanted<S> = (Place, S, Option<TcpListener>);

/// Ports, and what serves at each of them.
pub(super) struct Ports<S> {
    open: Vec<Open<S>>,
    /// Open already, and not served yet.
    adopted: Vec<(Place, TcpListener)>,
}

struct Open<S> {
    place: Place,
    serves: watch::Sender<S>,
    task: JoinHandle<()>,
}

/// Connections that were taken go on as they began.
impl<S> Drop for Open<S> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<S> Ports<S> {
    /// None is open but these.
    pub(super) fn new(adopted: Vec<(Place, TcpListener)>) -> Self {
        Self { open: Vec::new(), adopted }
    }

    /// Listens at a place, unless that is done already. Must be called within a runtime.
    ///
    /// Fails if it cannot be listened at.
    pub(super) fn listen(&mut self, place: &Place) -> anyhow::Result<Option<TcpListener>> {
        if self.open.iter().any(|known| known.place == *place) {
            return Ok(None);
        }
        if let Some(at) = self.adopted.iter().position(|(known, _)| known == place) {
            return Ok(Some(self.adopted.swap_remove(at).1));
        }
        let (interface, port) = place;
        let at = interface.as_deref().unwrap_or("every address");
        let listener = sockets::listen(interface.as_deref(), *port);
        listener.with_context(|| format!("cannot listen at {at}, TCP port {port}")).map(Some)
    }

    /// From here on new connections are served so, and nowhere else. `accept` takes those of a listener as what is served there says when they come.
    pub(super) fn serve<F>(&mut self, wanted: Vec<Wanted<S>>, accept: impl Fn(TcpListener, watch::Receiver<S>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut before = std::mem::take(&mut self.open);
        for (place, serving, listener) in wanted {
            if let Some(listener) = listener {
                let (serves, served) = watch::channel(serving);
                let task = tokio::spawn(accept(listener, served));
                self.open.push(Open { place, serves, task });
                continue;
            }
            if let Some(at) = before.iter().position(|known| known.place == place) {
                let known = before.swap_remove(at);
                // It is heard by the task that is kept beside it.
                _ = known.serves.send(serving);
                self.open.push(known);
            }
        }
    }
}
