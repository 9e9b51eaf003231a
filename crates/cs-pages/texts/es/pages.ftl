language = Idioma
need-help = ¿Necesita ayuda?
reference = Referencia:
reference-why = Con ella, su servicio de ayuda puede ver qué ha pasado.
continue = Continuar
back = Volver
back-to = Volver a { $application }
try-again = Intentar de nuevo
one-moment = Un momento
how-to-update = Cómo actualizar
copy = Copiar
copied = Copiado
print = Imprimir
recommended = Recomendado
over-in-minutes = { $count ->
    [one] Podrá intentarlo de nuevo en { $count } minuto.
   *[other] Podrá intentarlo de nuevo en { $count } minutos.
}
over-in-hours = { $count ->
    [one] Podrá intentarlo de nuevo en { $count } hora.
   *[other] Podrá intentarlo de nuevo en { $count } horas.
}

## Inicio de sesión
without-script = Los scripts están desactivados en este navegador. Aun así puede entrar con un código.
log-in-to = Entrar en { $application }
logging-in-to = Está entrando en
other-options = Otras opciones
manage-devices = Gestionar dispositivos
push-title = Mire su teléfono
push-sent = Hemos enviado una solicitud a { $device }.
push-type-number = Escriba allí este número
push-approve-there = Apruébela allí, si es usted.
push-waiting = Esperando su respuesta
push-seen = Su teléfono muestra la solicitud
push-offline = Sin conexión. Seguimos intentándolo.
push-slow = ¿Nada en su teléfono? Abra allí ahora el autenticador: recogerá la solicitud.
push-here = Aprobar en este teléfono
push-still-waiting = Su teléfono todavía muestra la solicitud. También puede responder allí.
time-left = Tiempo restante: { $time }
use-passcode = Usar un código en su lugar
call-title = Conteste al teléfono
call-what = Estamos llamando a { $device }. Siga las indicaciones de la voz.
call-waiting = Llamando
passcode-title = Escriba su código
bypass-title = Escriba su código de emergencia
passcode-from-app = El código que muestra su autenticador
passcode-from-token = El código de su token físico
passcode-from-app-or-token = El código de su autenticador o token físico
passcode-from-help-desk = El código que le dio el servicio de ayuda
passcode-sent = El código que enviamos a { $device }
send-again = Enviar un código nuevo
verify = Entrar
code-wrong = Este código es incorrecto o ya se usó. Tome uno nuevo.
code-wrong-token = Con un token físico, escriba los tres códigos siguientes que muestre, uno tras otro.
code-wrong-bypass = Un código de emergencia vale solo tantas veces y tanto tiempo como dijo el servicio de ayuda. Pida otro si el suyo está agotado.
code-not-sent = Acabamos de enviar un mensaje. Use el código que contiene, o espere medio minuto antes de pedir otro.
tries-left = { $count ->
    [one] Le queda { $count } intento.
   *[other] Le quedan { $count } intentos.
}
key-title = Use su llave de seguridad
key-what = Conecte la llave o acérquela al teléfono y tóquela.
platform-title = Confirme que es usted
platform-what = Con su huella, su cara o el bloqueo de pantalla.
key-use = Continuar
key-cancelled = No ha funcionado o se ha cancelado. Inténtelo de nuevo o elija otra forma.
key-unsupported = Este navegador no puede usar llaves de seguridad aquí. Elija otra forma.
key-needs-script = Las llaves de seguridad necesitan scripts, que están desactivados en este navegador. Elija otra forma.
passkey-title = Entrar con una llave de acceso
passkey-what = Elija la suya en el campo, donde su navegador la ofrece, o pulse el botón. No necesita contraseña.
passkey-user = Nombre de usuario
passkey-use = Usar una llave de acceso
passkey-cancelled = No ha funcionado o se ha cancelado. Inténtelo de nuevo.
passkey-refused = Esta llave de acceso no se aceptó aquí. Pruebe otra, o vuelva y entre con su contraseña.
passkey-unsupported = Este navegador no puede usar llaves de acceso aquí. Vuelva y entre con su contraseña.
passkey-needs-script = Las llaves de acceso necesitan scripts, que están desactivados en este navegador. Vuelva y entre con su contraseña.
options-title = ¿Cómo quiere entrar?
method-push = Solicitud en el teléfono
about-push = Aprobar en su teléfono
method-passcode = Código
about-passcode = De su autenticador o token
method-security-key = Llave de seguridad
about-security-key = Tocar una llave conectada
method-platform = Este dispositivo
about-platform = Huella, cara o bloqueo de pantalla
method-sms = SMS
about-sms = Un código en su teléfono
method-call = Llamada
about-call = Contestar y pulsar una tecla
method-bypass = Código de emergencia
about-bypass = Del servicio de ayuda
trust-title = ¿Es este su dispositivo?
trust-what = { $count ->
    [one] Si solo lo usa usted, no volveremos a preguntar en este navegador durante { $count } día.
   *[other] Si solo lo usa usted, no volveremos a preguntar en este navegador durante { $count } días.
}
trust-yes = Sí, es mi dispositivo
trust-no = No, lo usan otras personas
success-title = Ya está dentro
success-what = Le llevamos a { $application }.
frame-what = El inicio de sesión se abre en una ventana aparte. Después, esta página continúa sola.
frame-open = Entrar
frame-waiting = Esperando a que termine en la otra ventana
frame-blocked = Su navegador ha bloqueado la ventana. Permítala para esta página y vuelva a intentarlo.
frame-needs-script = Para entrar aquí se necesitan scripts, que están desactivados en este navegador. Actívelos y vuelva a abrir la página.
frame-close = Puede cerrar esta ventana y volver a { $application }.
outdated-title = { $software } no está al día
outdated-what = El software antiguo es la entrada más fácil para un atacante. Actualizarlo suele llevar unos minutos.
update-browser = Abra el menú del navegador, luego «Ayuda» o «Configuración» y «Acerca de»: el navegador busca la actualización él mismo. Después reinícielo.
update-store = Actualícelo en la tienda de aplicaciones de su teléfono.
update-system = Abra los ajustes del dispositivo y busque «Actualización de software» o «Windows Update».
outdated-days = { $count ->
    [one] Puede seguir así { $count } día más. Después no se admitirá.
   *[other] Puede seguir así { $count } días más. Después no se admitirá.
}
outdated-skip = Omitir por ahora

