//! Hardware tokens: create, import, resynchronise, delete, give to users.

use cs_core::id::{AccountId, TokenId, UserId};
use cs_core::otp::{
    ImportError, LineError, NewToken, OtpKind, OtpRecord, OtpScheme, OtpSecret, OtpToken, Outcome, SecretEncoding,
    TimeStep, TokenForm, TypedPasscode, parse_csv,
};
use cs_store::attempts::move_token;
use cs_store::authenticators::touch_user;
use cs_store::enrollment_links::end_links;
use cs_store::tokens::{
    attach_token, detach_token, insert_token, remove_token, seal_token, set_token_owner, set_token_step,
    touch_users_of_token,
};
use cs_store::{Job, Step, StoreError};
use jiff::Timestamp;
use serde_json::json;

use super::text::bounded;
use super::{Actor, MOST_OWNER, admin_record};
use crate::{Engine, EngineError, MAX_ROUNDS, SystemRng};

/// How many tokens one commit of an import holds.
const IMPORT_CHUNK: usize = 500;

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// All tokens of the file are there.
    Done(Vec<TokenId>),
    /// The file has errors; nothing was imported.
    Refused(Vec<LineError>),
}

impl Engine {
    /// Creates a token.
    ///
    /// Fails with [`EngineError::Exists`] if the account has one of that type and serial.
    pub async fn create_token(
        &self,
        account: AccountId,
        actor: &Actor,
        form: &TokenForm<'_>,
    ) -> Result<TokenId, EngineError> {
        let token = form.parse().map_err(|error| EngineError::Invalid(parameter(error)))?;
        let now = self.clock().now();
        let (id, insert) = self.new_token(account, &token, now)?;
        let description = json!({"token_id": id.as_str(), "type": token.params.kind.as_str()});
        let job = Job::new().step(insert).log(admin_record(
            account,
            actor,
            "hardtoken_create",
            token.serial.as_str(),
            &description,
            now,
        ));
        match self.apply(job).await? {
            None => Ok(id),
            Some(_) => Err(EngineError::Exists("serial")),
        }
    }

    /// Imports a CSV file of tokens of one kind. A serial that exists fails with [`EngineError::Exists`]; a file of up to five hundred
    /// tokens is then not imported at all, of a longer one the commits before stay.
    pub async fn import_tokens(
        &self,
        account: AccountId,
        actor: &Actor,
        kind: OtpKind,
        encoding: SecretEncoding,
        csv: &str,
    ) -> Result<Imported, EngineError> {
        let tokens = match parse_csv(kind, encoding, csv) {
            Ok(tokens) => tokens,
            Err(errors) => return Ok(Imported::Refused(errors)),
        };
        let mut ids = Vec::with_capacity(tokens.len());
        for chunk in tokens.chunks(IMPORT_CHUNK) {
            let now = self.clock().now();
            let mut job = Job::new();
            for token in chunk {
                let (id, insert) = self.new_token(account, token, now)?;
                ids.push(id);
                job = job.step(insert);
            }
            let description = json!({"count": chunk.len(), "type": kind.as_str()});
            let job = job.log(admin_record(account, actor, "hardtoken_create", "import", &description, now));
            if self.apply(job).await?.is_some() {
                return Err(EngineError::Exists("serial"));
            }
        }
        Ok(Imported::Done(ids))
    }

    /// Sets the time step of a TOTP token.
    pub async fn set_totp_step(
        &self,
        account: AccountId,
        actor: &Actor,
        id: TokenId,
        step_secs: i64,
    ) -> Result<(), EngineError> {
        let token = self.store().token_with_secret(account, id).await?.ok_or(EngineError::NotFound)?;
        let OtpScheme::Totp(_) = token.params.kind.scheme() else { return Err(EngineError::Invalid("totp_step")) };
        let step = u32::try_from(step_secs).ok().and_then(|secs| TimeStep::from_secs(secs).ok());
        let step = step.ok_or(EngineError::Invalid("totp_step"))?;
        if step == token.params.step {
            return Ok(());
        }
        let now = self.clock().now();
        // Codes shown so far are used up: the steps have other numbers from now on, and none may be accepted again.
        let last_step = now.as_second() / i64::from(step.as_secs());
        let description = json!({"token_id": id.as_str(), "totp_step": step.as_secs()});
        let job = Job::new()
            .step(set_token_step(account, id, step.as_secs(), last_step))
            .step(touch_users_of_token(account, id))
            .log(admin_record(account, actor, "hardtoken_update", &token.serial, &description, now));
        self.found(job).await
    }

    /// Says whose a token is, where several people share one user; empty takes it away.
    pub async fn set_token_owner(
        &self,
        account: AccountId,
        actor: &Actor,
        id: TokenId,
        owner: &str,
    ) -> Result<(), EngineError> {
        let owner = bounded("owner", owner.trim(), MOST_OWNER)?;
        let token = self.store().reader().token(account, id).await?.ok_or(EngineError::NotFound)?;
        let now = self.clock().now();
        let description = json!({
            "token_id": id.as_str(),
            "owner": owner,
            "before": {"owner": token.owner},
        });
        let job = Job::new()
            .step(set_token_owner(account, id, &owner))
            .step(touch_users_of_token(account, id))
            .log(admin_record(account, actor, "hardtoken_update", &token.serial, &description, now));
        self.found(job).await
    }

