//! The text menu that terminal clients print, and what comes back from it.

use jiff::Timestamp;

use super::choice::{Choice, FactorRequest, telephones};
use super::ticket::Ticket;
use crate::policy::{Challenge, Method};
use crate::user::User;

/// The menu of one login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// Printed by the client as it is, ending in the question.
    pub text: String,
    /// What the numbered options stand for, from 1 on.
    pub entries: Vec<MenuEntry>,
    /// What a client that shows no menu should send, if there is anything.
    pub default: Option<String>,
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuEntry {
    /// The text behind the number.
    pub label: String,
    /// What the client sends back for it.
    pub factor: String,
}

/// The menu for `user` at `now`: what the policy `allowed`.
///
/// `shown` is the ticket whose number of so many digits the menu shows.
/// Both travel inside the factor ids, so no memory of the menu is needed, and nobody can choose the option without a number by typing its name.
pub fn menu(
    user: &User,
    allowed: &Challenge,
    shown: Option<(&Ticket, &str)>,
    default: MenuDefault<'_>,
    now: Timestamp,
) -> Menu {
    let able: Vec<_> = user.phones.iter().filter(|phone| allowed.may_push(phone.id)).collect();
    let mut entries = Vec::with_capacity(able.len());
    for (at, phone) in able.iter().enumerate() {
        let factor = format!("push{}", at + 1);
        let to = printable(&phone.menu_name());
        entries.push(match shown {
            Some((ticket, number)) => MenuEntry {
                label: format!("Duo Push to {to} (type {number} there)"),
                factor: format!("{factor}-{}", ticket.txid()),
            },
            None => MenuEntry { label: format!("Duo Push to {to}"), factor },
        });
    }
    let pushes = entries.len();
    for (at, phone) in (1..).zip(telephones(user, allowed, Method::Phonecall)) {
        let label = format!("Phone call to {}", printable(&phone.menu_name()));
        entries.push(MenuEntry { label, factor: format!("phone{at}") });
    }
    let calls = entries.len() - pushes;
    for (at, phone) in (1..).zip(telephones(user, allowed, Method::Sms)) {
        let mut label = format!("SMS passcodes to {}", printable(&phone.menu_name()));
        if let Some(digit) = phone.next_sms_digit(now) {
            label.push_str(&format!(" (next code starts with: {digit})"));
        }
        entries.push(MenuEntry { label, factor: format!("sms{at}") });
    }
    let default = match default {
        // Never messages, which are of no use to a client that asks for no code.
        _ if pushes == 0 => (calls > 0).then(|| "phone1".to_owned()),
        MenuDefault::Nothing => None,
        MenuDefault::Push => Some("push1".to_owned()),
        MenuDefault::Ticket(ticket) => Some(format!("push1-{}", ticket.txid())),
    };
    let mut text = format!("Duo two-factor login for {}\n\n", printable(&user.username));
    if entries.is_empty() {
        text.push_str("Enter a passcode.\n\nPasscode: ");
    } else {
        text.push_str("Enter a passcode or select one of the following options:\n\n");
        for (at, entry) in entries.iter().enumerate() {
            text.push_str(&format!(" {}. {}\n", at + 1, entry.label));
        }
        text.push_str(&format!("\nPasscode or option (1-{}): ", entries.len()));
    }
    Menu { text, entries, default }
}

/// What a client sends that shows no menu.
#[derive(Debug, Clone, Copy)]
pub enum MenuDefault<'a> {
    /// Nothing: a push must carry a number there.
    Nothing,
    /// A push.
    Push,
    /// A push under this ticket, which carries no number.
    Ticket(&'a Ticket),
}

/// Names come from administrators and phones; a terminal must not obey them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// What a person or client answered to a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// A factor, on a device, with the transaction id its option carried.
    Factor {
        /// Which factor.
        request: FactorRequest,
        /// On which device.
        device: Choice,
        /// The ticket's id, if the option carried one.
        txid: Option<crate::id::TxId>,
    },
    /// Anything else is a passcode.
    Passcode,
}

/// Reads the answer to a menu: `push`, `push2`, `push1-TXID`, `phone1`, `sms1`, `auto` in any case, or else a passcode.
pub fn parse_selection(text: &str) -> Selection {
    let text = text.trim().to_ascii_lowercase();
    let (word, txid) = match text.split_once('-') {
        Some((word, txid)) => match txid.parse() {
            Ok(txid) => (word, Some(txid)),
            Err(_) => return Selection::Passcode,
        },
        None => (text.as_str(), None),
    };
    let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let request = match name {
        "auto" => FactorRequest::Auto,
        "push" => FactorRequest::Push,
        "phone" => FactorRequest::Phone,
        "sms" => FactorRequest::Sms,
        _ => return Selection::Passcode,
    };
    let device = match word[name.len()..].parse::<usize>() {
        Ok(n) => Choice::Nth(n),
        Err(_) if word.len() == name.len() => Choice::Auto,
        Err(_) => return Selection::Passcode,
    };
    Selection::Factor { request, device, txid }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TxId;

    #[test]
    fn answers_to_a_menu() {
        let push = |device, txid| Selection::Factor { request: FactorRequest::Push, device, txid };
        let txid = TxId::from_bytes([7; 16]);
        assert_eq!(parse_selection("push"), push(Choice::Auto, None));
        assert_eq!(parse_selection(" Push2 "), push(Choice::Nth(2), None));
        assert_eq!(parse_selection(&format!("push1-{txid}")), push(Choice::Nth(1), Some(txid)));
        for passcode in
            ["123456", "1", "", "pushy", "push-", "push1-1234", "push99999999999999999999999", "-", "cccccccccccc"]
        {
            assert_eq!(parse_selection(passcode), Selection::Passcode, "{passcode}");
        }
    }
}
