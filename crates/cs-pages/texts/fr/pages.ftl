language = Langue
need-help = Besoin d’aide ?
reference = Référence :
reference-why = Elle permet à votre assistance de retrouver ce qui s’est passé.
continue = Continuer
back = Retour
back-to = Retour à { $application }
try-again = Réessayer
one-moment = Un instant
how-to-update = Comment mettre à jour
copy = Copier
copied = Copié
print = Imprimer
recommended = Recommandé
over-in-minutes = { $count ->
    [one] Vous pourrez réessayer dans { $count } minute.
   *[other] Vous pourrez réessayer dans { $count } minutes.
}
over-in-hours = { $count ->
    [one] Vous pourrez réessayer dans { $count } heure.
   *[other] Vous pourrez réessayer dans { $count } heures.
}

## Connexion
without-script = Les scripts sont désactivés dans ce navigateur. Vous pouvez tout de même vous connecter avec un code.
log-in-to = Connexion à { $application }
logging-in-to = Vous vous connectez à
other-options = Autres possibilités
manage-devices = Gérer les appareils
push-title = Regardez votre téléphone
push-sent = Nous avons envoyé une demande à { $device }.
push-type-number = Saisissez-y ce nombre
push-approve-there = Approuvez-la là-bas, si c’est bien vous.
push-waiting = En attente de votre réponse
push-seen = Votre téléphone affiche la demande
push-offline = Pas de connexion. Nous continuons d’essayer.
push-slow = Rien sur votre téléphone ? Ouvrez-y maintenant l’authentificateur : il ira chercher la demande.
push-here = Approuver sur ce téléphone
push-still-waiting = Votre téléphone affiche toujours la demande. Vous pouvez aussi y répondre.
time-left = Temps restant : { $time }
use-passcode = Utiliser plutôt un code
call-title = Répondez au téléphone
call-what = Nous appelons { $device }. Suivez les instructions de la voix.
call-waiting = Appel en cours
passcode-title = Saisissez votre code
bypass-title = Saisissez votre code de secours
passcode-from-app = Le code affiché par votre authentificateur
passcode-from-token = Le code de votre jeton matériel
passcode-from-app-or-token = Le code de votre authentificateur ou de votre jeton matériel
passcode-from-help-desk = Le code que votre assistance vous a donné
passcode-sent = Le code que nous avons envoyé à { $device }
send-again = Envoyer un nouveau code
verify = Se connecter
code-wrong = Ce code est faux ou a déjà servi. Prenez-en un nouveau.
code-wrong-token = Avec un jeton matériel, saisissez les trois prochains codes qu’il affiche, l’un après l’autre.
code-wrong-bypass = Un code de secours ne vaut qu’aussi souvent et aussi longtemps que l’assistance l’a dit. Demandez-en un autre si le vôtre est épuisé.
code-not-sent = Un message vient de partir. Utilisez le code qu’il contient, ou attendez une demi-minute avant d’en demander un autre.
tries-left = { $count ->
    [one] Il vous reste { $count } essai.
   *[other] Il vous reste { $count } essais.
}
key-title = Utilisez votre clé de sécurité
key-what = Branchez votre clé ou approchez-la du téléphone, puis touchez-la.
platform-title = Confirmez que c’est vous
platform-what = Avec votre empreinte, votre visage ou le verrouillage de l’écran.
key-use = Continuer
key-cancelled = Cela n’a pas fonctionné ou a été annulé. Réessayez, ou choisissez un autre moyen.
key-unsupported = Ce navigateur ne peut pas utiliser de clé de sécurité ici. Choisissez un autre moyen.
key-needs-script = Les clés de sécurité ont besoin de scripts, désactivés dans ce navigateur. Choisissez un autre moyen.
passkey-title = Se connecter avec une clé d’accès
passkey-what = Choisissez la vôtre dans le champ, où votre navigateur la propose, ou appuyez sur le bouton. Aucun mot de passe n’est nécessaire.
passkey-user = Nom d’utilisateur
passkey-use = Utiliser une clé d’accès
passkey-cancelled = Cela n’a pas fonctionné ou a été annulé. Réessayez.
passkey-refused = Cette clé d’accès n’a pas été acceptée ici. Essayez-en une autre, ou revenez en arrière et connectez-vous avec votre mot de passe.
passkey-unsupported = Ce navigateur ne peut pas utiliser de clé d’accès ici. Revenez en arrière et connectez-vous avec votre mot de passe.
passkey-needs-script = Les clés d’accès ont besoin de scripts, désactivés dans ce navigateur. Revenez en arrière et connectez-vous avec votre mot de passe.
options-title = Comment voulez-vous vous connecter ?
method-push = Demande sur le téléphone
about-push = Approuver sur votre téléphone
method-passcode = Code
about-passcode = De votre authentificateur ou jeton
method-security-key = Clé de sécurité
about-security-key = Toucher une clé que vous branchez
method-platform = Cet appareil
about-platform = Empreinte, visage ou verrouillage de l’écran
method-sms = SMS
about-sms = Un code sur votre téléphone
method-call = Appel téléphonique
about-call = Répondre et appuyer sur une touche
method-bypass = Code de secours
about-bypass = Donné par votre assistance
trust-title = Est-ce votre appareil ?
trust-what = { $count ->
    [one] Si vous seul l’utilisez, nous ne vous demanderons plus rien dans ce navigateur pendant { $count } jour.
   *[other] Si vous seul l’utilisez, nous ne vous demanderons plus rien dans ce navigateur pendant { $count } jours.
}
trust-yes = Oui, c’est mon appareil
trust-no = Non, d’autres l’utilisent
success-title = Vous êtes connecté
success-what = Nous vous menons à { $application }.
frame-what = La connexion s’ouvre dans une fenêtre à part. Ensuite, cette page continue d’elle-même.
frame-open = Se connecter
frame-waiting = En attente de la fin de la connexion dans l’autre fenêtre
frame-blocked = Votre navigateur a bloqué la fenêtre. Autorisez-la pour cette page, puis réessayez.
frame-needs-script = La connexion a besoin ici de scripts, désactivés dans ce navigateur. Activez-les, puis rouvrez la page.
frame-close = Vous pouvez fermer cette fenêtre et retourner à { $application }.
outdated-title = { $software } n’est plus à jour
outdated-what = Un logiciel ancien est l’accès le plus facile pour un attaquant. La mise à jour ne prend en général que quelques minutes.
update-browser = Ouvrez le menu du navigateur, puis « Aide » ou « Paramètres » et « À propos » : le navigateur cherche lui-même la mise à jour. Redémarrez-le ensuite.
update-store = Mettez-le à jour dans la boutique d’applications de votre téléphone.
update-system = Ouvrez les réglages de l’appareil et cherchez-y « Mise à jour logicielle » ou « Windows Update ».
outdated-days = { $count ->
    [one] Vous pouvez continuer ainsi encore { $count } jour. Ensuite, il ne sera plus admis.
   *[other] Vous pouvez continuer ainsi encore { $count } jours. Ensuite, il ne sera plus admis.
}
outdated-skip = Ignorer pour cette fois

