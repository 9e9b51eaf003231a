//! German.

use super::Words;

pub(super) static WORDS: Words = Words {
    administrator_subject: "Ihr Administratorkonto bei {organisation}",
    administrator_what: "Sie sollen die Zwei-Faktor-Anmeldung von {organisation} verwalten.",
    administrator_how: "Richten Sie hier Ihr Administratorkonto ein:",
    administrator_link: "Konto einrichten",
    enroll_subject: "Zwei-Faktor-Anmeldung für {organisation} einrichten",
    enroll_what: "{organisation} schützt Ihr Konto {username} mit einem zweiten Faktor.",
    enroll_how: "Richten Sie ihn auf dieser Seite ein; das dauert etwa eine Minute. Halten Sie Ihr Telefon bereit.",
    enroll_link: "Zwei-Faktor-Anmeldung einrichten",
    phone_how: "Öffnen Sie diesen Link auf Ihrem Telefon, um ihn einzurichten:",
    phone_link: "Dieses Telefon einrichten",
    until: "Der Link gilt bis {time}.",
    not_expected: "Der Link gilt einmal und nur für Sie: Geben Sie ihn nicht weiter. Wenn Sie diese Nachricht nicht erwartet haben, sagen Sie es Ihren Administratoren.",
    test_subject: "Testnachricht von {organisation}",
    test_what: "E-Mails von diesem Server kommen an. Sie brauchen nichts zu tun.",
    of: "{what} ({organisation})",
    when: "Das war am {time}.",
    from: "Angefordert wurde es von {address}.",
    not_you: "Wenn Sie das waren, brauchen Sie nichts zu tun. Wenn nicht, sagen Sie es sofort Ihren Administratoren.",
    device_added: ["Ein Gerät wurde hinzugefügt", "Zu Ihrem Konto {username} wurde ein Gerät hinzugefügt: {device}."],
    device_renamed: ["Ein Gerät wurde umbenannt", "Ein Gerät Ihres Kontos {username} heißt jetzt {device}."],
    device_first: [
        "Ein anderes Gerät wird zuerst gefragt",
        "Wenn Sie sich mit Ihrem Konto {username} anmelden, wird jetzt zuerst {device} gefragt.",
    ],
    device_removed: ["Ein Gerät wurde entfernt", "Aus Ihrem Konto {username} wurde ein Gerät entfernt: {device}."],
    device_lost: [
        "Ein verlorenes Gerät wurde entfernt",
        "{device} wurde als verloren gemeldet und aus Ihrem Konto {username} entfernt. Gemerkte Browser müssen wieder einen zweiten Faktor zeigen.",
    ],
    key_added: [
        "Ein Sicherheitsschlüssel oder Passkey wurde hinzugefügt",
        "Zu Ihrem Konto {username} wurde ein Sicherheitsschlüssel oder Passkey hinzugefügt: {device}.",
    ],
    key_removed: [
        "Ein Sicherheitsschlüssel oder Passkey wurde entfernt",
        "Aus Ihrem Konto {username} wurde ein Sicherheitsschlüssel oder Passkey entfernt: {device}.",
    ],
    browser_forgotten: [
        "Ein Browser wurde vergessen",
        "Ein Browser, der für Ihr Konto {username} gemerkt war, muss wieder einen zweiten Faktor zeigen.",
    ],
    browsers_forgotten: [
        "Alle Browser wurden vergessen",
        "Jeder Browser, der für Ihr Konto {username} gemerkt war, muss wieder einen zweiten Faktor zeigen.",
    ],
    recovery_codes: [
        "Neue Ersatzcodes",
        "Für Ihr Konto {username} wurden neue Ersatzcodes erzeugt. Die früheren sind ungültig.",
    ],
    bypass_codes: [
        "Neue Notfallcodes",
        "Für Ihr Konto {username} hat eine Administratorin oder ein Administrator Notfallcodes erstellt.",
    ],
    login_reported: [
        "Eine Anmeldung wurde gemeldet",
        "Eine Anmeldung an Ihrem Konto {username} wurde als fremd gemeldet. Ihre Administratoren wissen Bescheid.",
    ],
    moved: [
        "Ihr Authenticator ist auf einem neuen Gerät",
        "Der Authenticator Ihres Kontos {username} ist jetzt auf {device}. Wo er vorher war, gilt er nicht mehr.",
    ],
    move_undone: [
        "Ein neues Gerät wurde gemeldet und entfernt",
        "Jemand hat gemeldet, dass der Wechsel Ihres Kontos {username} auf {device} nicht von Ihnen war. Er wurde rückgängig gemacht, und Ihre Administratoren wissen Bescheid.",
    ],
};