## Por qué no se puede seguir
why-agent_report_unverified-title = No pudimos verificar este dispositivo
why-agent_report_unverified = No pudo demostrar que es el que usted registró. Abra allí la aplicación de escritorio e inténtelo de nuevo.
why-anomalous_push-title = Demasiadas solicitudes sin respuesta
why-anomalous_push = Varias solicitudes a su teléfono quedaron sin respuesta, así que hacemos una pausa de diez minutos. Entre de otra forma. Si no eran suyas, cambie su contraseña y avise al servicio de ayuda.
why-telephony_limit-title = No se envían más mensajes por ahora
why-telephony_limit = Acaba de salir un mensaje o una llamada, o hoy ya han sido demasiados. Espere medio minuto e inténtelo de nuevo, o entre de otra forma. Si no los pidió usted, cambie su contraseña y avise al servicio de ayuda.
why-anonymous_ip-title = Su red oculta dónde está
why-anonymous_ip = Aquí no se permite entrar por servicios VPN, proxys públicos ni Tor. Desactívelo e inténtelo de nuevo.
why-cloned_credential-title = Esta llave ya no se acepta
why-cloned_credential = Puede que haya una copia, por eso se rechaza desde ahora. Entre de otra forma y avise al servicio de ayuda.
why-could_not_determine_if_endpoint_was_trusted-title = No reconocemos este dispositivo
why-could_not_determine_if_endpoint_was_trusted = Esta aplicación es para dispositivos que gestiona su organización, y de este no pudimos saber nada. Abra la aplicación de escritorio o use un dispositivo gestionado.
why-denied_by_policy-title = Cerrado por ahora
why-denied_by_policy = Nadie puede usar esta aplicación en este momento. Su responsable sabe cuándo volverá a abrir.
why-denied_network-title = No desde esta red
why-denied_network = No se permite entrar desde la red en la que está. Conéctese a la red o VPN de su organización e inténtelo de nuevo.
why-deny_unenrolled_user-title = Todavía no está inscrito
why-deny_unenrolled_user = Para entrar aquí necesita una segunda forma de demostrar que es usted. Pida un enlace de inscripción al servicio de ayuda.
why-desktop_agent_required-title = Hace falta la aplicación de escritorio
why-desktop_agent_required = Esta aplicación necesita la aplicación de escritorio en su equipo. Instálela o ábrala e inténtelo de nuevo. Si esto es una ventana de otro programa, abra la página en su navegador.
why-endpoint_is_not_in_management_system-title = Este dispositivo no está gestionado
why-endpoint_is_not_in_management_system = Esta aplicación es para dispositivos que gestiona su organización. Use uno de ellos o pida al servicio de ayuda que añada este.
why-endpoint_is_not_trusted-title = Este dispositivo no es de confianza
why-endpoint_is_not_trusted = Su organización conoce este dispositivo, pero ahora no confía en él. Use otro o pregunte al servicio de ayuda qué le falta.
why-error-title = Algo ha fallado por nuestra parte
why-error = No es culpa suya y no se ha perdido nada. Espere un momento e inténtelo de nuevo.
why-factor_restricted-title = No tiene forma de entrar aquí
why-factor_restricted = Esta aplicación pide un método más seguro que los que tiene. En «Gestionar dispositivos» puede añadir uno con un método que ya tenga; después vuelva a entrar. Si no le es posible, el servicio de ayuda puede ayudarle.
why-firewall_off-title = Su cortafuegos está apagado
why-firewall_off = Encienda el cortafuegos de este equipo en los ajustes de seguridad e inténtelo de nuevo.
why-invalid_credential-title = Su llave no se ha aceptado
why-invalid_credential = Puede que se haya quitado de su cuenta, o que la página haya esperado demasiado. Inténtelo de nuevo o elija otra forma de entrar.
why-invalid_device-title = Ese dispositivo no es suyo
why-invalid_device = Puede que se haya quitado entretanto. Elija otra forma de entrar.
why-invalid_passcode-title = Ese código no ha funcionado
why-invalid_passcode = Era incorrecto, demasiado antiguo o ya se usó. Tome uno nuevo. Con un token físico ayudan tres códigos nuevos seguidos.
why-location_restricted-title = No desde donde está
why-location_restricted = No se permite entrar desde este país, o no pudimos saber dónde está. Si viaja, pregunte al servicio de ayuda; si una VPN le sitúa en otro lugar, desactívela e inténtelo de nuevo.
why-locked_out-title = Su cuenta está bloqueada
why-locked_out = Hubo demasiados intentos fallidos. Si no eran suyos, cambie su contraseña y avise al servicio de ayuda.
why-login_expired-title = Esta página ha caducado
why-login_expired = Por su seguridad hay que terminar en pocos minutos. Vuelva a la aplicación y empiece de nuevo.
why-no_activated_duo_mobile_account-title = Necesita el autenticador
why-no_activated_duo_mobile_account = Esta aplicación solo acepta el autenticador en un teléfono, y usted aún no tiene ninguno. En «Gestionar dispositivos» puede añadirlo con un método que ya tenga; después vuelva a entrar. Si no le es posible, el servicio de ayuda puede ayudarle.
why-no_disk_encryption-title = Su dispositivo no está cifrado
why-no_disk_encryption = Active el cifrado en sus ajustes; en Android, también un PIN o contraseña al arrancar. Después abra otra vez el autenticador e inténtelo de nuevo.
why-no_response-title = Su teléfono no respondió a tiempo
why-no_response = ¿Está en línea y con notificaciones activas? Abra allí primero el autenticador e inténtelo de nuevo.
why-no_screen_lock-title = Su teléfono no tiene bloqueo de pantalla
why-no_screen_lock = Ponga un PIN, patrón, contraseña, huella o cara en los ajustes del teléfono e inténtelo de nuevo.
why-no_security_agent-title = Falta un programa de seguridad
why-no_security_agent = Su organización pide un programa de seguridad que no está funcionando en este equipo. Inícielo o instálelo e inténtelo de nuevo.
why-no_system_password-title = Su equipo no tiene contraseña
why-no_system_password = Ponga una contraseña a su cuenta en este equipo e inténtelo de nuevo.
why-number_not_shown-title = Su teléfono pide un número
why-number_not_shown = La solicitud llegó sin el número que pide su teléfono. Empiece de nuevo desde esta página.
why-out_of_date-title = Su software es demasiado antiguo
why-out_of_date = Su sistema o navegador es más antiguo de lo que permite esta aplicación. Actualícelo e inténtelo de nuevo.
why-platform_restricted-title = No con este sistema
why-platform_restricted = Esta aplicación no permite su sistema operativo. Use otro dispositivo.
why-push_in_progress-title = Otra solicitud está esperando
why-push_in_progress = Su teléfono ya muestra una solicitud. Respóndala primero o entre de otra forma.
why-rooted_device-title = Su teléfono no es seguro
why-rooted_device = Se le quitó la protección (root o jailbreak). Use otro teléfono o una llave de seguridad.
why-software_restricted-title = No con este navegador
why-software_restricted = Esta aplicación no permite su navegador. Ábrala en otro.
why-touch_id_disabled-title = La huella o la cara está desactivada
why-touch_id_disabled = Su autenticador debe pedirle la huella o la cara. Actívelo en sus ajustes e inténtelo de nuevo.
why-user_cancelled-title = Se canceló el inicio de sesión
why-user_cancelled = No ha pasado nada. Puede empezar de nuevo.
why-user_disabled-title = Su cuenta está desactivada
why-user_disabled = No se puede entrar con ella. El servicio de ayuda puede decirle por qué.
why-user_marked_fraud-title = Denunciado: no era usted
why-user_marked_fraud = Alguien respondió en su teléfono que este inicio de sesión no era suyo. Sus administradores están avisados. Si fue un error, llame al servicio de ayuda.
why-user_mistake-title = Rechazado en su teléfono
why-user_mistake = Se respondió «no» a la solicitud. Si quería decir «sí», inténtelo de nuevo.
why-user_not_in_permitted_group-title = No puede usar esta aplicación
why-user_not_in_permitted_group = Su cuenta está en orden, pero esta aplicación no está abierta para ella. Su responsable o el servicio de ayuda puede cambiarlo.
why-user_not_verified-title = Su llave debe comprobar que es usted
why-user_not_verified = Aquí no basta con tocarla. Ponga un PIN o una huella en su llave e inténtelo de nuevo, o elija otra forma de entrar.
why-user_pending_deletion-title = Su cuenta está desactivada
why-user_pending_deletion = No se puede entrar con ella. El servicio de ayuda puede decirle por qué.
why-version_restricted-title = Su autenticador es demasiado antiguo
why-version_restricted = Abra el autenticador en su teléfono con conexión: se actualiza solo. Después inténtelo de nuevo.
why-denied-title = Acceso denegado
why-denied = Su organización no permite este inicio de sesión. El servicio de ayuda puede decirle por qué.
why-enrollment_needed-title = Antes, una cosa
why-enrollment_needed = Para entrar aquí necesita una segunda forma de demostrar que es usted. Prepararla lleva más o menos un minuto.
why-link_expired-title = Este enlace ha caducado
why-link_expired = Los enlaces valen un tiempo limitado. Pida uno nuevo a quien lo envió o al servicio de ayuda.
why-link_used-title = Este enlace ya se usó
why-link_used = Cada enlace vale una vez. Si no fue usted, avise ahora al servicio de ayuda. Si necesita otro, pida uno nuevo.
why-link_unknown-title = Este enlace no funciona
why-link_unknown = Está incompleto, o uno más nuevo lo ha sustituido. Copie el enlace entero del último mensaje o pida uno nuevo.
why-out_of_step-title = Esta página ya no vale
why-out_of_step = El inicio de sesión siguió en otra pestaña, o usted volvió atrás. No se ha perdido nada: empiece de nuevo desde aquí.
why-no_cookies-title = Las cookies están desactivadas
why-no_cookies = Necesitamos una sola cookie para saber que todos los pasos vienen del mismo navegador. Permita las cookies en esta página e inténtelo de nuevo.
why-browser_unsupported-title = Este navegador no puede hacerlo
why-browser_unsupported = Es demasiado antiguo, es una ventana de otro programa o tiene los scripts desactivados. Abra la aplicación en un navegador actual o elija otra forma.
why-request_too_old-title = Esta solicitud es demasiado antigua
why-request_too_old = Vuelva a la aplicación y empiece de nuevo. Si esta página vuelve enseguida, el reloj del servidor de la aplicación está mal: dígaselo a quien la gestiona, con la referencia.
request-late-minutes = { $count ->
    [one] Caducó hace { $count } minuto.
   *[other] Caducó hace { $count } minutos.
}
request-late-hours = { $count ->
    [one] Caducó hace { $count } hora.
   *[other] Caducó hace { $count } horas.
}
why-application_clock-title = El reloj de la aplicación está mal
why-application_clock = Su solicitud viene del futuro y por eso no se puede aceptar. Empezar de nuevo no sirve hasta que quien la gestiona ponga en hora el servidor. Dígaselo, con la referencia.
request-early-minutes = { $count ->
    [one] Va { $count } minuto adelantado.
   *[other] Va { $count } minutos adelantado.
}
request-early-hours = { $count ->
    [one] Va { $count } hora adelantado.
   *[other] Va { $count } horas adelantado.
}
why-log_in_first-title = Entre primero en una aplicación
why-log_in_first = Sus dispositivos solo se muestran en un navegador en el que haya entrado en los últimos diez minutos. Entre en una de sus aplicaciones y después abra otra vez esta página.
why-too_many_requests-title = Un poco más despacio
why-too_many_requests = Llegaron demasiadas peticiones suyas a la vez. Espere un momento e inténtelo de nuevo.
why-not_found-title = Aquí no hay nada
why-not_found = La dirección está incompleta o la página ya no existe.
why-sign_in_again-title = Confirme otra vez que es usted
why-sign_in_again = Ha estado un rato ausente. Sus dispositivos solo se muestran justo después de demostrar quién es.
why-passkey_not_saved-title = No se pudo guardar
why-passkey_not_saved = Su dispositivo o llave no lo guardó. Compruebe que tiene bloqueo de pantalla o PIN e inténtelo de nuevo.
why-passkey_model-title = Este modelo no está permitido
why-passkey_model = Su organización solo acepta ciertos modelos de llaves de seguridad y dispositivos. Pregunte al servicio de ayuda cuáles, o elija otra forma.
why-passkey_known-title = Esta llave ya está preparada
why-passkey_known = Puede usarla tal como está. Como reserva, elija otra.
why-activation_mismatch-title = Ese no era su teléfono
why-activation_mismatch = No hemos conectado nada. Empiece con un código nuevo y no deje que nadie más lo escanee.
why-stronger_factor_needed-title = Use primero su llave de seguridad o su passkey
why-stronger_factor_needed = Tiene una forma de entrar más segura que la que acaba de usar. Entre otra vez con ella y podrá añadir un dispositivo.
why-self_service_off-title = Pregunte al servicio de ayuda
why-self_service_off = Su organización no ha abierto esta página. El servicio de ayuda se ocupa de sus dispositivos.