## Pourquoi cela s’arrête
why-agent_report_unverified-title = Nous n’avons pas pu vérifier cet appareil
why-agent_report_unverified = Il n’a pas pu montrer qu’il est celui que vous avez enregistré. Ouvrez-y l’application de bureau, puis réessayez.
why-anomalous_push-title = Trop de demandes sans réponse
why-anomalous_push = Plusieurs demandes envoyées à votre téléphone sont restées sans réponse ; nous faisons une pause de dix minutes. Connectez-vous d’une autre façon. Si ces demandes n’étaient pas de vous, changez votre mot de passe et prévenez l’assistance.
why-telephony_limit-title = Plus de messages pour l’instant
why-telephony_limit = Un message ou un appel vient de partir, ou il y en a eu trop aujourd’hui. Attendez une demi-minute et réessayez, ou connectez-vous d’une autre façon. Si vous n’avez rien demandé, changez votre mot de passe et prévenez l’assistance.
why-anonymous_ip-title = Votre réseau cache où vous êtes
why-anonymous_ip = Les connexions par un service VPN, un proxy public ou Tor ne sont pas admises ici. Désactivez-le, puis réessayez.
why-cloned_credential-title = Cette clé n’est plus acceptée
why-cloned_credential = Il en existe peut-être une copie, elle est donc refusée désormais. Connectez-vous autrement et prévenez l’assistance.
why-could_not_determine_if_endpoint_was_trusted-title = Nous ne reconnaissons pas cet appareil
why-could_not_determine_if_endpoint_was_trusted = Cette application est réservée aux appareils gérés par votre organisation, et nous n’avons rien pu apprendre de celui-ci. Ouvrez l’application de bureau, ou prenez un appareil géré.
why-denied_by_policy-title = Fermé pour le moment
why-denied_by_policy = Personne ne peut utiliser cette application en ce moment. Son responsable sait quand elle rouvrira.
why-denied_network-title = Pas depuis ce réseau
why-denied_network = Les connexions depuis votre réseau ne sont pas admises. Rejoignez le réseau ou le VPN de votre organisation, puis réessayez.
why-deny_unenrolled_user-title = Vous n’êtes pas encore inscrit
why-deny_unenrolled_user = Pour vous connecter ici, il vous faut un second moyen de prouver que c’est vous. Demandez un lien d’inscription à l’assistance.
why-desktop_agent_required-title = L’application de bureau est nécessaire
why-desktop_agent_required = Cette application a besoin de l’application de bureau sur votre ordinateur. Installez-la ou ouvrez-la, puis réessayez. Dans une fenêtre d’un autre programme, ouvrez cette page dans votre navigateur.
why-endpoint_is_not_in_management_system-title = Cet appareil n’est pas géré
why-endpoint_is_not_in_management_system = Cette application est réservée aux appareils gérés par votre organisation. Prenez-en un, ou demandez à l’assistance d’ajouter celui-ci.
why-endpoint_is_not_trusted-title = Cet appareil n’est pas de confiance
why-endpoint_is_not_trusted = Votre organisation connaît cet appareil mais ne lui fait pas confiance en ce moment. Prenez-en un autre, ou demandez à l’assistance ce qui manque.
why-error-title = Un problème de notre côté
why-error = Vous n’y êtes pour rien, et rien n’est perdu. Attendez un instant, puis réessayez.
why-factor_restricted-title = Vous n’avez aucun moyen de vous connecter ici
why-factor_restricted = Cette application demande une méthode plus sûre que celles que vous avez. Sous « Gérer les appareils », vous pouvez en ajouter une à l’aide d’une méthode que vous avez ; puis reconnectez-vous. Si ce n’est pas possible, l’assistance peut vous aider.
why-firewall_off-title = Votre pare-feu est désactivé
why-firewall_off = Activez le pare-feu de cet ordinateur dans ses réglages de sécurité, puis réessayez.
why-invalid_credential-title = Votre clé n’a pas été acceptée
why-invalid_credential = Elle a peut-être été retirée de votre compte, ou la page a attendu trop longtemps. Réessayez, ou choisissez un autre moyen.
why-invalid_device-title = Cet appareil n’est pas l’un des vôtres
why-invalid_device = Il a peut-être été supprimé entre-temps. Choisissez un autre moyen.
why-invalid_passcode-title = Ce code n’a pas fonctionné
why-invalid_passcode = Il était faux, trop ancien ou déjà utilisé. Prenez-en un nouveau. Avec un jeton matériel, trois codes frais à la suite aident.
why-location_restricted-title = Pas depuis cet endroit
why-location_restricted = Les connexions depuis ce pays ne sont pas admises, ou nous n’avons pas pu savoir où vous êtes. En voyage, demandez à l’assistance ; si un VPN vous déplace, désactivez-le et réessayez.
why-locked_out-title = Votre compte est verrouillé
why-locked_out = Il y a eu trop d’échecs. S’ils ne venaient pas de vous, changez votre mot de passe et prévenez l’assistance.
why-login_expired-title = Cette page a expiré
why-login_expired = Pour votre sécurité, une connexion doit se terminer en quelques minutes. Retournez à l’application et recommencez.
why-no_activated_duo_mobile_account-title = Il vous faut l’authentificateur
why-no_activated_duo_mobile_account = Cette application n’accepte que l’authentificateur sur un téléphone, et vous n’en avez pas encore. Sous « Gérer les appareils », vous pouvez l’ajouter à l’aide d’une méthode que vous avez ; puis reconnectez-vous. Si ce n’est pas possible, l’assistance peut vous aider.
why-no_disk_encryption-title = Votre appareil n’est pas chiffré
why-no_disk_encryption = Activez le chiffrement dans ses réglages ; sous Android, aussi un code ou mot de passe au démarrage. Puis rouvrez l’authentificateur et réessayez.
why-no_response-title = Votre téléphone n’a pas répondu à temps
why-no_response = Est-il en ligne, avec les notifications actives ? Ouvrez-y d’abord l’authentificateur, puis réessayez.
why-no_screen_lock-title = Votre téléphone n’a pas d’écran de verrouillage
why-no_screen_lock = Choisissez un code, un schéma, un mot de passe, une empreinte ou un visage dans ses réglages, puis réessayez.
why-no_security_agent-title = Il manque un programme de sécurité
why-no_security_agent = Votre organisation demande un programme de sécurité qui ne tourne pas sur cet ordinateur. Lancez-le ou installez-le, puis réessayez.
why-no_system_password-title = Votre ordinateur n’a pas de mot de passe
why-no_system_password = Donnez un mot de passe à votre compte sur cet ordinateur, puis réessayez.
why-number_not_shown-title = Votre téléphone demande un nombre
why-number_not_shown = La demande est arrivée sans le nombre que votre téléphone demande. Recommencez depuis cette page.
why-out_of_date-title = Votre logiciel est trop ancien
why-out_of_date = Votre système ou votre navigateur est plus ancien que ce que cette application admet. Mettez-le à jour, puis réessayez.
why-platform_restricted-title = Pas avec ce système
why-platform_restricted = Cette application n’admet pas votre système d’exploitation. Prenez un autre appareil.
why-push_in_progress-title = Une autre demande attend
why-push_in_progress = Votre téléphone affiche déjà une demande. Répondez-y d’abord, ou connectez-vous d’une autre façon.
why-rooted_device-title = Votre téléphone n’est pas sûr
why-rooted_device = Sa protection a été retirée (root ou jailbreak). Prenez un autre téléphone ou une clé de sécurité.
why-software_restricted-title = Pas avec ce navigateur
why-software_restricted = Cette application n’admet pas votre navigateur. Ouvrez-la dans un autre.
why-touch_id_disabled-title = L’empreinte ou le visage est désactivé
why-touch_id_disabled = Votre authentificateur doit demander votre empreinte ou votre visage. Activez cela dans ses réglages, puis réessayez.
why-user_cancelled-title = La connexion a été annulée
why-user_cancelled = Rien ne s’est passé. Vous pouvez recommencer.
why-user_disabled-title = Votre compte est désactivé
why-user_disabled = Il ne permet pas de se connecter. L’assistance peut vous dire pourquoi.
why-user_marked_fraud-title = Signalé : ce n’était pas vous
why-user_marked_fraud = Quelqu’un a répondu sur votre téléphone que cette connexion n’était pas de vous. Vos administrateurs sont prévenus. Si c’était une erreur, appelez l’assistance.
why-user_mistake-title = Refusé sur votre téléphone
why-user_mistake = La réponse à la demande a été « non ». Si vous vouliez dire « oui », réessayez.
why-user_not_in_permitted_group-title = Vous ne pouvez pas utiliser cette application
why-user_not_in_permitted_group = Votre compte est en ordre, mais cette application ne lui est pas ouverte. Son responsable ou l’assistance peut changer cela.
why-user_not_verified-title = Votre clé doit vérifier que c’est vous
why-user_not_verified = Ici, un simple contact ne suffit pas. Définissez un code PIN ou une empreinte sur votre clé, puis réessayez, ou choisissez un autre moyen.
why-user_pending_deletion-title = Votre compte est désactivé
why-user_pending_deletion = Il ne permet pas de se connecter. L’assistance peut vous dire pourquoi.
why-version_restricted-title = Votre authentificateur est trop ancien
why-version_restricted = Ouvrez l’authentificateur sur votre téléphone en ligne : il se met à jour lui-même. Puis réessayez.
why-denied-title = Accès refusé
why-denied = Votre organisation n’admet pas cette connexion. L’assistance peut vous dire pourquoi.
why-enrollment_needed-title = Une chose d’abord
why-enrollment_needed = Pour vous connecter ici, il vous faut un second moyen de prouver que c’est vous. Cela prend environ une minute.
why-link_expired-title = Ce lien a expiré
why-link_expired = Un lien ne vaut qu’un temps limité. Demandez-en un nouveau à qui l’a envoyé ou à l’assistance.
why-link_used-title = Ce lien a déjà servi
why-link_used = Chaque lien sert une fois. Si ce n’était pas vous, prévenez l’assistance maintenant. S’il vous en faut un autre, demandez-en un nouveau.
why-link_unknown-title = Ce lien ne fonctionne pas
why-link_unknown = Il est incomplet, ou un plus récent l’a remplacé. Copiez le lien entier du dernier message, ou demandez-en un nouveau.
why-out_of_step-title = Cette page est dépassée
why-out_of_step = La connexion a continué dans un autre onglet, ou vous êtes revenu en arrière. Rien n’est perdu : recommencez d’ici.
why-no_cookies-title = Les cookies sont désactivés
why-no_cookies = Il nous faut un seul cookie, pour savoir que toutes les étapes viennent du même navigateur. Autorisez les cookies pour cette page, puis réessayez.
why-browser_unsupported-title = Ce navigateur ne sait pas le faire
why-browser_unsupported = Il est trop ancien, c’est une fenêtre d’un autre programme, ou les scripts y sont désactivés. Ouvrez l’application dans un navigateur récent, ou choisissez un autre moyen.
why-request_too_old-title = Cette demande est trop ancienne
why-request_too_old = Retournez à l’application et recommencez. Si cette page revient aussitôt, l’horloge du serveur de l’application est fausse : dites-le à son responsable, avec la référence.
request-late-minutes = { $count ->
    [one] Elle a expiré il y a { $count } minute.
   *[other] Elle a expiré il y a { $count } minutes.
}
request-late-hours = { $count ->
    [one] Elle a expiré il y a { $count } heure.
   *[other] Elle a expiré il y a { $count } heures.
}
why-application_clock-title = L’horloge de l’application est fausse
why-application_clock = Sa demande vient du futur et ne peut donc pas être acceptée. Recommencer ne sert à rien tant que son responsable n’a pas réglé l’horloge du serveur. Dites-le-lui, avec la référence.
request-early-minutes = { $count ->
    [one] Elle avance de { $count } minute.
   *[other] Elle avance de { $count } minutes.
}
request-early-hours = { $count ->
    [one] Elle avance de { $count } heure.
   *[other] Elle avance de { $count } heures.
}
why-log_in_first-title = Connectez-vous d’abord à une application
why-log_in_first = Vos appareils ne sont montrés que dans un navigateur où vous vous êtes connecté au cours des dix dernières minutes. Connectez-vous à l’une de vos applications, puis rouvrez cette page.
why-too_many_requests-title = Un peu moins vite
why-too_many_requests = Trop de demandes sont venues de vous à la fois. Attendez un instant, puis réessayez.
why-not_found-title = Il n’y a rien ici
why-not_found = L’adresse est incomplète, ou la page n’existe plus.
why-sign_in_again-title = Confirmez encore une fois que c’est vous
why-sign_in_again = Vous étiez absent un moment. Vos appareils ne sont montrés que juste après que vous avez prouvé qui vous êtes.
why-passkey_not_saved-title = L’enregistrement a échoué
why-passkey_not_saved = Votre appareil ou votre clé ne l’a pas gardé. Vérifiez que le verrouillage de l’écran ou le code de la clé est en place, puis réessayez.
why-passkey_model-title = Ce modèle n’est pas autorisé
why-passkey_model = Votre organisation n’accepte que certains modèles de clés de sécurité et d’appareils. Demandez lesquels à l’assistance, ou choisissez un autre moyen.
why-passkey_known-title = Cette clé est déjà en place
why-passkey_known = Vous pouvez l’utiliser telle quelle. En réserve, prenez-en une autre.
why-activation_mismatch-title = Ce n’était pas votre téléphone
why-activation_mismatch = Nous n’avons rien relié. Recommencez avec un nouveau code, et ne laissez personne d’autre le scanner.
why-stronger_factor_needed-title = Utilisez d’abord votre clé de sécurité ou votre passkey
why-stronger_factor_needed = Vous avez un moyen plus sûr que celui que vous venez d’utiliser. Reconnectez-vous avec lui : vous pourrez ensuite ajouter un appareil.
why-self_service_off-title = Demandez à l’assistance
why-self_service_off = Votre organisation n’a pas ouvert cette page. L’assistance s’occupe de vos appareils.

