//! What the server writes about itself, heard by a test.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

/// Everything heard so far. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// As text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hears everything that our own code says on this thread until the guard is dropped: the test's runtime must have no other.
pub(crate) fn hear() -> (Written, DefaultGuard) {
    // While there is one listener alone, what other threads say first is asked of theirs, which is none, and never heard again.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&ANOTHER);
    let written = Written::default();
    let heard = written.clone();
    let filter = filter_fn(|about| about.target().starts_with("countersign") || about.target().starts_with("cs_"));
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || heard.clone());
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer.with_filter(filter)));
    tracing::info!(target: "countersign::test", "heard");
    (written, guard)
}
