language = Sprache
need-help = Brauchen Sie Hilfe?
reference = Referenz:
reference-why = Ihr Helpdesk kann damit nachsehen, was passiert ist.
continue = Weiter
back = Zurück
back-to = Zurück zu { $application }
try-again = Erneut versuchen
one-moment = Einen Moment
how-to-update = So aktualisieren Sie
copy = Kopieren
copied = Kopiert
print = Drucken
recommended = Empfohlen
over-in-minutes = { $count ->
    [one] In { $count } Minute können Sie es erneut versuchen.
   *[other] In { $count } Minuten können Sie es erneut versuchen.
}
over-in-hours = { $count ->
    [one] In { $count } Stunde können Sie es erneut versuchen.
   *[other] In { $count } Stunden können Sie es erneut versuchen.
}

## Anmeldung
without-script = Skripte sind in diesem Browser ausgeschaltet. Mit einem Code können Sie sich trotzdem anmelden.
log-in-to = Anmelden bei { $application }
logging-in-to = Sie melden sich an bei
other-options = Andere Möglichkeiten
manage-devices = Geräte verwalten
push-title = Schauen Sie auf Ihr Telefon
push-sent = Wir haben eine Anfrage an { $device } geschickt.
push-type-number = Tippen Sie dort diese Zahl ein
push-approve-there = Bestätigen Sie dort, wenn Sie es sind.
push-waiting = Wir warten auf Ihre Antwort
push-seen = Ihr Telefon zeigt die Anfrage
push-offline = Keine Verbindung. Wir versuchen es weiter.
push-slow = Nichts auf dem Telefon? Öffnen Sie dort jetzt den Authenticator: Er holt die Anfrage ab.
push-here = Auf diesem Telefon bestätigen
push-still-waiting = Ihr Telefon zeigt die Anfrage noch. Sie können auch dort antworten.
time-left = Verbleibende Zeit: { $time }
use-passcode = Stattdessen einen Code eingeben
call-title = Gehen Sie ans Telefon
call-what = Wir rufen { $device } an. Folgen Sie der Ansage.
call-waiting = Wir rufen an
passcode-title = Geben Sie Ihren Code ein
bypass-title = Geben Sie Ihren Notfallcode ein
passcode-from-app = Der Code, den Ihr Authenticator zeigt
passcode-from-token = Der Code Ihres Hardware-Tokens
passcode-from-app-or-token = Der Code Ihres Authenticators oder Hardware-Tokens
passcode-from-help-desk = Der Code, den Sie vom Helpdesk bekommen haben
passcode-sent = Der Code, den wir an { $device } geschickt haben
send-again = Neuen Code schicken
verify = Anmelden
code-wrong = Dieser Code ist falsch oder wurde schon benutzt. Nehmen Sie einen neuen.
code-wrong-token = Bei einem Hardware-Token geben Sie die nächsten drei Codes ein, die es zeigt, einen nach dem anderen.
code-wrong-bypass = Ein Bypass-Code gilt nur so oft und so lange, wie der Helpdesk gesagt hat. Ist Ihrer aufgebraucht, bitten Sie um einen neuen.
code-not-sent = Eben ging eine Nachricht hinaus. Nehmen Sie den Code daraus, oder warten Sie eine halbe Minute, bevor Sie einen neuen anfordern.
tries-left = { $count ->
    [one] Sie haben noch { $count } Versuch.
   *[other] Sie haben noch { $count } Versuche.
}
key-title = Benutzen Sie Ihren Sicherheitsschlüssel
key-what = Stecken Sie den Schlüssel ein oder halten Sie ihn ans Telefon, und berühren Sie ihn dann.
platform-title = Bestätigen Sie, dass Sie es sind
platform-what = Mit Fingerabdruck, Gesicht oder Bildschirmsperre.
key-use = Weiter
key-cancelled = Das hat nicht geklappt oder wurde abgebrochen. Versuchen Sie es erneut oder wählen Sie einen anderen Weg.
key-unsupported = Dieser Browser kann hier keine Sicherheitsschlüssel benutzen. Wählen Sie einen anderen Weg.
key-needs-script = Sicherheitsschlüssel brauchen Skripte, und die sind in diesem Browser ausgeschaltet. Wählen Sie einen anderen Weg.
passkey-title = Mit Passkey anmelden
passkey-what = Wählen Sie Ihren im Feld, wo Ihr Browser ihn anbietet, oder drücken Sie den Knopf. Ein Passwort brauchen Sie nicht.
passkey-user = Benutzername
passkey-use = Passkey benutzen
passkey-cancelled = Das hat nicht geklappt oder wurde abgebrochen. Versuchen Sie es erneut.
passkey-refused = Dieser Passkey wurde hier nicht angenommen. Versuchen Sie einen anderen, oder gehen Sie zurück und melden Sie sich mit dem Passwort an.
passkey-unsupported = Dieser Browser kann hier keine Passkeys benutzen. Gehen Sie zurück und melden Sie sich mit dem Passwort an.
passkey-needs-script = Passkeys brauchen Skripte, und die sind in diesem Browser ausgeschaltet. Gehen Sie zurück und melden Sie sich mit dem Passwort an.
options-title = Wie möchten Sie sich anmelden?
method-push = Anfrage aufs Telefon
about-push = Auf dem Telefon bestätigen
method-passcode = Code
about-passcode = Aus Authenticator oder Token
method-security-key = Sicherheitsschlüssel
about-security-key = Einen eingesteckten Schlüssel berühren
method-platform = Dieses Gerät
about-platform = Fingerabdruck, Gesicht oder Bildschirmsperre
method-sms = SMS
about-sms = Ein Code auf Ihr Telefon
method-call = Anruf
about-call = Abnehmen und eine Taste drücken
method-bypass = Notfallcode
about-bypass = Vom Helpdesk
trust-title = Ist das Ihr Gerät?
trust-what = { $count ->
    [one] Wenn nur Sie es benutzen, fragen wir in diesem Browser { $count } Tag lang nicht mehr.
   *[other] Wenn nur Sie es benutzen, fragen wir in diesem Browser { $count } Tage lang nicht mehr.
}
trust-yes = Ja, das ist mein Gerät
trust-no = Nein, andere benutzen es auch
success-title = Sie sind angemeldet
success-what = Es geht weiter zu { $application }.
frame-what = Die Anmeldung öffnet sich in einem eigenen Fenster. Danach geht es hier von selbst weiter.
frame-open = Anmelden
frame-waiting = Warten, bis Sie im anderen Fenster fertig sind
frame-blocked = Ihr Browser hat das Fenster blockiert. Erlauben Sie es für diese Seite und versuchen Sie es noch einmal.
frame-needs-script = Die Anmeldung braucht hier Skripte, und die sind in diesem Browser ausgeschaltet. Schalten Sie sie ein und öffnen Sie die Seite noch einmal.
frame-close = Sie können dieses Fenster schließen und zu { $application } zurückkehren.
outdated-title = { $software } ist veraltet
outdated-what = Alte Software ist für Angreifer der leichteste Weg. Das Aktualisieren dauert meist nur ein paar Minuten.
update-browser = Öffnen Sie das Menü des Browsers, dort „Hilfe“ oder „Einstellungen“ und „Über“: Der Browser sucht die Aktualisierung selbst. Starten Sie ihn dann neu.
update-store = Aktualisieren Sie es im App-Store Ihres Telefons.
update-system = Öffnen Sie die Einstellungen des Geräts und suchen Sie dort „Softwareupdate“ oder „Windows Update“.
outdated-days = { $count ->
    [one] Noch { $count } Tag geht es so weiter. Danach wird sie nicht mehr zugelassen.
   *[other] Noch { $count } Tage geht es so weiter. Danach wird sie nicht mehr zugelassen.
}
outdated-skip = Diesmal überspringen

