language = Langue
need-help = Besoin d’aide ?
reference = Référence :
continue = Continuer
try-again = Réessayer
one-moment = Un instant
without-script = Les scripts sont désactivés dans ce navigateur. Vous pouvez tout de même vous connecter avec un code.
log-in-to = Connexion à { $application }
logging-in-to = Vous vous connectez à { $application }.
other-options = Autres possibilités
manage-devices = Gérer les appareils
push-title = Regardez votre téléphone
push-sent = Nous avons envoyé une demande à { $device }.
push-type-number = Saisissez-y ce nombre :
push-approve-there = Approuvez-la là-bas, si c’est bien vous.
push-slow = Rien sur le téléphone ? Ouvrez-y l’authentificateur : il ira chercher la demande.
use-passcode = Utiliser plutôt un code
passcode-title = Saisissez votre code
passcode-from-app = Le code affiché par votre authentificateur
passcode-from-token = Le code de votre jeton matériel
passcode-from-app-or-token = Le code de votre authentificateur ou jeton matériel
passcode-from-help-desk = Le code que l’assistance vous a donné
verify = Vérifier
tries-left = { $count ->
    [one] Encore { $count } essai.
   *[other] Encore { $count } essais.
}
key-title = Utilisez votre clé de sécurité
key-what = Branchez la clé ou approchez-la du téléphone, puis touchez-la.
platform-title = Confirmez que c’est vous
platform-what = Avec votre empreinte, votre visage ou le verrouillage de l’écran.
key-use = Continuer
key-cancelled = Cela n’a pas marché ou a été annulé. Réessayez, ou choisissez un autre moyen.
key-unsupported = Ce navigateur ne peut pas utiliser de clé de sécurité ici. Choisissez un autre moyen.
key-needs-script = Les clés de sécurité demandent des scripts, désactivés dans ce navigateur. Choisissez un autre moyen.
options-title = Comment voulez-vous vous connecter ?
method-push = Demande sur le téléphone
about-push = Approuver sur le téléphone
method-passcode = Code
about-passcode = De l’authentificateur ou du jeton
method-security-key = Clé de sécurité
about-security-key = Toucher une clé branchée
method-platform = Cet appareil
about-platform = Empreinte, visage ou verrouillage de l’écran
method-bypass = Code de secours
about-bypass = Donné par l’assistance
again-title = Cela n’a pas marché
trust-title = Est-ce votre appareil ?
trust-what = { $count ->
    [one] Si vous êtes seul à l’utiliser, nous ne demanderons plus rien dans ce navigateur pendant { $count } jour.
   *[other] Si vous êtes seul à l’utiliser, nous ne demanderons plus rien dans ce navigateur pendant { $count } jours.
}
trust-yes = Oui, c’est mon appareil
trust-no = Non, d’autres l’utilisent
success-title = Vous êtes connecté
success-what = Direction { $application }.
setup-title = Préparez votre compte d’administrateur
setup-no-pages = Cette version n’a pas encore de pages pour les administrateurs : votre mot de passe ne peut pas être défini ici.
setup-terminal = Une personne ayant accès au serveur le définit là-bas dans un terminal :
setup-meanwhile = Jusque-là, tout le reste peut se faire avec les autres commandes « countersign admin » et l’API d’administration.
activate-title = Activer un authentificateur
activate-code = L’adresse de cette page porte un code qui fait d’un appareil votre authentificateur. Il sert une seule fois, et pour un temps limité.
activate-how = Copiez l’adresse entière, y compris ce qui suit « # », et donnez-la à l’authentificateur de l’appareil :
activate-warning = Vous n’avez rien demandé ? Fermez la page et prévenez votre administrateur. Personne qui vous aide n’a besoin de cette adresse.
activate-address = ADRESSE
