//! The documents keep their promises: links lead somewhere, tests that are named exist.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// All files below `dir` with `extension`, save what tools put there.
fn files(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let is_ours = !name.to_string_lossy().starts_with('.') && name != "target" && name != "node_modules";
        if entry.file_type().unwrap().is_dir() && is_ours {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn all(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(root(), extension, &mut found);
    found
}

/// What the inline links of a Markdown `text` lead to.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link)
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = all("md");
    assert!(documents.iter().any(|document| document.ends_with("docs/README.md")), "{documents:?}");
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text).filter(|link| !link.contains("://") && !link.starts_with(['#', '<'])) {
            let file = link.split('#').next().unwrap_or(link);
            let aim = document.parent().unwrap().join(file);
            assert!(aim.exists(), "{}: the link to {link} leads nowhere", document.display());
        }
    }
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for page in all("md").iter().filter(|page| page.parent() == Some(&root().join("docs"))) {
        let name = page.file_name().unwrap().to_str().unwrap();
        let is_listed = name == "README.md" || links(&contents).any(|link| link == name);
        assert!(is_listed, "docs/{name} has no line in docs/README.md");
    }
}

#[test]
fn tests_named_in_tables_exist() {
    let sources: Vec<String> = all("rs").iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let pages = ["docs/observed.md", "docs/failures.md"].map(|page| fs::read_to_string(root().join(page)).unwrap());
    let rows: Vec<&str> = pages
        .iter()
        .flat_map(|page| page.lines())
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
        .collect();
    assert!(rows.len() > 30, "the tables were read");
    for row in rows {
        let tests = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap();
        for name in tests.split('`').skip(1).step_by(2) {
            let declared = format!("fn {name}(");
            assert!(sources.iter().any(|source| source.contains(&declared)), "no test `{name}`, named in: {row}");
        }
    }
}