## Inscription
enroll-begin = Commencer maintenant
enroll-title = Préparez votre connexion
enroll-what = Désormais, { $account } demande aussi quelque chose que vous seul avez. Comment voulez-vous prouver que c’est vous ?
stages = Étapes
stage-first = Préparer
stage-backup = Réserve
stage-finish = Terminé
new-phone = Téléphone
new-phone-about = Approuver les connexions sur votre téléphone. Sans magasin d’applications.
new-platform = Cet appareil
new-platform-about = Empreinte, visage ou verrouillage de l’écran
new-security-key = Clé de sécurité
new-security-key-about = Une petite clé à brancher ou à approcher
new-passkey = Clé d’accès (passkey)
new-passkey-about = Sur votre téléphone, dans votre gestionnaire de mots de passe ou sur une clé de sécurité. Elle peut remplacer votre mot de passe.
new-platform-missing = Ce navigateur ne trouve ni lecteur d’empreinte, ni reconnaissance du visage, ni verrouillage qu’il puisse utiliser.
new-keys-need-script = Les clés de sécurité et les passkeys ont besoin de scripts, désactivés dans ce navigateur. Activez-les, ou choisissez un autre moyen.
new-number = Message ou appel
new-number-about = Des codes vers un numéro de téléphone. Moins sûr que le reste.
new-codes = Codes imprimés
new-codes-about = Dix codes sur papier, chacun pour une connexion
choose-another = Choisir un autre moyen
phone-title = Reliez votre téléphone
phone-scan = Ouvrez l’appareil photo de votre téléphone et visez ce code. Puis suivez votre téléphone.
phone-qr = Code pour l’appareil photo de votre téléphone. Si vous ne pouvez pas le scanner, prenez le lien ci-dessous.
phone-here = Ouvrez l’authentificateur sur ce téléphone. C’est une page web : rien à installer depuis un magasin.
phone-open = Ouvrir l’authentificateur
phone-other = Relier plutôt un autre téléphone
phone-waiting = En attente de votre téléphone
phone-cannot-scan = Vous ne pouvez pas scanner ?
phone-link = Ouvrez ce lien sur votre téléphone. Il sert une fois et seulement à vous : ne le donnez à personne.
compare-title = Est-ce votre téléphone ?
compare-what = { $device } vient d’être relié. Il doit afficher ce code :
compare-yes = Oui, c’est le même
compare-no = Non, il est différent