## Warum es nicht weitergeht
why-agent_report_unverified-title = Wir konnten dieses Gerät nicht prüfen
why-agent_report_unverified = Es konnte nicht zeigen, dass es das von Ihnen registrierte ist. Öffnen Sie dort die Desktop-App und versuchen Sie es erneut.
why-anomalous_push-title = Zu viele unbeantwortete Anfragen
why-anomalous_push = Mehrere Anfragen an Ihr Telefon blieben ohne Antwort, darum setzen wir zehn Minuten lang aus. Melden Sie sich auf anderem Weg an. Waren die Anfragen nicht von Ihnen, ändern Sie Ihr Passwort und sagen Sie es dem Helpdesk.
why-telephony_limit-title = Vorerst keine weiteren Nachrichten
why-telephony_limit = Eben ging eine Nachricht oder ein Anruf hinaus, oder es waren heute zu viele. Warten Sie eine halbe Minute und versuchen Sie es noch einmal, oder melden Sie sich auf anderem Weg an. Haben Sie nichts angefordert, ändern Sie Ihr Passwort und sagen Sie es dem Helpdesk.
why-anonymous_ip-title = Ihr Netz verbirgt, wo Sie sind
why-anonymous_ip = Anmeldungen über VPN-Dienste, öffentliche Proxys oder Tor sind hier nicht erlaubt. Schalten Sie das aus und versuchen Sie es erneut.
why-cloned_credential-title = Dieser Schlüssel wird nicht mehr angenommen
why-cloned_credential = Es gibt vielleicht eine Kopie davon, deshalb wird er ab jetzt abgelehnt. Melden Sie sich anders an und sagen Sie dem Helpdesk Bescheid.
why-could_not_determine_if_endpoint_was_trusted-title = Wir erkennen dieses Gerät nicht
why-could_not_determine_if_endpoint_was_trusted = Diese Anwendung ist für Geräte gedacht, die Ihre Organisation verwaltet, und über dieses war nichts zu erfahren. Öffnen Sie die Desktop-App oder nehmen Sie ein verwaltetes Gerät.
why-denied_by_policy-title = Zurzeit geschlossen
why-denied_by_policy = Im Moment kann niemand diese Anwendung benutzen. Wer für sie zuständig ist, weiß, wann sie wieder öffnet.
why-denied_network-title = Nicht aus diesem Netz
why-denied_network = Aus dem Netz, in dem Sie sind, darf sich niemand anmelden. Verbinden Sie sich mit dem Netz oder VPN Ihrer Organisation und versuchen Sie es erneut.
why-deny_unenrolled_user-title = Sie sind noch nicht eingerichtet
why-deny_unenrolled_user = Bevor Sie sich hier anmelden können, brauchen Sie einen zweiten Nachweis, dass Sie es sind. Bitten Sie den Helpdesk um einen Einrichtungslink.
why-desktop_agent_required-title = Die Desktop-App fehlt
why-desktop_agent_required = Diese Anwendung braucht die Desktop-App auf Ihrem Computer. Installieren oder öffnen Sie sie und versuchen Sie es erneut. Ist dies ein Fenster in einem anderen Programm, öffnen Sie die Seite im Browser.
why-endpoint_is_not_in_management_system-title = Dieses Gerät wird nicht verwaltet
why-endpoint_is_not_in_management_system = Diese Anwendung ist für Geräte gedacht, die Ihre Organisation verwaltet. Nehmen Sie ein solches, oder bitten Sie den Helpdesk, dieses aufzunehmen.
why-endpoint_is_not_trusted-title = Diesem Gerät wird nicht vertraut
why-endpoint_is_not_trusted = Ihre Organisation kennt dieses Gerät, vertraut ihm aber zurzeit nicht. Nehmen Sie ein anderes oder fragen Sie den Helpdesk, was fehlt.
why-error-title = Bei uns ist etwas schiefgegangen
why-error = Es liegt nicht an Ihnen, und nichts ist verloren. Warten Sie einen Moment und versuchen Sie es erneut.
why-factor_restricted-title = Hier können Sie sich noch nicht anmelden
why-factor_restricted = Diese Anwendung verlangt eine sicherere Methode als die, die Sie eingerichtet haben. Unter „Geräte verwalten“ können Sie mit einer Methode, die Sie haben, eine hinzufügen; melden Sie sich dann noch einmal an. Steht Ihnen das nicht offen, hilft der Helpdesk.
why-firewall_off-title = Ihre Firewall ist ausgeschaltet
why-firewall_off = Schalten Sie die Firewall dieses Computers in den Sicherheitseinstellungen ein und versuchen Sie es erneut.
why-invalid_credential-title = Ihr Schlüssel wurde nicht angenommen
why-invalid_credential = Vielleicht wurde er aus Ihrem Konto entfernt, oder die Seite hat zu lange gewartet. Versuchen Sie es erneut oder wählen Sie einen anderen Weg.
why-invalid_device-title = Das ist keines Ihrer Geräte
why-invalid_device = Vielleicht wurde es inzwischen entfernt. Wählen Sie einen anderen Weg.
why-invalid_passcode-title = Dieser Code ging nicht
why-invalid_passcode = Er war falsch, zu alt oder schon benutzt. Nehmen Sie einen neuen. Bei einem Hardware-Token helfen drei frische Codes nacheinander.
why-location_restricted-title = Nicht von diesem Ort aus
why-location_restricted = Aus diesem Land darf sich niemand anmelden, oder wir konnten nicht erkennen, wo Sie sind. Fragen Sie auf Reisen den Helpdesk; versetzt Sie ein VPN anderswohin, schalten Sie es aus und versuchen Sie es erneut.
why-locked_out-title = Ihr Konto ist gesperrt
why-locked_out = Es gab zu viele Fehlversuche. Waren das nicht Sie, ändern Sie Ihr Passwort und sagen Sie es dem Helpdesk.
why-login_expired-title = Diese Seite ist abgelaufen
why-login_expired = Zu Ihrer Sicherheit muss eine Anmeldung in wenigen Minuten fertig sein. Gehen Sie zurück zur Anwendung und beginnen Sie neu.
why-no_activated_duo_mobile_account-title = Sie brauchen den Authenticator
why-no_activated_duo_mobile_account = Diese Anwendung nimmt nur den Authenticator auf einem Telefon an, und Sie haben noch keinen eingerichtet. Unter „Geräte verwalten“ können Sie ihn mit einer Methode, die Sie haben, hinzufügen; melden Sie sich dann noch einmal an. Steht Ihnen das nicht offen, hilft der Helpdesk.
why-no_disk_encryption-title = Ihr Gerät ist nicht verschlüsselt
why-no_disk_encryption = Schalten Sie die Verschlüsselung in den Einstellungen ein, unter Android auch eine PIN oder ein Passwort beim Start. Öffnen Sie dann den Authenticator neu und versuchen Sie es noch einmal.
why-no_response-title = Ihr Telefon hat nicht rechtzeitig geantwortet
why-no_response = Ist es online, und sind Mitteilungen eingeschaltet? Öffnen Sie dort zuerst den Authenticator und versuchen Sie es dann erneut.
why-no_screen_lock-title = Ihr Telefon hat keine Bildschirmsperre
why-no_screen_lock = Richten Sie in den Einstellungen PIN, Muster, Passwort, Fingerabdruck oder Gesicht ein und versuchen Sie es erneut.
why-no_security_agent-title = Ein Sicherheitsprogramm fehlt
why-no_security_agent = Ihre Organisation verlangt ein Sicherheitsprogramm, das auf diesem Computer nicht läuft. Starten oder installieren Sie es und versuchen Sie es erneut.
why-no_system_password-title = Ihr Computer hat kein Passwort
why-no_system_password = Setzen Sie auf diesem Computer ein Passwort für Ihr Konto und versuchen Sie es erneut.
why-number_not_shown-title = Ihr Telefon fragt nach einer Zahl
why-number_not_shown = Die Anfrage kam ohne die Zahl, nach der Ihr Telefon fragt. Beginnen Sie von dieser Seite aus neu.
why-out_of_date-title = Ihre Software ist zu alt
why-out_of_date = Ihr Betriebssystem oder Browser ist älter, als diese Anwendung erlaubt. Aktualisieren Sie und versuchen Sie es erneut.
why-platform_restricted-title = Nicht mit diesem Betriebssystem
why-platform_restricted = Diese Anwendung lässt Ihr Betriebssystem nicht zu. Nehmen Sie ein anderes Gerät.
why-push_in_progress-title = Eine andere Anfrage wartet
why-push_in_progress = Ihr Telefon zeigt schon eine Anfrage. Beantworten Sie sie zuerst, oder melden Sie sich auf anderem Weg an.
why-rooted_device-title = Ihr Telefon ist nicht sicher
why-rooted_device = Sein Schutz wurde entfernt (Root oder Jailbreak). Nehmen Sie ein anderes Telefon oder einen Sicherheitsschlüssel.
why-software_restricted-title = Nicht mit diesem Browser
why-software_restricted = Diese Anwendung lässt Ihren Browser nicht zu. Öffnen Sie sie in einem anderen.
why-touch_id_disabled-title = Fingerabdruck oder Gesicht ist aus
why-touch_id_disabled = Ihr Authenticator muss nach Fingerabdruck oder Gesicht fragen. Schalten Sie das in seinen Einstellungen ein und versuchen Sie es erneut.
why-user_cancelled-title = Die Anmeldung wurde abgebrochen
why-user_cancelled = Es ist nichts passiert. Sie können neu beginnen.
why-user_disabled-title = Ihr Konto ist deaktiviert
why-user_disabled = Damit kann sich niemand anmelden. Der Helpdesk kann Ihnen sagen, warum.
why-user_marked_fraud-title = Gemeldet: Das waren nicht Sie
why-user_marked_fraud = Auf Ihrem Telefon wurde geantwortet, dass diese Anmeldung nicht von Ihnen ist. Ihre Administratoren wissen Bescheid. War das ein Versehen, rufen Sie den Helpdesk an.
why-user_mistake-title = Auf dem Telefon abgelehnt
why-user_mistake = Die Anfrage wurde mit „Nein“ beantwortet. Wenn Sie „Ja“ meinten, versuchen Sie es erneut.
why-user_not_in_permitted_group-title = Sie dürfen diese Anwendung nicht benutzen
why-user_not_in_permitted_group = Ihr Konto ist in Ordnung, aber diese Anwendung steht ihm nicht offen. Wer für sie zuständig ist oder der Helpdesk kann das ändern.
why-user_not_verified-title = Ihr Schlüssel muss prüfen, dass Sie es sind
why-user_not_verified = Eine Berührung allein genügt hier nicht. Richten Sie auf dem Schlüssel eine PIN oder einen Finger ein und versuchen Sie es erneut, oder wählen Sie einen anderen Weg.
why-user_pending_deletion-title = Ihr Konto ist deaktiviert
why-user_pending_deletion = Damit kann sich niemand anmelden. Der Helpdesk kann Ihnen sagen, warum.
why-version_restricted-title = Ihr Authenticator ist zu alt
why-version_restricted = Öffnen Sie den Authenticator auf dem Telefon, während es online ist: Er aktualisiert sich selbst. Versuchen Sie es dann erneut.
why-denied-title = Zugang verweigert
why-denied = Ihre Organisation erlaubt diese Anmeldung nicht. Der Helpdesk kann Ihnen sagen, warum.
why-enrollment_needed-title = Eines vorweg
why-enrollment_needed = Um sich hier anzumelden, brauchen Sie einen zweiten Nachweis, dass Sie es sind. Das Einrichten dauert etwa eine Minute.
why-link_expired-title = Dieser Link ist abgelaufen
why-link_expired = Links gelten nur begrenzte Zeit. Bitten Sie den Absender oder den Helpdesk um einen neuen.
why-link_used-title = Dieser Link wurde schon benutzt
why-link_used = Jeder Link gilt einmal. Waren das nicht Sie, sagen Sie es jetzt dem Helpdesk. Brauchen Sie noch einen, bitten Sie um einen neuen.
why-link_unknown-title = Dieser Link geht nicht
why-link_unknown = Er ist unvollständig, oder ein neuerer hat ihn ersetzt. Kopieren Sie den ganzen Link aus der neuesten Nachricht, oder bitten Sie um einen neuen.
why-out_of_step-title = Diese Seite ist überholt
why-out_of_step = Die Anmeldung ging in einem anderen Tab weiter, oder Sie sind zurückgegangen. Nichts ist verloren: Beginnen Sie von hier aus neu.
why-no_cookies-title = Cookies sind ausgeschaltet
why-no_cookies = Wir brauchen ein einziges Cookie, um zu wissen, dass alle Schritte aus demselben Browser kommen. Erlauben Sie Cookies für diese Seite und versuchen Sie es erneut.
why-browser_unsupported-title = Dieser Browser kann das nicht
why-browser_unsupported = Er ist zu alt, ein Fenster in einem anderen Programm, oder Skripte sind ausgeschaltet. Öffnen Sie die Anwendung in einem aktuellen Browser oder wählen Sie einen anderen Weg.
why-request_too_old-title = Diese Anfrage ist zu alt
why-request_too_old = Gehen Sie zurück zur Anwendung und beginnen Sie neu. Kommt diese Seite gleich wieder, geht die Uhr des Servers der Anwendung falsch: Sagen Sie es dem Betreiber und nennen Sie die Referenz.
request-late-minutes = { $count ->
    [one] Sie ist vor { $count } Minute abgelaufen.
   *[other] Sie ist vor { $count } Minuten abgelaufen.
}
request-late-hours = { $count ->
    [one] Sie ist vor { $count } Stunde abgelaufen.
   *[other] Sie ist vor { $count } Stunden abgelaufen.
}
why-application_clock-title = Die Uhr der Anwendung geht falsch
why-application_clock = Ihre Anfrage kommt aus der Zukunft und kann deshalb nicht angenommen werden. Neu zu beginnen hilft erst, wenn der Betreiber die Uhr des Servers gestellt hat. Sagen Sie es ihm und nennen Sie die Referenz.
request-early-minutes = { $count ->
    [one] Sie geht { $count } Minute vor.
   *[other] Sie geht { $count } Minuten vor.
}
request-early-hours = { $count ->
    [one] Sie geht { $count } Stunde vor.
   *[other] Sie geht { $count } Stunden vor.
}
why-log_in_first-title = Melden Sie sich zuerst bei einer Anwendung an
why-log_in_first = Ihre Geräte zeigen wir nur in einem Browser, in dem Sie sich in den letzten zehn Minuten angemeldet haben. Melden Sie sich bei einer Ihrer Anwendungen an und öffnen Sie diese Seite dann noch einmal.
why-too_many_requests-title = Bitte etwas langsamer
why-too_many_requests = Von Ihnen kamen zu viele Anfragen auf einmal. Warten Sie einen Moment und versuchen Sie es erneut.
why-not_found-title = Hier ist nichts
why-not_found = Die Adresse ist unvollständig, oder die Seite gibt es nicht mehr.
why-sign_in_again-title = Bitte bestätigen Sie noch einmal, dass Sie es sind
why-sign_in_again = Sie waren eine Weile weg. Ihre Geräte zeigen wir nur, kurz nachdem Sie sich ausgewiesen haben.
why-passkey_not_saved-title = Das ließ sich nicht speichern
why-passkey_not_saved = Ihr Gerät oder Schlüssel hat es nicht gespeichert. Prüfen Sie, ob Bildschirmsperre oder PIN eingerichtet ist, und versuchen Sie es erneut.
why-passkey_model-title = Dieses Modell ist nicht erlaubt
why-passkey_model = Ihre Organisation lässt nur bestimmte Modelle von Sicherheitsschlüsseln und Geräten zu. Fragen Sie den Helpdesk, welche, oder wählen Sie einen anderen Weg.
why-passkey_known-title = Dieser Schlüssel ist schon eingerichtet
why-passkey_known = Sie können ihn benutzen, wie er ist. Nehmen Sie als Reserve einen anderen.
why-activation_mismatch-title = Das war nicht Ihr Telefon
why-activation_mismatch = Wir haben nichts verbunden. Beginnen Sie mit einem neuen Code, und lassen Sie niemand anderen ihn scannen.
why-stronger_factor_needed-title = Nehmen Sie zuerst Ihren Sicherheitsschlüssel oder Passkey
why-stronger_factor_needed = Sie haben einen sichereren Weg als den, den Sie gerade benutzt haben. Melden Sie sich damit noch einmal an: Dann können Sie ein Gerät hinzufügen.
why-self_service_off-title = Fragen Sie den Helpdesk
why-self_service_off = Ihre Organisation hat diese Seite nicht freigegeben. Um Ihre Geräte kümmert sich der Helpdesk.

