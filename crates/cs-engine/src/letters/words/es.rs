//! Spanish.

use super::Words;

pub(super) static WORDS: Words = Words {
    administrator_subject: "Su cuenta de administración en {organisation}",
    administrator_what: "Usted va a administrar la autenticación de dos factores de {organisation}.",
    administrator_how: "Configure aquí su cuenta de administración:",
    administrator_link: "Configurar la cuenta",
    enroll_subject: "Configure la autenticación de dos factores de {organisation}",
    enroll_what: "{organisation} protege su cuenta {username} con un segundo factor.",
    enroll_how: "Configúrelo en esta página; tarda un minuto más o menos. Tenga su teléfono a mano.",
    enroll_link: "Configurar la autenticación de dos factores",
    phone_how: "Abra este enlace en su teléfono para configurarlo:",
    phone_link: "Configurar este teléfono",
    until: "El enlace sirve hasta el {time}.",
    not_expected: "El enlace sirve una sola vez y es solo para usted: no lo pase a nadie. Si no esperaba este mensaje, avise a su administrador.",
    test_subject: "Mensaje de prueba de {organisation}",
    test_what: "El correo de este servidor llega. No hay nada que hacer.",
    of: "{what} ({organisation})",
    when: "Fue el {time}.",
    from: "La petición vino de {address}.",
    not_you: "Si fue usted, no hay nada que hacer. Si no, avise enseguida a su administrador.",
    device_added: ["Se ha añadido un dispositivo", "Se ha añadido un dispositivo a su cuenta {username}: {device}."],
    device_renamed: [
        "Se ha cambiado el nombre de un dispositivo",
        "Un dispositivo de su cuenta {username} se llama ahora {device}.",
    ],
    device_first: [
        "Se pregunta primero a otro dispositivo",
        "Cuando entre en su cuenta {username}, se preguntará primero a {device}.",
    ],
    device_removed: ["Se ha quitado un dispositivo", "Se ha quitado un dispositivo de su cuenta {username}: {device}."],
    device_lost: [
        "Se ha quitado un dispositivo perdido",
        "{device} se ha dado por perdido y se ha quitado de su cuenta {username}. Los navegadores recordados tienen que volver a mostrar un segundo factor.",
    ],
    key_added: [
        "Se ha añadido una llave de seguridad o una clave de acceso",
        "Se ha añadido una llave de seguridad o una clave de acceso a su cuenta {username}: {device}.",
    ],
    key_removed: [
        "Se ha quitado una llave de seguridad o una clave de acceso",
        "Se ha quitado una llave de seguridad o una clave de acceso de su cuenta {username}: {device}.",
    ],
    browser_forgotten: [
        "Se ha olvidado un navegador",
        "Un navegador recordado para su cuenta {username} tiene que volver a mostrar un segundo factor.",
    ],
    browsers_forgotten: [
        "Se han olvidado todos los navegadores",
        "Todos los navegadores recordados para su cuenta {username} tienen que volver a mostrar un segundo factor.",
    ],
    recovery_codes: [
        "Nuevos códigos de recuperación",
        "Se han creado nuevos códigos de recuperación para su cuenta {username}. Los anteriores ya no sirven.",
    ],
    bypass_codes: [
        "Nuevos códigos de emergencia",
        "Un administrador ha creado códigos de emergencia para su cuenta {username}.",
    ],
    login_reported: [
        "Se ha denunciado un inicio de sesión",
        "Se ha denunciado como ajeno un inicio de sesión en su cuenta {username}. Los administradores ya lo saben.",
    ],
    moved: [
        "Su autenticador está en un dispositivo nuevo",
        "El autenticador de su cuenta {username} está ahora en {device}. Donde estaba antes ya no sirve.",
    ],
    move_undone: [
        "Se ha denunciado y quitado un dispositivo nuevo",
        "Alguien ha denunciado que no fue quien llevó su cuenta {username} a {device}. El cambio se ha deshecho y los administradores ya lo saben.",
    ],
};
