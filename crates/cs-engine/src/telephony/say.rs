//! What is spoken on a call, in the account's language.

use cs_core::telephony::CallKeys;

/// What a call says: the organisation's greeting, or which application asks, and which key means what.
pub(crate) fn spoken(language: &str, greeting: &str, application: &str, keys: CallKeys) -> String {
    let (approve, fraud) = (named(language, keys.approve), named(language, keys.fraud));
    let greeting = greeting.trim();
    match language {
        "de" => {
            let begin = format!("Anmeldung bei {application}.");
            let begin = if greeting.is_empty() { &begin } else { greeting };
            format!("{begin} Drücken Sie {approve}, um sich anzumelden. Waren Sie das nicht, drücken Sie {fraud}.")
        }
        "fr" => {
            let begin = format!("Connexion à {application}.");
            let begin = if greeting.is_empty() { &begin } else { greeting };
            format!("{begin} Appuyez sur {approve} pour vous connecter. Si ce n’était pas vous, appuyez sur {fraud}.")
        }
        _ => {
            let begin = format!("Login request for {application}.");
            let begin = if greeting.is_empty() { &begin } else { greeting };
            format!("{begin} Press {approve} to log in. If this was not you, press {fraud}.")
        }
    }
}

/// A key as it is spoken.
fn named(language: &str, key: char) -> String {
    match (language, key) {
        ("de", '*') => "Stern".to_owned(),
        ("de", '#') => "Raute".to_owned(),
        ("fr", '*') => "étoile".to_owned(),
        ("fr", '#') => "dièse".to_owned(),
        (_, '*') => "star".to_owned(),
        (_, '#') => "pound".to_owned(),
        (_, key) => key.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_named_in_each_language() {
        let keys = CallKeys { approve: '7', fraud: '*' };
        assert_eq!(
            spoken("en", "", "Payroll", keys),
            "Login request for Payroll. Press 7 to log in. If this was not you, press star."
        );
        assert!(spoken("de", " Guten Tag. ", "Payroll", keys).starts_with("Guten Tag. Drücken Sie 7"));
        assert!(spoken("fr", "", "Payroll", keys).ends_with("appuyez sur étoile."));
    }
}