number-title = Quel numéro de téléphone ?
number-what = Nous envoyons un code à ce numéro pour vérifier qu’il est à vous. Un message peut être lu en chemin : ajoutez si possible un autre moyen.
number-label = Numéro de téléphone avec l’indicatif du pays
number-by-sms = M’envoyer un code
number-by-call = M’appeler avec un code
number-wrong = Ce numéro ne peut pas être joint d’ici. Commencez par + et l’indicatif du pays.
number-limit = Trop de messages ou d’appels pour l’instant. Attendez une demi-minute et réessayez.
number-code-over = Le code était faux trop souvent, ou trop ancien. Faites-en envoyer un nouveau.
number-code-title = Saisir le code
number-code-confirm = Confirmer
add-key-title = Ajouter une clé de sécurité
add-key-what = Branchez votre clé ou approchez-la de l’appareil, et touchez-la quand elle clignote.
add-platform-title = Utiliser cet appareil
add-platform-what = Votre appareil demande votre empreinte, votre visage ou son verrouillage. Cela reste sur l’appareil ; nous ne le voyons jamais.
add-passkey-title = Créer une clé d’accès
add-passkey-what = Votre navigateur demande où la garder : sur cet appareil, sur votre téléphone, dans votre gestionnaire de mots de passe ou sur une clé de sécurité.
add-key-cancelled = Cela n’a pas fonctionné ou a été annulé. Réessayez, ou choisissez un autre moyen.
device-name = Un nom pour le reconnaître
backup-title = Et si vous le perdez ?
backup-what = Ajoutez maintenant un second moyen, et vous ne resterez jamais à la porte.
later = Pas maintenant
codes-title = Vos codes de récupération
codes-what = Chaque code vous connecte une fois quand rien d’autre n’est à portée. Imprimez-les ou notez-les ; nous ne les montrons que maintenant.
codes-kept = Je les ai mis en lieu sûr
done-title = Tout est prêt
done-what = Vous pouvez fermer cette page. À la prochaine connexion, nous vous le demanderons là-bas.
done-devices = Retour à vos appareils