## Einrichtung
enroll-begin = Jetzt einrichten
enroll-title = Richten Sie Ihre Anmeldung ein
enroll-what = { $account } fragt ab jetzt auch nach etwas, das nur Sie haben. Wie möchten Sie zeigen, dass Sie es sind?
stages = Schritte
stage-first = Einrichten
stage-backup = Reserve
stage-finish = Fertig
new-phone = Telefon
new-phone-about = Anmeldungen auf dem Telefon bestätigen. Ganz ohne App-Store.
new-platform = Dieses Gerät
new-platform-about = Fingerabdruck, Gesicht oder Bildschirmsperre
new-security-key = Sicherheitsschlüssel
new-security-key-about = Ein kleiner Schlüssel zum Einstecken oder Antippen
new-passkey = Passkey
new-passkey-about = Auf dem Handy, im Passwortmanager oder auf einem Sicherheitsschlüssel. Er kann Ihr Passwort ersetzen.
new-platform-missing = Dieser Browser findet weder Fingerabdruckleser noch Gesichtserkennung oder Bildschirmsperre, die er benutzen darf.
new-keys-need-script = Sicherheitsschlüssel und Passkeys brauchen Skripte, und die sind in diesem Browser ausgeschaltet. Schalten Sie sie ein oder wählen Sie einen anderen Weg.
new-number = Textnachricht oder Anruf
new-number-about = Codes an eine Telefonnummer. Weniger sicher als die anderen.
new-codes = Gedruckte Codes
new-codes-about = Zehn Codes auf Papier, jeder für eine Anmeldung
choose-another = Anderen Weg wählen
phone-title = Verbinden Sie Ihr Telefon
phone-scan = Öffnen Sie die Kamera Ihres Telefons und richten Sie sie auf diesen Code. Folgen Sie dann dem Telefon.
phone-qr = Code für die Kamera Ihres Telefons. Wenn Sie ihn nicht scannen können, nehmen Sie den Link unten.
phone-here = Öffnen Sie den Authenticator auf diesem Telefon. Er ist eine Webseite: Aus einem Store ist nichts zu installieren.
phone-open = Authenticator öffnen
phone-other = Stattdessen ein anderes Telefon verbinden
phone-waiting = Wir warten auf Ihr Telefon
phone-cannot-scan = Sie können nicht scannen?
phone-link = Öffnen Sie diesen Link auf Ihrem Telefon. Er gilt einmal und nur für Sie: Geben Sie ihn niemandem.
compare-title = Ist das Ihr Telefon?
compare-what = { $device } wurde gerade verbunden. Es sollte diesen Code zeigen:
compare-yes = Ja, es ist derselbe
compare-no = Nein, es ist ein anderer