## Inscripción
enroll-begin = Prepararlo ahora
enroll-title = Prepare su acceso
enroll-what = Desde ahora, { $account } pide también algo que solo usted tiene. ¿Cómo quiere demostrar que es usted?
stages = Pasos
stage-first = Preparar
stage-backup = Reserva
stage-finish = Listo
new-phone = Teléfono
new-phone-about = Aprobar en su teléfono. Sin tienda de aplicaciones.
new-platform = Este dispositivo
new-platform-about = Huella, cara o bloqueo de pantalla
new-security-key = Llave de seguridad
new-security-key-about = Una llave pequeña que se conecta o se acerca
new-passkey = Llave de acceso (passkey)
new-passkey-about = En su teléfono, en su gestor de contraseñas o en una llave de seguridad. Puede sustituir a su contraseña.
new-platform-missing = Este navegador no encuentra lector de huellas, reconocimiento facial ni bloqueo de pantalla que pueda usar.
new-keys-need-script = Las llaves de seguridad y las passkeys necesitan scripts, que están desactivados en este navegador. Actívelos o elija otra forma.
new-number = Mensaje o llamada
new-number-about = Códigos a un número de teléfono. Menos seguro que lo demás.
new-codes = Códigos impresos
new-codes-about = Diez códigos en papel, cada uno para entrar una vez
choose-another = Elegir otra forma
phone-title = Conecte su teléfono
phone-scan = Abra la cámara de su teléfono y apunte a este código. Después siga lo que diga el teléfono.
phone-qr = Código para la cámara de su teléfono. Si no puede escanearlo, use el enlace de abajo.
phone-here = Abra el autenticador en este teléfono. Es una página web: no hay que instalar nada de una tienda.
phone-open = Abrir el autenticador
phone-other = Conectar otro teléfono
phone-waiting = Esperando a su teléfono
phone-cannot-scan = ¿No puede escanearlo?
phone-link = Abra este enlace en su teléfono. Vale una vez y solo para usted: no se lo dé a nadie.
compare-title = ¿Es este su teléfono?
compare-what = { $device } acaba de conectarse. Debe mostrar este código:
compare-yes = Sí, es el mismo
compare-no = No, es distinto

