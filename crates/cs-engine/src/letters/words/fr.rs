//! French.

use super::Words;

pub(super) static WORDS: Words = Words {
    administrator_subject: "Votre compte d’administration chez {organisation}",
    administrator_what: "Vous allez administrer l’authentification à deux facteurs de {organisation}.",
    administrator_how: "Configurez ici votre compte d’administration :",
    administrator_link: "Configurer le compte",
    enroll_subject: "Configurer l’authentification à deux facteurs pour {organisation}",
    enroll_what: "{organisation} protège votre compte {username} par un second facteur.",
    enroll_how: "Configurez-le sur cette page ; cela prend environ une minute. Gardez votre téléphone à portée de main.",
    enroll_link: "Configurer l’authentification à deux facteurs",
    phone_how: "Ouvrez ce lien sur votre téléphone pour le configurer :",
    phone_link: "Configurer ce téléphone",
    until: "Le lien est valable jusqu’au {time}.",
    not_expected: "Le lien ne sert qu’une fois et n’est destiné qu’à vous : ne le transmettez pas. Si vous n’attendiez pas ce message, prévenez votre administrateur.",
    test_subject: "Message d’essai de {organisation}",
    test_what: "Les messages de ce serveur arrivent. Vous n’avez rien à faire.",
    of: "{what} ({organisation})",
    when: "C’était le {time}.",
    from: "La demande venait de {address}.",
    not_you: "Si c’était vous, vous n’avez rien à faire. Sinon, prévenez tout de suite votre administrateur.",
    device_added: ["Un appareil a été ajouté", "Un appareil a été ajouté à votre compte {username} : {device}."],
    device_renamed: [
        "Un appareil a été renommé",
        "Un appareil de votre compte {username} s’appelle désormais {device}.",
    ],
    device_first: [
        "Un autre appareil est sollicité en premier",
        "Quand vous vous connectez à votre compte {username}, {device} est désormais sollicité en premier.",
    ],
    device_removed: ["Un appareil a été retiré", "Un appareil a été retiré de votre compte {username} : {device}."],
    device_lost: [
        "Un appareil perdu a été retiré",
        "{device} a été déclaré perdu et retiré de votre compte {username}. Les navigateurs mémorisés doivent de nouveau présenter un second facteur.",
    ],
    key_added: [
        "Une clé de sécurité ou une clé d’accès a été ajoutée",
        "Une clé de sécurité ou une clé d’accès a été ajoutée à votre compte {username} : {device}.",
    ],
    key_removed: [
        "Une clé de sécurité ou une clé d’accès a été retirée",
        "Une clé de sécurité ou une clé d’accès a été retirée de votre compte {username} : {device}.",
    ],
    browser_forgotten: [
        "Un navigateur a été oublié",
        "Un navigateur mémorisé pour votre compte {username} doit de nouveau présenter un second facteur.",
    ],
    browsers_forgotten: [
        "Tous les navigateurs ont été oubliés",
        "Tous les navigateurs mémorisés pour votre compte {username} doivent de nouveau présenter un second facteur.",
    ],
    recovery_codes: [
        "Nouveaux codes de récupération",
        "De nouveaux codes de récupération ont été créés pour votre compte {username}. Les précédents ne sont plus valables.",
    ],
    bypass_codes: [
        "Nouveaux codes de secours",
        "Un administrateur a créé des codes de secours pour votre compte {username}.",
    ],
    login_reported: [
        "Une connexion a été signalée",
        "Une connexion à votre compte {username} a été signalée comme n’étant pas la vôtre. Les administrateurs sont prévenus.",
    ],
    moved: [
        "Votre authentificateur est sur un nouvel appareil",
        "L’authentificateur de votre compte {username} est désormais sur {device}. Il ne fonctionne plus là où il était.",
    ],
    move_undone: [
        "Un nouvel appareil a été signalé et retiré",
        "Quelqu’un a signalé que le passage de votre compte {username} sur {device} n’était pas de son fait. Il a été annulé, et les administrateurs sont prévenus.",
    ],
};
