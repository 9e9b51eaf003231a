//! The review queue: what administrators should look at.

use crate::policy::word::words;

words! {
    /// What an event is about, in the words of Duo's Trust Monitor.
    ReviewKind {
        /// A login.
        Auth = "auth",
        /// A device that was bound.
        DeviceRegistration = "device_registration",
        /// Somebody was put into bypass.
        BypassStatus = "bypass_status",
    }

    /// How far an event has come.
    ReviewState {
        /// Nobody has looked at it.
        New = "new",
        /// Somebody found nothing in it.
        Dismissed = "dismissed",
        /// Somebody has acted on it.
        Processed = "processed",
    }
}