number-title = ¿Qué número de teléfono?
number-what = Enviamos un código al número para comprobar que es suyo. Otros pueden leer un mensaje por el camino: si puede, añada también otra forma.
number-label = Número de teléfono con prefijo de país
number-by-sms = Enviarme un código
number-by-call = Llamarme con un código
number-wrong = A ese número no se puede llegar desde aquí. Empiece por + y el prefijo del país.
number-limit = Demasiados mensajes o llamadas por ahora. Espere medio minuto e inténtelo de nuevo.
number-code-over = El código fue erróneo demasiadas veces o es demasiado antiguo. Pida otro.
number-code-title = Introducir el código
number-code-confirm = Confirmar
add-key-title = Añadir una llave de seguridad
add-key-what = Conecte la llave o acérquela al dispositivo y tóquela cuando parpadee.
add-platform-title = Usar este dispositivo
add-platform-what = Su dispositivo le pide la huella, la cara o su bloqueo. Eso se queda en el dispositivo; nosotros nunca lo vemos.
add-passkey-title = Crear una llave de acceso
add-passkey-what = Su navegador pregunta dónde guardarla: en este dispositivo, en su teléfono, en su gestor de contraseñas o en una llave de seguridad.
add-key-cancelled = No ha funcionado o se ha cancelado. Inténtelo de nuevo o elija otra forma.
device-name = Un nombre para reconocerlo
backup-title = ¿Y si lo pierde?
backup-what = Añada ahora una segunda forma y nunca se quedará fuera.
later = Ahora no
codes-title = Sus códigos de recuperación
codes-what = Cada código le deja entrar una vez cuando no tiene otra cosa a mano. Imprímalos o anótelos; solo se muestran ahora.
codes-kept = Los he guardado en un lugar seguro
done-title = Todo listo
done-what = Puede cerrar esta página. La próxima vez que entre, le preguntaremos allí.
done-devices = Volver a sus dispositivos

