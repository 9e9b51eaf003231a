//! What is written and spoken, in the account's language: nobody knows that of who picks up.

use cs_core::language::Language;
use cs_core::telephony::CallKeys;

/// What a call says: the organisation's greeting, or which application asks, and which key means what.
pub(crate) fn spoken(language: Language, greeting: &str, application: &str, keys: CallKeys) -> String {
    let (approve, fraud) = (named(language, keys.approve), named(language, keys.fraud));
    let begin = match (greeting.trim(), language) {
        ("", Language::En) => format!("Login request for {application}."),
        ("", Language::De) => format!("Anmeldung bei {application}."),
        ("", Language::Fr) => format!("Connexion à {application}."),
        ("", Language::Es) => format!("Inicio de sesión en {application}."),
        ("", Language::Ja) => format!("{application} へのログインです。"),
        (greeting, _) => greeting.to_owned(),
    };
    match language {
        Language::En => format!("{begin} Press {approve} to log in. If this was not you, press {fraud}."),
        Language::De => {
            format!("{begin} Drücken Sie {approve}, um sich anzumelden. Waren Sie das nicht, drücken Sie {fraud}.")
        }
        Language::Fr => {
            format!("{begin} Appuyez sur {approve} pour vous connecter. Si ce n’était pas vous, appuyez sur {fraud}.")
        }
        Language::Es => {
            format!("{begin} Pulse {approve} para iniciar sesión. Si no ha sido usted, pulse {fraud}.")
        }
        Language::Ja => {
            format!(
                "{begin} ログインするには {approve} を押してください。心当たりがない場合は {fraud} を押してください。"
            )
        }
    }
}

/// The message with the code that proves a number. It says what the code does, since whoever is talked into reading it to somebody else gives them a factor.
pub(crate) fn proof_text(language: Language, organisation: &str, code: &str) -> String {
    match language {
        Language::En => format!(
            "{organisation}: {code} is your code to set up this number for logging in. Give it to nobody, not even to support."
        ),
        Language::De => format!(
            "{organisation}: {code} ist Ihr Code, um sich mit dieser Nummer anzumelden. Geben Sie ihn niemandem, auch nicht dem Support."
        ),
        Language::Fr => format!(
            "{organisation} : {code} est votre code pour vous connecter avec ce numéro. Ne le donnez à personne, pas même à l’assistance."
        ),
        Language::Es => format!(
            "{organisation}: {code} es su código para iniciar sesión con este número. No se lo dé a nadie, ni siquiera al soporte."
        ),
        Language::Ja => format!(
            "{organisation}: {code} はこの番号をログインに登録するためのコードです。サポート窓口を含め、誰にも教えないでください。"
        ),
    }
}

/// The same on a call: digit by digit, twice.
pub(crate) fn proof_spoken(language: Language, organisation: &str, code: &str) -> String {
    let digits: Vec<String> = code.chars().map(String::from).collect();
    let digits = digits.join(", ");
    match language {
        Language::En => format!(
            "{organisation}. Your code to set up this number for logging in: {digits}. Again: {digits}. Give it to nobody, not even to support."
        ),
        Language::De => format!(
            "{organisation}. Ihr Code, um sich mit dieser Nummer anzumelden: {digits}. Noch einmal: {digits}. Geben Sie ihn niemandem, auch nicht dem Support."
        ),
        Language::Fr => format!(
            "{organisation}. Votre code pour vous connecter avec ce numéro : {digits}. Encore une fois : {digits}. Ne le donnez à personne, pas même à l’assistance."
        ),
        Language::Es => format!(
            "{organisation}. Su código para iniciar sesión con este número: {digits}. Otra vez: {digits}. No se lo dé a nadie, ni siquiera al soporte."
        ),
        Language::Ja => format!(
            "{organisation} です。この番号をログインに登録するためのコードは {digits} です。もう一度、{digits} です。サポート窓口を含め、誰にも教えないでください。"
        ),
    }
}

/// A key as it is spoken.
fn named(language: Language, key: char) -> String {
    let name = match (key, language) {
        ('*', Language::En) => "star",
        ('*', Language::De) => "Stern",
        ('*', Language::Fr) => "étoile",
        ('*', Language::Es) => "asterisco",
        ('*', Language::Ja) => "アスタリスク",
        ('#', Language::En) => "pound",
        ('#', Language::De) => "Raute",
        ('#', Language::Fr) => "dièse",
        ('#', Language::Es) => "almohadilla",
        ('#', Language::Ja) => "シャープ",
        (key, _) => return key.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_keys_are_named_in_each_language() {
        let keys = CallKeys { approve: '7', fraud: '*' };
        assert_eq!(
            spoken(Language::En, "", "Payroll", keys),
            "Login request for Payroll. Press 7 to log in. If this was not you, press star."
        );
        assert!(spoken(Language::De, " Guten Tag. ", "Payroll", keys).starts_with("Guten Tag. Drücken Sie 7"));
        assert!(spoken(Language::Fr, "", "Payroll", keys).ends_with("appuyez sur étoile."));
        let pound = CallKeys { approve: '#', fraud: '0' };
        let said: BTreeSet<String> = Language::ALL.map(|language| spoken(language, "", "Payroll", pound)).into();
        assert_eq!(said.len(), Language::ALL.len());
        assert!(said.iter().all(|text| text.contains("Payroll") && !text.contains('#')), "{said:?}");
    }

    fn digits(text: &str) -> String {
        text.chars().filter(char::is_ascii_digit).collect()
    }

    #[test]
    fn a_code_that_proves_a_number_comes_with_whose_it_is_and_a_warning_in_each_language() {
        assert_eq!(
            proof_text(Language::En, "Example", "1234567"),
            "Example: 1234567 is your code to set up this number for logging in. Give it to nobody, not even to support."
        );
        let (mut written, mut heard) = (BTreeSet::new(), BTreeSet::new());
        for language in Language::ALL {
            let (text, speech) =
                (proof_text(language, "Example", "1234567"), proof_spoken(language, "Example", "1234567"));
            assert!(text.contains("1234567") && digits(&text) == "1234567", "phones find it by themselves: {text}");
            assert!(speech.contains("1, 2, 3, 4, 5, 6, 7") && digits(&speech) == "12345671234567", "{speech}");
            assert!(text.starts_with("Example") && speech.starts_with("Example"), "{text} {speech}");
            written.insert(text);
            heard.insert(speech);
        }
        assert_eq!((written.len(), heard.len()), (Language::ALL.len(), Language::ALL.len()));
    }
}