    /// Resynchronises a token with consecutive codes: three of a HOTP token, two of a TOTP token.
    ///
    /// Fails with [`EngineError::Invalid`] naming the first code when they are not that.
    pub async fn resync_token(
        &self,
        account: AccountId,
        actor: &Actor,
        id: TokenId,
        codes: &[&str],
    ) -> Result<(), EngineError> {
        let typed: Vec<TypedPasscode> = codes
            .iter()
            .map(|code| TypedPasscode::parse(code))
            .collect::<Result<_, _>>()
            .map_err(|_| EngineError::Invalid("code1"))?;
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let token = self.store().token_with_secret(account, id).await?.ok_or(EngineError::NotFound)?;
            let loaded = self.open_token(account, id, &token)?;
            let Outcome::Accepted { next, .. } = loaded.resync(&typed, now) else {
                return Err(EngineError::Invalid("code1"));
            };
            let description = json!({"token_id": id.as_str()});
            let job = Job::new()
                .step(move_token(account, &token, &next))
                .step(touch_users_of_token(account, id))
                .log(admin_record(account, actor, "hardtoken_resync", &token.serial, &description, now));
            if self.apply(job).await?.is_none() {
                return Ok(());
            }
        }
        Err(EngineError::Contention)
    }

    /// Removes a token; false if there is none.
    pub async fn delete_token(&self, account: AccountId, actor: &Actor, id: TokenId) -> Result<bool, EngineError> {
        let Some(token) = self.store().reader().token(account, id).await? else { return Ok(false) };
        let now = self.clock().now();
        let description = json!({"token_id": id.as_str(), "type": token.kind.as_str()});
        let mut job =
            Job::new().log(admin_record(account, actor, "hardtoken_delete", &token.serial, &description, now));
        job.guards = remove_token(account, id);
        Ok(self.apply(job).await?.is_none())
    }

    /// Gives a token to a user; errors as [`give_phone`](Self::give_phone).
    pub async fn give_token(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        token: TokenId,
    ) -> Result<(), EngineError> {
        let has = self.store().reader().tokens_of(account, &[user]).await?.remove(&user).unwrap_or_default();
        if has.iter().any(|has| has.id == token) {
            return Ok(());
        }
        let description = json!({"token_id": token.as_str(), "user_id": user.as_str()});
        self.attach(
            account,
            actor,
            user,
            ("hardtoken_associate", "token_id"),
            attach_token(account, user, token).into_iter().chain([end_links(account, user)]),
            description,
        )
        .await
    }

    /// Takes a token from a user; false if the user does not have it.
    pub async fn take_token(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        token: TokenId,
    ) -> Result<bool, EngineError> {
        let Some((name, _)) = self.store().user_record(account, user).await? else { return Ok(false) };
        let now = self.clock().now();
        let description = json!({"token_id": token.as_str(), "user_id": user.as_str()});
        let job = Job::new()
            .step(touch_user(account, user))
            .step(detach_token(account, user, token))
            .log(admin_record(account, actor, "hardtoken_disassociate", &name.username, &description, now));
        Ok(self.apply(job).await?.is_none())
    }

    /// A new token's id and the step that creates it.
    pub(super) fn new_token(
        &self,
        account: AccountId,
        token: &NewToken,
        now: Timestamp,
    ) -> Result<(TokenId, Step), EngineError> {
        let id = TokenId::generate(&mut SystemRng);
        let sealed = seal_token(self.store().vault(), account, id, token).map_err(EngineError::vault)?;
        Ok((id, insert_token(account, id, token, &sealed, now)))
    }

    fn open_token(
        &self,
        account: AccountId,
        id: TokenId,
        token: &cs_core::device::Token,
    ) -> Result<OtpToken, EngineError> {
        let vault = self.store().vault();
        let secret = vault
            .open(account.as_str(), "token", "secret", id.as_str(), &token.sealed_secret)
            .map_err(EngineError::vault)?;
        let corrupt = || EngineError::Internal(StoreError::corrupt("token", id.as_str()));
        let secret = OtpSecret::from_bytes(token.params.kind, secret).map_err(|_| corrupt())?;
        let record: &OtpRecord = &token.otp;
        OtpToken::load(token.params, secret, record).map_err(|_| corrupt())
    }
}

/// The parameter of the Admin API that is to blame.
fn parameter(error: ImportError) -> &'static str {
    use cs_core::otp::OtpParamError;
    match error {
        ImportError::Serial | ImportError::Duplicate(_) => "serial",
        ImportError::Param(OtpParamError::Kind) => "type",
        ImportError::Param(_) => "totp_step",
        ImportError::Missing(name) | ImportError::Repeated(name) => name,
        ImportError::PrivateId => "private_id",
        ImportError::AesKey => "aes_key",
        ImportError::Number(name) if name.contains("counter") => "counter",
        ImportError::Number(_) => "totp_step",
        ImportError::SecretEncoding(_)
        | ImportError::SecretLength
        | ImportError::Fields
        | ImportError::TooLarge
        | ImportError::Uri => "secret",
    }
}
