//! Policies out into a file, and in again.

use std::io::Read as _;

use cs_engine::policy::{Draft, PolicyDocument, PolicyError};
use serde_json::{Value as Json, json};

use super::super::error::AdminError;
use super::super::out::Answer;
use super::{Policies, changes, find};

/// The largest file that is read.
const LARGEST: u64 = 64 * 1024 * 1024;

pub(super) async fn export(at: &Policies<'_>, given: &[String]) -> Result<Answer, AdminError> {
    let draft = at.load().await?;
    let mut documents = Vec::new();
    if given.is_empty() {
        documents.extend(draft.policies().iter().map(|policy| draft.export(policy)));
    }
    for policy in given {
        documents.push(draft.export(find(&draft, policy)?));
    }
    let json = json!({ "policies": documents });
    // A file is a file, whatever else the command would print.
    let text = serde_json::to_string_pretty(&json).unwrap_or_default();
    Ok(Answer::new(json, countersign_device::escape_json(&text)))
}

pub(super) async fn import(at: &Policies<'_>, file: &str, dry_run: bool) -> Result<Answer, AdminError> {
    let documents = documents(file)?;
    let import = |draft: &mut Draft| -> Result<(), PolicyError> {
        documents.iter().try_for_each(|document| draft.import(document).map(drop))
    };
    let editor = at.editor();
    let preview = at.site.engine.preview_policies(at.site.account, &editor, import).await?;
    let answer = changes(&preview.differences, "Nothing is different.");
    if dry_run || preview.differences.is_empty() {
        return Ok(answer);
    }
    at.site.confirm(&format!("{}\nMake {} policies what the file says?", answer.text, preview.differences.len()))?;
    let edited = at.edit(import).await?;
    Ok(changes(&edited.differences, "Nothing is different."))
}

/// What a file says of policies.
pub(super) fn documents(file: &str) -> Result<Vec<PolicyDocument>, AdminError> {
    let content = read(file)?;
    // Windows' editors write a mark of order in front.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
    let json: Json =
        serde_json::from_slice(content).map_err(|source| AdminError::NotJson { name: file.to_owned(), source })?;
    Ok(PolicyDocument::read_all(&json)?)
}

fn read(file: &str) -> Result<Vec<u8>, AdminError> {
    let unreadable = |source| AdminError::Read { name: file.to_owned(), source };
    let mut content = Vec::new();
    let read = if file == "-" {
        std::io::stdin().lock().take(LARGEST).read_to_end(&mut content)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LARGEST).read_to_end(&mut content))
    };
    read.map_err(unreadable)?;
    Ok(content)
}