## Autoservicio
portal-title = Sus dispositivos
tab-devices = Dispositivos
tab-logins = Accesos recientes
tab-browsers = Navegadores recordados
tab-codes = Códigos de recuperación
leave = Salir
kind-phone = Teléfono con autenticador
kind-security-key = Llave de seguridad
kind-platform = Huella, cara o bloqueo de pantalla
kind-token = Token físico
device-refused = Ya no se acepta: puede que haya una copia. Quítela.
default = Se pregunta primero
last-used = Último uso:
until = Hasta
test = Probar
make-default = Preguntar primero
rename = Cambiar nombre
new-name = Nombre nuevo
save = Guardar
lost = Perdido
remove = Quitar
add-device = Añadir un dispositivo
no-devices = Aún no tiene ningún dispositivo.
thin = Este es su único dispositivo. Añada otro, o códigos de recuperación, antes de necesitarlos.
remove-title = ¿Quitar { $device }?
remove-what = Ya no podrá entrar con él.
remove-one-left = Le quedará una sola forma de entrar. Añada pronto otra.
remove-none-left = Es su última forma de entrar. Sin ella se queda fuera hasta que el servicio de ayuda le abra.
remove-not-allowed = Es su última forma de entrar y por eso no se puede quitar. Añada antes otro dispositivo.
keep = Conservarlo
lost-title = ¿Ha perdido { $device }?
lost-what = Hacemos todo esto de una vez:
lost-removed = Ya no se puede entrar con él.
lost-sessions = Terminan todas sus sesiones y se olvidan los navegadores recordados.
lost-told = Se le avisa a usted y a sus administradores.
lost-none-left = Es su última forma de entrar. El servicio de ayuda tendrá que abrirle.
lost-yes = Sí, se ha perdido
lost-no = No, lo tengo
test-title = Solicitud de prueba
test-what = Hemos enviado una solicitud a { $device }, como al entrar. No deja entrar a nadie.
test-approve = Apruébela allí.
said-renamed = { $device } ya tiene su nombre nuevo.
said-removed = { $device } se ha quitado.
said-lost = { $device } ya no se puede usar y todas las sesiones han terminado.
said-default = { $device } se preguntará primero desde ahora.
said-added = { $device } está listo.
said-test-approved = { $device } funciona.
said-test-failed = { $device } no respondió. Abra allí el autenticador y compruebe que está en línea.
said-test-not-sent = No se ha enviado ninguna prueba a { $device }: hay otra en curso o demasiadas quedaron sin respuesta. Espere unos minutos.
said-forgotten = A este navegador se le volverá a preguntar.
said-all-forgotten = A todos los navegadores se les volverá a preguntar.
said-reported = Gracias. Sus administradores están avisados.
logins-what = Primero los más recientes. Díganos si alguno no era suyo.
no-logins = Todavía no ha habido accesos.
refused = Rechazado
reported = Denunciado
not-me = No fui yo
not-me-title = ¿No fue usted?
not-me-what = Terminamos todas sus sesiones, olvidamos los navegadores recordados y avisamos a sus administradores. Después cambie su contraseña: quien fuera puede conocerla.
not-me-yes = Denunciarlo
not-me-no = Fui yo
browsers-what = En estos navegadores no le preguntamos cada vez. Olvide los que no use o no conozca.
no-browsers = No hay ningún navegador recordado.
this-browser = Este
forget = Olvidar
forget-all = Olvidar todos
codes-about = Los códigos impresos le dejan entrar cuando sus dispositivos se pierden o se rompen. Cada uno vale una vez.
codes-left = { $count ->
    [0] No tiene códigos sin usar.
    [one] Tiene { $count } código sin usar.
   *[other] Tiene { $count } códigos sin usar.
}
codes-new = Crear códigos nuevos
codes-replace = Los códigos nuevos anulan los anteriores.
left-title = Ha salido
left-what = Desde este navegador ya no se pueden cambiar sus dispositivos.
left-again = Entrar otra vez

## Detrás de enlaces que no son para navegadores
setup-title = Prepare su cuenta de administrador
setup-no-pages = Las páginas para administradores aún no forman parte de esta versión, así que aquí no se puede poner su contraseña.
setup-terminal = Alguien con acceso al servidor la pone allí en una terminal:
setup-meanwhile = Hasta entonces, todo lo demás se hace con los otros comandos «countersign admin» y la Admin API.
