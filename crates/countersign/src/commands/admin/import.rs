//! `countersign admin user import` and `countersign admin user invite`

use std::io::Write as _;
use std::path::Path;

use cs_core::secret::PlainCode;
use cs_engine::EngineError;
use cs_engine::admin::import::{ImportPlan, ImportUser};
use cs_engine::enrollment::{Invite, LINK_TTL};
use serde_json::json;

use super::csv::{MAX_BYTES, records};
use super::error::AdminError;
use super::mail::mail_line;
use super::out::{Answer, moment};
use super::site::{ACTOR, Site};

/// After how many users it is said how far it has come.
const STEP: usize = 500;

/// A column: the name that a file's first line may have, and where its values go.
type Column = (&'static str, fn(&mut ImportUser, &str));

const COLUMNS: [Column; 6] = [
    ("username", |user, value| user.username = value.to_owned()),
    ("email", |user, value| user.email = value.to_owned()),
    ("name", |user, value| user.realname = value.to_owned()),
    ("groups", |user, value| {
        user.groups = value.split(';').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    }),
    ("phone", |user, value| user.number = value.to_owned()),
    ("platform", |user, value| user.platform = value.to_owned()),
];

/// Makes the users of a file, or only says what would happen. Nobody is made while any line is wrong.
pub(super) async fn import(site: &Site, file: &Path, dry_run: bool, mail: bool) -> Result<Answer, AdminError> {
    let list = read(file)?;
    let plan = site.engine.plan_import(site.account, list).await?;
    if !plan.faults.is_empty() {
        let lines: Vec<String> =
            plan.faults.iter().map(|fault| format!("line {}: {}", fault.line, fault.problem)).collect();
        return Err(AdminError::BadLines(lines));
    }
    if dry_run {
        return Ok(told(&plan, 0, 0, true));
    }
    let mut progress = Progress::default();
    for planned in &plan.new {
        let user = planned.user();
        let done = site.engine.import_user(site.account, ACTOR, planned).await;
        done.map_err(|error| progress.stopped(user.line, &error))?;
        progress.made += 1;
        if mail && !user.email.is_empty() {
            progress.invite(site, user.line, &user.username, None).await?;
        }
        if progress.made % STEP == 0 && !site.json {
            // Nobody may read along; that is no reason to stop.
            let _ = writeln!(std::io::stderr().lock(), "{} of {}", progress.made, plan.new.len());
        }
    }
    // Made by a run that was cut short before it came to invite them, or by one that was to invite nobody.
    for (line, username, email) in plan.uninvited.iter().filter(|_| mail) {
        progress.invite(site, *line, username, Some(email.as_str()).filter(|email| !email.is_empty())).await?;
    }
    Ok(told(&plan, progress.made, progress.invited, false))
}

/// How far an import has come.
#[derive(Default)]
struct Progress {
    made: usize,
    invited: usize,
}

impl Progress {
    async fn invite(
        &mut self,
        site: &Site,
        line: usize,
        username: &str,
        email: Option<&str>,
    ) -> Result<(), AdminError> {
        let link_of = |code: &PlainCode| Some(url(site, code));
        let invite = Invite { username, email, valid_secs: LINK_TTL.as_secs() };
        let made = site.engine.invite(site.account, ACTOR, &invite, Some(&link_of)).await;
        let made = made.map_err(|error| self.stopped(line, &error))?;
        self.invited += usize::from(made.mail.is_some());
        Ok(())
    }

    /// Says where it stopped: what was done before is done.
    fn stopped(&self, line: usize, error: &EngineError) -> AdminError {
        let why = match error {
            EngineError::Exists(_) => format!("somebody has made or changed it meanwhile ({error})"),
            _ => error.to_string(),
        };
        AdminError::Refused(format!(
            "stopped at line {line}: {why}. {} users were made and {} invited before; run it again for the rest",
            self.made, self.invited
        ))
    }
}

/// Mails a user a link to set up a factor, or prints it.
pub(super) async fn invite(
    site: &Site,
    username: &str,
    email: Option<&str>,
    valid: &str,
    print_only: bool,
) -> Result<Answer, AdminError> {
    let valid = super::when::length("--valid", valid)?.as_secs();
    let link_of = |code: &PlainCode| Some(url(site, code));
    let invite = Invite { username, email, valid_secs: valid };
    let mail: Option<cs_engine::letters::LinkOf<'_>> = if print_only { None } else { Some(&link_of) };
    let made = site.engine.invite(site.account, ACTOR, &invite, mail).await?;
    let link = url(site, &made.code);
    let json = json!({
        "user_id": made.user.as_str(),
        "username": username,
        "enrollment_url": link,
        "expiration": made.expires_at.as_second(),
        "mail_id": made.mail,
    });
    let line = mail_line(made.mail.as_deref(), made.mail.is_none() && !print_only);
    let text = format!("link        {link}\ngood until  {}\n{line}", moment(made.expires_at));
    Ok(Answer::new(json, text.trim_end().to_owned()))
}

fn url(site: &Site, code: &PlainCode) -> String {
    format!("https://{}/enroll/{}", site.api_authority, code.expose())
}

fn told(plan: &ImportPlan, made: usize, invited: usize, dry_run: bool) -> Answer {
    let known: Vec<_> = plan.known.iter().map(|(line, name)| json!({"line": line, "username": name})).collect();
    let json = json!({
        "dry_run": dry_run,
        "new": plan.new.len(),
        "made": made,
        "invited": invited,
        "known": known,
    });
    let mut text = if dry_run {
        format!("{} users would be made; nothing was done", plan.new.len())
    } else {
        format!("{made} users were made, {invited} invitations queued")
    };
    if !plan.known.is_empty() {
        text.push_str(&format!("\n{} are there already and were left as they are", plan.known.len()));
    }
    Answer::new(json, text)
}

fn read(file: &Path) -> Result<Vec<ImportUser>, AdminError> {
    let refused = |problem: String| AdminError::Refused(format!("{}: {problem}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| refused(error.to_string()))?.len();
    if size > MAX_BYTES as u64 {
        return Err(refused(format!("more than {MAX_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    users(&text).map_err(refused)
}

fn users(text: &str) -> Result<Vec<ImportUser>, String> {
    let mut records = records(text).map_err(|error| error.to_string())?.into_iter();
    let head = records.next().ok_or("it is empty")?;
    let mut columns = Vec::with_capacity(head.fields.len());
    for name in &head.fields {
        let found = COLUMNS.iter().find(|(column, _)| column.eq_ignore_ascii_case(name));
        let known = || COLUMNS.map(|(column, _)| column).join(", ");
        let (column, set) = found.ok_or_else(|| format!("line 1: no such column: {name:?}; there are {}", known()))?;
        if columns.iter().any(|(other, _)| other == column) {
            return Err(format!("line 1: the column {column} is there twice"));
        }
        columns.push((*column, *set));
    }
    if !columns.iter().any(|(column, _)| *column == "username") {
        return Err("line 1: the column username is missing".to_owned());
    }
    let mut users = Vec::new();
    for record in records {
        if record.fields.len() > columns.len() {
            return Err(format!("line {}: more fields than columns", record.line));
        }
        let mut user = ImportUser { line: record.line, ..ImportUser::default() };
        for ((_, set), value) in columns.iter().zip(&record.fields) {
            set(&mut user, value);
        }
        users.push(user);
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let found = users("Email,username,groups,phone\na@example.org,alice,A; B ;,+15550100\n,bob\n").unwrap();
        let alice = ImportUser {
            line: 2,
            username: "alice".to_owned(),
            email: "a@example.org".to_owned(),
            groups: vec!["A".to_owned(), "B".to_owned()],
            number: "+15550100".to_owned(),
            ..ImportUser::default()
        };
        assert_eq!(found[0], alice);
        assert_eq!((found[1].line, found[1].username.as_str()), (3, "bob"));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (text, problem) in [
            ("", "it is empty"),
            ("email\na", "username is missing"),
            ("username,nickname", "no such column: \"nickname\""),
            ("username,username", "there twice"),
            ("username\na,b", "line 2: more fields than columns"),
            ("username\n\"a", "line 2: a quoted field does not end"),
        ] {
            let error = users(text).unwrap_err();
            assert!(error.contains(problem), "{text:?}: {error}");
        }
    }
}
