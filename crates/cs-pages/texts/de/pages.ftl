language = Sprache
need-help = Brauchen Sie Hilfe?
reference = Referenz:
continue = Weiter
try-again = Erneut versuchen
one-moment = Einen Moment
without-script = Skripte sind in diesem Browser ausgeschaltet. Mit einem Code können Sie sich trotzdem anmelden.
log-in-to = Anmelden bei { $application }
logging-in-to = Sie melden sich bei { $application } an.
other-options = Andere Möglichkeiten
manage-devices = Geräte verwalten
push-title = Schauen Sie auf Ihr Telefon
push-sent = Wir haben eine Anfrage an { $device } geschickt.
push-type-number = Tippen Sie dort diese Zahl ein:
push-approve-there = Bestätigen Sie dort, wenn Sie es sind.
push-slow = Noch nichts auf dem Telefon? Öffnen Sie dort den Authenticator: er holt die Anfrage ab.
use-passcode = Stattdessen einen Code eingeben
passcode-title = Geben Sie Ihren Code ein
passcode-from-app = Der Code, den Ihr Authenticator zeigt
passcode-from-token = Der Code Ihres Hardware-Tokens
passcode-from-app-or-token = Der Code Ihres Authenticators oder Hardware-Tokens
passcode-from-help-desk = Der Code, den Sie vom Helpdesk bekommen haben
verify = Prüfen
tries-left = { $count ->
    [one] Noch { $count } Versuch.
   *[other] Noch { $count } Versuche.
}
key-title = Benutzen Sie Ihren Sicherheitsschlüssel
key-what = Stecken Sie den Schlüssel ein oder halten Sie ihn ans Telefon, und berühren Sie ihn dann.
platform-title = Bestätigen Sie, dass Sie es sind
platform-what = Mit Fingerabdruck, Gesicht oder Bildschirmsperre.
key-use = Weiter
key-cancelled = Das hat nicht geklappt oder wurde abgebrochen. Versuchen Sie es erneut oder wählen Sie einen anderen Weg.
key-unsupported = Dieser Browser kann hier keine Sicherheitsschlüssel benutzen. Wählen Sie einen anderen Weg.
key-needs-script = Sicherheitsschlüssel brauchen Skripte, und die sind in diesem Browser ausgeschaltet. Wählen Sie einen anderen Weg.
options-title = Wie möchten Sie sich anmelden?
method-push = Anfrage aufs Telefon
about-push = Auf dem Telefon bestätigen
method-passcode = Code
about-passcode = Aus Authenticator oder Token
method-security-key = Sicherheitsschlüssel
about-security-key = Einen eingesteckten Schlüssel berühren
method-platform = Dieses Gerät
about-platform = Fingerabdruck, Gesicht oder Bildschirmsperre
method-bypass = Notfallcode
about-bypass = Vom Helpdesk
again-title = Das hat nicht geklappt
trust-title = Ist das Ihr Gerät?
trust-what = { $count ->
    [one] Wenn nur Sie es benutzen, fragen wir in diesem Browser { $count } Tag lang nicht mehr.
   *[other] Wenn nur Sie es benutzen, fragen wir in diesem Browser { $count } Tage lang nicht mehr.
}
trust-yes = Ja, das ist mein Gerät
trust-no = Nein, andere benutzen es auch
success-title = Sie sind angemeldet
success-what = Es geht weiter zu { $application }.
setup-title = Richten Sie Ihr Administratorkonto ein
setup-no-pages = Seiten für Administratoren gehören noch nicht zu dieser Version; Ihr Passwort lässt sich hier nicht setzen.
setup-terminal = Jemand mit Zugang zum Server setzt es dort in einem Terminal:
setup-meanwhile = Alles andere geht bis dahin mit den übrigen Befehlen von „countersign admin“ und der Admin API.
activate-title = Authenticator aktivieren
activate-code = Die Adresse dieser Seite trägt einen Code, der ein Gerät zu Ihrem Authenticator macht. Er gilt einmal und nur für begrenzte Zeit.
activate-how = Kopieren Sie die ganze Adresse, auch den Teil nach „#“, und geben Sie sie dem Authenticator auf dem Gerät:
activate-warning = Sie haben das nicht verlangt? Schließen Sie die Seite und sagen Sie es Ihrem Administrator. Niemand, der Ihnen hilft, braucht diese Adresse.
activate-address = ADRESSE