number-title = Welche Telefonnummer?
number-what = Wir senden einen Code an die Nummer, um zu sehen, dass sie Ihnen gehört. Nachrichten können unterwegs von anderen gelesen werden: Richten Sie wenn möglich auch einen anderen Weg ein.
number-label = Telefonnummer mit Ländervorwahl
number-by-sms = Code als Nachricht senden
number-by-call = Mit dem Code anrufen
number-wrong = Diese Nummer ist von hier nicht erreichbar. Beginnen Sie mit + und der Ländervorwahl.
number-limit = Vorerst zu viele Nachrichten oder Anrufe. Warten Sie eine halbe Minute und versuchen Sie es noch einmal.
number-code-over = Der Code war zu oft falsch oder zu alt. Lassen Sie sich einen neuen senden.
number-code-title = Code eingeben
number-code-confirm = Bestätigen
add-key-title = Sicherheitsschlüssel hinzufügen
add-key-what = Stecken Sie den Schlüssel ein oder halten Sie ihn ans Gerät, und berühren Sie ihn, wenn er blinkt.
add-platform-title = Dieses Gerät benutzen
add-platform-what = Ihr Gerät fragt nach Fingerabdruck, Gesicht oder Bildschirmsperre. Das bleibt auf dem Gerät; wir sehen es nie.
add-passkey-title = Einen Passkey anlegen
add-passkey-what = Ihr Browser fragt, wo er liegen soll: auf diesem Gerät, auf dem Handy, im Passwortmanager oder auf einem Sicherheitsschlüssel.
add-key-cancelled = Das hat nicht geklappt oder wurde abgebrochen. Versuchen Sie es erneut oder wählen Sie einen anderen Weg.
device-name = Ein Name, an dem Sie es wiedererkennen
backup-title = Und wenn Sie es verlieren?
backup-what = Richten Sie jetzt einen zweiten Weg ein, dann stehen Sie nie vor verschlossener Tür.
later = Jetzt nicht
codes-title = Ihre Ersatzcodes
codes-what = Mit jedem Code kommen Sie einmal hinein, wenn nichts anderes zur Hand ist. Drucken Sie sie oder schreiben Sie sie auf; wir zeigen sie nur jetzt.
codes-kept = Ich habe sie sicher aufbewahrt
done-title = Alles eingerichtet
done-what = Sie können diese Seite schließen. Bei der nächsten Anmeldung fragen wir Sie dort.
done-devices = Zurück zu Ihren Geräten

