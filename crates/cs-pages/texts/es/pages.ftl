language = Idioma
need-help = ¿Necesita ayuda?
reference = Referencia:
continue = Continuar
try-again = Intentar de nuevo
one-moment = Un momento
without-script = Los scripts están desactivados en este navegador. Aun así puede entrar con un código.
log-in-to = Entrar en { $application }
logging-in-to = Está entrando en { $application }.
other-options = Otras opciones
manage-devices = Gestionar dispositivos
push-title = Mire su teléfono
push-sent = Hemos enviado una solicitud a { $device }.
push-type-number = Escriba allí este número:
push-approve-there = Apruébela allí, si es usted.
push-slow = ¿Aún no hay nada en el teléfono? Abra allí el autenticador: recogerá la solicitud.
use-passcode = Usar un código en su lugar
passcode-title = Escriba su código
passcode-from-app = El código que muestra su autenticador
passcode-from-token = El código de su token físico
passcode-from-app-or-token = El código de su autenticador o token físico
passcode-from-help-desk = El código que le dio el servicio de asistencia
verify = Comprobar
tries-left = { $count ->
    [one] Queda { $count } intento.
   *[other] Quedan { $count } intentos.
}
key-title = Use su llave de seguridad
key-what = Conecte la llave o acérquela al teléfono, y luego tóquela.
platform-title = Confirme que es usted
platform-what = Con su huella, su cara o el bloqueo de pantalla.
key-use = Continuar
key-cancelled = No funcionó o se canceló. Inténtelo de nuevo o elija otra forma.
key-unsupported = Este navegador no puede usar llaves de seguridad aquí. Elija otra forma.
key-needs-script = Las llaves de seguridad necesitan scripts, desactivados en este navegador. Elija otra forma.
options-title = ¿Cómo quiere entrar?
method-push = Solicitud al teléfono
about-push = Aprobar en el teléfono
method-passcode = Código
about-passcode = Del autenticador o del token
method-security-key = Llave de seguridad
about-security-key = Tocar una llave conectada
method-platform = Este dispositivo
about-platform = Huella, cara o bloqueo de pantalla
method-bypass = Código de emergencia
about-bypass = Del servicio de asistencia
again-title = No funcionó
trust-title = ¿Es este su dispositivo?
trust-what = { $count ->
    [one] Si solo lo usa usted, no volveremos a preguntar en este navegador durante { $count } día.
   *[other] Si solo lo usa usted, no volveremos a preguntar en este navegador durante { $count } días.
}
trust-yes = Sí, es mi dispositivo
trust-no = No, lo usan otras personas
success-title = Ya está dentro
success-what = Le llevamos a { $application }.
setup-title = Prepare su cuenta de administrador
setup-no-pages = Esta versión aún no tiene páginas para administradores, así que su contraseña no se puede fijar aquí.
setup-terminal = Alguien con acceso al servidor la fija allí en un terminal:
setup-meanwhile = Hasta entonces, todo lo demás se puede hacer con los otros comandos «countersign admin» y la API de administración.
activate-title = Activar un autenticador
activate-code = La dirección de esta página lleva un código que convierte un dispositivo en su autenticador. Sirve una vez y por tiempo limitado.
activate-how = Copie la dirección completa, también lo que sigue a «#», y désela al autenticador del dispositivo:
activate-warning = ¿No lo ha pedido usted? Cierre la página y avise a su administrador. Nadie que le ayude necesita esta dirección.
activate-address = DIRECCIÓN