## Libre-service
portal-title = Vos appareils
tab-devices = Appareils
tab-logins = Connexions récentes
tab-browsers = Navigateurs mémorisés
tab-codes = Codes de récupération
leave = Quitter
kind-phone = Téléphone avec authentificateur
kind-security-key = Clé de sécurité
kind-platform = Empreinte, visage ou verrouillage de l’écran
kind-token = Jeton matériel
device-refused = Plus acceptée : il en existe peut-être une copie. Supprimez-la.
default = Demandé en premier
last-used = Dernière utilisation :
until = Jusqu’au
test = Tester
make-default = Demander en premier
rename = Renommer
new-name = Nouveau nom
save = Enregistrer
lost = Perdu
remove = Supprimer
add-device = Ajouter un appareil
no-devices = Vous n’avez pas encore d’appareil.
thin = C’est votre seul appareil. Ajoutez-en un autre, ou des codes de récupération, avant d’en avoir besoin.
remove-title = Supprimer { $device } ?
remove-what = Vous ne pourrez plus vous connecter avec.
remove-one-left = Il ne vous restera qu’un moyen de vous connecter. Ajoutez-en bientôt un autre.
remove-none-left = C’est votre dernier moyen de vous connecter. Sans lui, vous restez dehors jusqu’à ce que l’assistance vous ouvre.
remove-not-allowed = C’est votre dernier moyen de vous connecter ; il ne peut donc pas être supprimé. Ajoutez d’abord un autre appareil.
keep = Garder
lost-title = Avez-vous perdu { $device } ?
lost-what = Nous faisons tout cela d’un coup :
lost-removed = Il ne permet plus de se connecter.
lost-sessions = Toutes vos sessions se terminent, et les navigateurs mémorisés sont oubliés.
lost-told = Vous et vos administrateurs êtes prévenus.
lost-none-left = C’est votre dernier moyen de vous connecter. L’assistance devra vous ouvrir.
lost-yes = Oui, il est perdu
lost-no = Non, je l’ai
test-title = Demande d’essai
test-what = Nous avons envoyé une demande à { $device }, comme pour une connexion. Elle ne laisse entrer personne.
test-approve = Approuvez-la là-bas.
said-renamed = { $device } a son nouveau nom.
said-removed = { $device } a été supprimé.
said-lost = { $device } ne peut plus servir, et toutes les sessions sont terminées.
said-default = { $device } est désormais demandé en premier.
said-added = { $device } est prêt.
said-test-approved = { $device } fonctionne.
said-test-failed = { $device } n’a pas répondu. Ouvrez-y l’authentificateur et vérifiez qu’il est en ligne.
said-test-not-sent = Aucun test n’a été envoyé à { $device } : un autre est en cours, ou trop sont restés sans réponse. Attendez quelques minutes.
said-forgotten = Ce navigateur sera de nouveau interrogé.
said-all-forgotten = Tous les navigateurs seront de nouveau interrogés.
said-reported = Merci. Vos administrateurs sont prévenus.
logins-what = Les plus récentes d’abord. Dites-nous si l’une n’était pas de vous.
no-logins = Il n’y a pas encore eu de connexion.
refused = Refusée
reported = Signalée
not-me = Ce n’était pas moi
not-me-title = Ce n’était pas vous ?
not-me-what = Nous terminons toutes vos sessions, oublions les navigateurs mémorisés et prévenons vos administrateurs. Changez ensuite votre mot de passe : la personne le connaît peut-être.
not-me-yes = Signaler
not-me-no = C’était moi
browsers-what = Dans ces navigateurs, nous ne vous demandons pas à chaque connexion. Oubliez ceux que vous n’utilisez pas ou ne connaissez pas.
no-browsers = Aucun navigateur n’est mémorisé.
this-browser = Celui-ci
forget = Oublier
forget-all = Tout oublier
codes-about = Les codes imprimés vous laissent entrer quand vos appareils sont perdus ou en panne. Chacun sert une fois.
codes-left = { $count ->
    [0] Vous n’avez aucun code inutilisé.
    [one] Vous avez { $count } code inutilisé.
   *[other] Vous avez { $count } codes inutilisés.
}
codes-new = Créer de nouveaux codes
codes-replace = De nouveaux codes rendent les anciens inutilisables.
left-title = Vous êtes sorti
left-what = Vos appareils ne peuvent plus être modifiés depuis ce navigateur.
left-again = Revenir

## Derrière les liens qui ne sont pas pour un navigateur
setup-title = Préparez votre compte d’administrateur
setup-no-pages = Les pages pour administrateurs ne font pas encore partie de cette version ; votre mot de passe ne peut pas être défini ici.
setup-terminal = Une personne ayant accès au serveur le définit dans un terminal :
setup-meanwhile = En attendant, tout le reste se fait avec les autres commandes « countersign admin » et l’Admin API.
