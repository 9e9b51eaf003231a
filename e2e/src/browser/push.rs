//! Push messages without a push service, and the notifications that come of them.

use serde_json::{Value as Json, json};

use super::cdp::Event;
use super::page::Page;

impl Page {
    /// Hands `data` to the service worker of `origin`, as a push service would after decryption, and gives the notifications of
    /// that worker once another one is shown: of each its title, body and tag.
    pub fn woken_by(&self, origin: &str, data: &str) -> Json {
        // Whoever asks for notifications in the moment between their being written down and their being shown makes the browser
        // forget them, so they are asked for once, after the browser has told of one.
        let service = json!({ "service": "notifications" });
        self.call("BackgroundService.startObserving", &service);
        self.call("BackgroundService.setRecording", &json!({ "shouldRecord": true, "service": "notifications" }));
        let since = self.connection.event_count();
        self.deliver(origin, data);
        let shown = self.connection.event(&self.session, since, |event| {
            event.method == "BackgroundService.backgroundServiceEventReceived"
                && event.params["backgroundServiceEvent"]["eventName"] == "Notification displayed"
        });
        let since_then = || self.connection.events(&self.session, since);
        assert!(shown.is_some(), "no notification at {}:\n{:#?}", self.url(), since_then());
        self.notifications()
    }

    /// The notifications of this page's worker that are shown: of each its title, body and tag.
    pub fn notifications(&self) -> Json {
        self.eval(
            "navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) => all.map((n) => [n.title, n.body, n.tag]))",
        )
    }

    fn deliver(&self, origin: &str, data: &str) {
        // A worker is ready before it is active, and until then what is pushed is lost.
        self.wait_until("a worker", || {
            self.eval("navigator.serviceWorker.ready.then((r) => r.active.state)") == "activated"
        });
        // Only what enables anew is told of every worker there is; what disables afterwards would take the message back.
        self.call("ServiceWorker.disable", &json!({}));
        let since = self.connection.event_count();
        self.call("ServiceWorker.enable", &json!({}));
        let of = format!("{}/", origin.trim_end_matches('/'));
        let known = self.connection.event(&self.session, since, |event| registration(event, &of).is_some());
        let id = known.as_ref().and_then(|event| registration(event, &of)).expect("a service worker");
        self.call("ServiceWorker.deliverPushMessage", &json!({ "origin": of, "registrationId": id, "data": data }));
    }
}

/// The id of the registration that an event of the service workers tells of, if it is one of `origin`.
fn registration(event: &Event, origin: &str) -> Option<String> {
    if event.method != "ServiceWorker.workerRegistrationUpdated" {
        return None;
    }
    let registrations = event.params["registrations"].as_array()?;
    let ours = registrations.iter().find(|registration| {
        registration["isDeleted"] != true
            && registration["scopeURL"].as_str().is_some_and(|url| url.starts_with(origin))
    })?;
    ours["registrationId"].as_str().map(str::to_owned)
}
