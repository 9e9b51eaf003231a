//! `docs/compatibility.md` says what the router does.

use std::collections::BTreeSet;
use std::path::Path;

use cs_testkit::Site;

use crate::routes::all_paths;

/// The sections that list every path of their interface, and what stands before the paths in them.
const SECTIONS: [(&str, &str); 4] =
    [("Auth API v2", ""), ("REST v1", ""), ("OIDC Auth API", ""), ("Admin API", "/admin")];

/// What the page says of paths.
#[derive(Debug, Default)]
struct Listed {
    served: BTreeSet<String>,
    /// Beginnings of paths.
    not_yet: BTreeSet<String>,
}

impl Listed {
    fn read(page: &str) -> Self {
        let mut listed = Self::default();
        for (section, before) in SECTIONS {
            let start = format!("\n## {section}\n");
            let (_, text) = page.split_once(&start).unwrap_or_else(|| panic!("no section {section}"));
            let text = text.split("\n#").next().unwrap();
            let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
            for (paths, state) in rows.filter_map(|row| row.split_once(" | ")).filter(|(paths, _)| paths.contains("`/"))
            {
                if paths.starts_with("endpoint") {
                    continue;
                }
                for path in paths.split('`').skip(1).step_by(2).filter(|path| path.starts_with('/')) {
                    if let Some(beginning) = path.strip_suffix("/…").filter(|_| state.starts_with("not yet")) {
                        listed.not_yet.insert(nameless(&format!("{before}{beginning}")));
                    } else {
                        assert!(!state.starts_with("not yet"), "{path}: let a path not yet there end in /…");
                        assert!(listed.served.insert(nameless(&format!("{before}{path}"))), "{path} is listed twice");
                    }
                }
            }
        }
        listed
    }
}

/// Names of parameters are nobody's business.
fn nameless(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn the_page_on_compatibility_lists_every_path_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let listed = Listed::read(&std::fs::read_to_string(page).unwrap());
    assert!(listed.not_yet.len() > 5, "{listed:?}");
    let [api, _] = all_paths(&Site::start().await);
    let is_of_tables = |path: &String| {
        ["/auth/v2/", "/rest/v1/", "/oauth/v1/", "/admin/", "/frame/"].iter().any(|surface| path.starts_with(surface))
            && !path.ends_with(".json")
            && !path.ends_with(".bson")
    };
    let routed: BTreeSet<String> = api.iter().filter(|path| is_of_tables(path)).map(|path| nameless(path)).collect();
    let missing: Vec<_> = routed.difference(&listed.served).collect();
    assert!(missing.is_empty(), "served, but not listed: {missing:?}");
    let untrue: Vec<_> = listed.served.difference(&routed).collect();
    assert!(untrue.is_empty(), "listed, but not served: {untrue:?}");
    for beginning in &listed.not_yet {
        let is_there = |path: &&String| **path == *beginning || path.starts_with(&format!("{beginning}/"));
        assert_eq!(routed.iter().find(is_there), None, "listed as not yet there");
    }
    for path in routed.iter().filter(|path| path.starts_with("/rest/v1/")) {
        for suffix in [".json", ".bson"] {
            assert!(api.contains(&format!("{path}{suffix}")), "{path}{suffix}");
        }
    }
}
