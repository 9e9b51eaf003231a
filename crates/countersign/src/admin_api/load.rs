//! Objects with what is nested in them, in a number of queries that does not grow with the page.

use std::collections::HashMap;
use std::hash::Hash;

use cs_core::id::{AccountId, PhoneId, TokenId, UserId};
use cs_core::webauthn::Credential as WebauthnCredential;
use cs_engine::telephony::Telephony;
use cs_store::bypass_codes::BypassCodeRecord;
use cs_store::phones::PhoneRecord;
use cs_store::tokens::TokenRecord;
use cs_store::users::UserRecord;
use cs_store::webauthn::CredentialRecord;
use cs_store::{Reader, StoreError};
use jiff::Timestamp;

use super::extract::not_found;
use super::objects::{
    BarePhone, BareUser, BypassCodeObject, Credential, Group, Phone, Token, User, takes_calls, takes_messages,
};
use crate::app::App;
use crate::http::Failure;

/// Reads for one answer, as of one time.
pub(super) struct Load {
    reader: Reader,
    account: AccountId,
    now: Timestamp,
    telephony: Telephony,
}

impl Load {
    pub(super) fn new(app: &App, account: AccountId) -> Self {
        let engine = app.engine();
        let telephony = engine.telephony().clone();
        Self { reader: engine.store().reader(), account, now: engine.clock().now(), telephony }
    }

    /// The connections for lists.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What the telephony gateway can do.
    pub(super) fn telephony(&self) -> &Telephony {
        &self.telephony
    }

    /// The time of this answer.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// These users with groups, phones, tokens and WebAuthn credentials.
    pub(super) async fn users(&self, users: Vec<UserRecord>) -> Result<Vec<User>, StoreError> {
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let mut groups = self.reader.groups_of(self.account, &ids).await?;
        let mut phones = self.reader.phones_of(self.account, &ids).await?;
        let mut tokens = self.reader.tokens_of(self.account, &ids).await?;
        let mut credentials = self.reader.webauthn_credentials_of(self.account, &ids).await?;
        let synced = self.reader.last_syncs(self.account, &ids).await?;
        let mut complete = Vec::with_capacity(users.len());
        for user in users {
            let (groups, phones, tokens) = (
                groups.remove(&user.id).unwrap_or_default(),
                phones.remove(&user.id).unwrap_or_default(),
                tokens.remove(&user.id).unwrap_or_default(),
            );
            let is_usable = |phone: &PhoneRecord| {
                phone.authenticator.as_ref().is_some_and(|device| device.confirmed)
                    || takes_calls(phone, &self.telephony)
                    || takes_messages(phone, &self.telephony)
            };
            let credentials = credentials.remove(&user.id).unwrap_or_default();
            let is_enrolled = !tokens.is_empty()
                || phones.iter().any(is_usable)
                || credentials.iter().any(WebauthnCredential::is_usable);
            let synced = synced.get(&user.id).copied();
            complete.push(User {
                user: BareUser::new(user, is_enrolled, self.now).synced(synced),
                groups: groups.into_iter().map(|group| Group::new(group, self.now())).collect(),
                phones: phones.into_iter().map(|phone| BarePhone::new(phone, &self.telephony)).collect(),
                tokens: tokens.into_iter().map(Into::into).collect(),
                u2ftokens: [],
                webauthncredentials: credentials.into_iter().map(Into::into).collect(),
                desktoptokens: [],
                desktop_authenticators: [],
            });
        }
        Ok(complete)
    }

    /// The user `id` with everything.
    pub(super) async fn user(&self, id: UserId) -> Result<User, Failure> {
        let user = self.reader.users_by_id(self.account, &[id]).await?.remove(&id).ok_or_else(not_found)?;
        self.users(vec![user]).await?.pop().ok_or_else(not_found)
    }

    /// Whether there is such a user, for lists of what belongs to it.
    pub(super) async fn require_user(&self, id: UserId) -> Result<(), Failure> {
        self.reader.users_by_id(self.account, &[id]).await?.remove(&id).map(drop).ok_or_else(not_found)
    }

    /// These phones with their users.
    pub(super) async fn phones(&self, phones: Vec<PhoneRecord>) -> Result<Vec<Phone>, StoreError> {
        let ids: Vec<PhoneId> = phones.iter().map(|phone| phone.id).collect();
        let owners = self.reader.users_of_phones(self.account, &ids).await?;
        let users = self.owners(&owners).await?;
        Ok(phones
            .into_iter()
            .map(|phone| Phone {
                users: self.bare(&users, owners.get(&phone.id)),
                phone: BarePhone::new(phone, &self.telephony),
            })
            .collect())
    }

    /// The phone `id` with its users.
    pub(super) async fn phone(&self, id: PhoneId) -> Result<Phone, Failure> {
        let phone = self.reader.phone(self.account, id).await?.ok_or_else(not_found)?;
        self.phones(vec![phone]).await?.pop().ok_or_else(not_found)
    }

    /// These tokens with their users.
    pub(super) async fn tokens(&self, tokens: Vec<TokenRecord>) -> Result<Vec<Token>, StoreError> {
        let ids: Vec<TokenId> = tokens.iter().map(|token| token.id).collect();
        let owners = self.reader.users_of_tokens(self.account, &ids).await?;
        let users = self.owners(&owners).await?;
        Ok(tokens
            .into_iter()
            .map(|token| Token { users: self.bare(&users, owners.get(&token.id)), token: token.into(), admins: [] })
            .collect())
    }

    /// The token `id` with its users.
    pub(super) async fn token(&self, id: TokenId) -> Result<Token, Failure> {
        let token = self.reader.token(self.account, id).await?.ok_or_else(not_found)?;
        self.tokens(vec![token]).await?.pop().ok_or_else(not_found)
    }

    /// These WebAuthn credentials with their users.
    pub(super) async fn credentials(&self, credentials: Vec<CredentialRecord>) -> Result<Vec<Credential>, StoreError> {
        let ids: Vec<UserId> = credentials.iter().map(|record| record.user).collect();
        let users = self.reader.users_by_id(self.account, &ids).await?;
        let with_user = |record: CredentialRecord| Credential {
            user: self.bare(&users, Some(&vec![record.user])).pop(),
            credential: record.credential.into(),
            admin: None,
        };
        Ok(credentials.into_iter().map(with_user).collect())
    }

    /// These bypass codes with their users.
    pub(super) async fn bypass_codes(&self, codes: Vec<BypassCodeRecord>) -> Result<Vec<BypassCodeObject>, StoreError> {
        let ids: Vec<UserId> = codes.iter().map(|code| code.user).collect();
        let users = self.reader.users_by_id(self.account, &ids).await?;
        let of = |code: &BypassCodeRecord| self.bare(&users, Some(&vec![code.user])).pop();
        Ok(codes.into_iter().map(|code| BypassCodeObject::new(code.clone(), of(&code))).collect())
    }

    async fn owners<T: Eq + Hash>(
        &self,
        owners: &HashMap<T, Vec<UserId>>,
    ) -> Result<HashMap<UserId, UserRecord>, StoreError> {
        let mut ids: Vec<UserId> = owners.values().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        self.reader.users_by_id(self.account, &ids).await
    }

    /// As Duo does, a user inside another object is never said to be enrolled.
    fn bare(&self, users: &HashMap<UserId, UserRecord>, ids: Option<&Vec<UserId>>) -> Vec<BareUser> {
        let known = ids.into_iter().flatten().filter_map(|id| users.get(id));
        known.map(|user| BareUser::new(user.clone(), false, self.now)).collect()
    }
}
