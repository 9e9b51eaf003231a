//! Whose entry a bind is about: who was bound, and what the directory holds of them.

use std::time::Instant;

use cs_ldap::{Message, MessageId, Operation, ResultCode, oid, request};

use super::{Held, Stage};
use crate::ldap::output::{LookUp, Output};
use crate::ldap::session::Session;

impl Session {
    pub(super) fn look_up(&mut self, held: &Held) {
        let by = match &held.binding.dn {
            Some(_) => LookUp::Dn(held.binding.name.clone()),
            None => LookUp::Name(held.binding.name.clone()),
        };
        self.outputs.push_back(Output::LookUp { login: held.login, by });
    }

    /// RFC 4532. The number of the bind is free again, and nothing else is under way.
    pub(super) fn ask_who(&mut self, held: &mut Held, now: Instant) {
        held.stage = Stage::Who;
        self.unanswered.get_or_insert(now);
        self.forward(&request::extended(held.id, oid::WHO_AM_I, None), now);
    }

    /// Whether an answer of the directory is for us alone: who is bound.
    pub(in crate::ldap::session) fn is_told_who(&mut self, id: MessageId, message: &[u8]) -> bool {
        let Some(mut held) = self.held.take_if(|held| held.id == id && matches!(held.stage, Stage::Who)) else {
            return false;
        };
        let told = Message::parse(message).ok().and_then(|message| match message.operation {
            Operation::ExtendedResponse(answer) if answer.result.code == ResultCode::Success => {
                answer.value.and_then(|value| std::str::from_utf8(value).ok())
            }
            _ => None,
        });
        let by = match told.map(|told| (told.strip_prefix("dn:"), told.strip_prefix("u:"))) {
            Some((Some(dn), _)) => LookUp::Dn(dn.to_owned()),
            Some((None, Some(name))) => LookUp::Name(name.to_owned()),
            // It does not tell; then the name means what it means to us.
            Some((None, None)) | None => LookUp::Name(held.binding.name.clone()),
        };
        held.stage = Stage::Naming;
        self.outputs.push_back(Output::LookUp { login: held.login, by });
        self.held = Some(held);
        self.heard_enough();
        true
    }
}