## Selbstbedienung
portal-title = Ihre Geräte
tab-devices = Geräte
tab-logins = Letzte Anmeldungen
tab-browsers = Gemerkte Browser
tab-codes = Ersatzcodes
leave = Verlassen
kind-phone = Telefon mit Authenticator
kind-security-key = Sicherheitsschlüssel
kind-platform = Fingerabdruck, Gesicht oder Bildschirmsperre
kind-token = Hardware-Token
device-refused = Wird nicht mehr angenommen: Es gibt vielleicht eine Kopie. Entfernen Sie ihn.
default = Wird zuerst gefragt
last-used = Zuletzt benutzt
until = Bis
test = Testen
make-default = Zuerst fragen
rename = Umbenennen
new-name = Neuer Name
save = Speichern
lost = Verloren
remove = Entfernen
add-device = Gerät hinzufügen
no-devices = Sie haben noch kein Gerät.
thin = Das ist Ihr einziges Gerät. Fügen Sie ein weiteres oder Ersatzcodes hinzu, bevor Sie sie brauchen.
remove-title = { $device } entfernen?
remove-what = Sie können sich damit dann nicht mehr anmelden.
remove-one-left = Dann bleibt Ihnen nur noch ein Weg, sich anzumelden. Fügen Sie bald einen weiteren hinzu.
remove-none-left = Das ist Ihr letzter Weg, sich anzumelden. Ohne ihn sind Sie ausgesperrt, bis der Helpdesk Sie einlässt.
remove-not-allowed = Das ist Ihr letzter Weg, sich anzumelden, darum lässt er sich nicht entfernen. Fügen Sie zuerst ein anderes Gerät hinzu.
keep = Behalten
lost-title = Haben Sie { $device } verloren?
lost-what = Wir tun dann alles auf einmal:
lost-removed = Damit kann sich niemand mehr anmelden.
lost-sessions = Alle Ihre Sitzungen enden, und gemerkte Browser werden vergessen.
lost-told = Sie und Ihre Administratoren bekommen Bescheid.
lost-none-left = Es ist Ihr letzter Weg, sich anzumelden. Der Helpdesk muss Sie dann einlassen.
lost-yes = Ja, es ist verloren
lost-no = Nein, ich habe es
test-title = Testanfrage
test-what = Wir haben eine Anfrage an { $device } geschickt, wie bei einer Anmeldung. Sie lässt niemanden ein.
test-approve = Bestätigen Sie sie dort.
said-renamed = { $device } hat jetzt seinen neuen Namen.
said-removed = { $device } ist entfernt.
said-lost = { $device } ist nicht mehr benutzbar, und alle Sitzungen sind beendet.
said-default = { $device } wird ab jetzt zuerst gefragt.
said-added = { $device } ist eingerichtet.
said-test-approved = { $device } funktioniert.
said-test-failed = { $device } hat nicht geantwortet. Öffnen Sie dort den Authenticator und prüfen Sie, ob es online ist.
said-test-not-sent = An { $device } ging kein Test: Es ist noch einer unterwegs, oder zu viele blieben ohne Antwort. Warten Sie ein paar Minuten.
said-forgotten = Dieser Browser wird wieder gefragt.
said-all-forgotten = Alle Browser werden wieder gefragt.
said-reported = Danke. Ihre Administratoren wissen Bescheid.
logins-what = Die neuesten zuerst. Sagen Sie uns, wenn eine nicht von Ihnen war.
no-logins = Es gab noch keine Anmeldungen.
refused = Abgelehnt
reported = Gemeldet
not-me = Das war ich nicht
not-me-title = Das waren nicht Sie?
not-me-what = Wir beenden alle Ihre Sitzungen, vergessen gemerkte Browser und sagen es Ihren Administratoren. Ändern Sie danach Ihr Passwort: Wer es war, kennt es vielleicht.
not-me-yes = Melden
not-me-no = Das war ich
browsers-what = In diesen Browsern fragen wir nicht bei jeder Anmeldung. Vergessen Sie die, die Sie nicht benutzen oder nicht kennen.
no-browsers = Kein Browser ist gemerkt.
this-browser = Dieser
forget = Vergessen
forget-all = Alle vergessen
codes-about = Gedruckte Codes lassen Sie ein, wenn Ihre Geräte verloren oder kaputt sind. Jeder gilt einmal.
codes-left = { $count ->
    [0] Sie haben keine unbenutzten Codes.
    [one] Sie haben { $count } unbenutzten Code.
   *[other] Sie haben { $count } unbenutzte Codes.
}
codes-new = Neue Codes erstellen
codes-replace = Neue Codes machen die alten ungültig.
left-title = Sie sind abgemeldet
left-what = Von diesem Browser aus lassen sich Ihre Geräte nicht mehr ändern.
left-again = Wieder anmelden

## Hinter Links, die nicht für Browser sind
setup-title = Richten Sie Ihr Administratorkonto ein
setup-no-pages = Seiten für Administratoren gehören noch nicht zu dieser Version; Ihr Passwort lässt sich hier nicht setzen.
setup-terminal = Jemand mit Zugang zum Server setzt es dort in einem Terminal:
setup-meanwhile = Alles andere geht bis dahin mit den übrigen Befehlen von „countersign admin“ und der Admin API.
