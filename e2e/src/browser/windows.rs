//! Windows that pages open, and frames of another site within them: each is a tab of its own to the browser.

use std::time::Instant;

use serde_json::{Value as Json, json};

use super::{Browser, Page};
use crate::child::PATIENCE;

impl Browser {
    /// The window that a page has opened, once it is at an address that holds `part`.
    pub fn window(&self, part: &str) -> Page {
        self.attach("page", part, Page::new)
    }

    /// The frame of another site than the page around it, once it is at an address that holds `part`.
    pub fn frame(&self, part: &str) -> Page {
        self.attach("iframe", part, Page::of_frame)
    }

    /// Waits until no window is at such an address.
    pub fn wait_closed(&self, part: &str) {
        let gone = self.wait(|targets| find(targets, "page", part).is_none().then_some(()));
        gone.unwrap_or_else(|| panic!("there is still a window at {part}"));
    }

    fn attach(&self, kind: &str, part: &str, page: impl Fn(super::Connection, String) -> Page) -> Page {
        let target = self.wait(|targets| find(targets, kind, part));
        let target = target.unwrap_or_else(|| panic!("no {kind} at {part}, but {}", self.open_places()));
        let attached = self.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        page(self.connection.clone(), attached["sessionId"].as_str().unwrap().to_owned())
    }

    /// Where every tab, window and frame is.
    fn open_places(&self) -> String {
        let targets = self.call("Target.getTargets", &json!({ "filter": [{}] }));
        let place = |target: &Json| format!("{} {}", target["type"], target["url"]);
        targets["targetInfos"].as_array().unwrap().iter().map(place).collect::<Vec<_>>().join(", ")
    }

    fn wait<T>(&self, look: impl Fn(&[Json]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        // Frames of another site are not among what is listed unless they are asked for.
        let all = json!({ "filter": [{}] });
        while Instant::now() < deadline {
            let targets = self.call("Target.getTargets", &all);
            if let Some(found) = look(targets["targetInfos"].as_array().unwrap()) {
                return Some(found);
            }
            self.connection.a_moment();
        }
        None
    }
}

fn find(targets: &[Json], kind: &str, part: &str) -> Option<String> {
    let is_it = |target: &&Json| target["type"] == kind && target["url"].as_str().is_some_and(|url| url.contains(part));
    targets.iter().find(is_it).map(|target| target["targetId"].as_str().unwrap().to_owned())
}
