# Every text of the pages. Say what happened and what to do next, in plain words; the same ids in every language.
language = Language
need-help = Need help?
reference = Reference:
reference-why = Your help desk can look up what happened with it.
continue = Continue
back = Back
back-to = Back to { $application }
try-again = Try again
one-moment = One moment
how-to-update = See how to update
copy = Copy
copied = Copied
print = Print
recommended = Recommended
over-in-minutes = { $count ->
    [one] You can try again in { $count } minute.
   *[other] You can try again in { $count } minutes.
}
over-in-hours = { $count ->
    [one] You can try again in { $count } hour.
   *[other] You can try again in { $count } hours.
}

## A login
without-script = Scripts are off in this browser. You can still log in with a passcode.
log-in-to = Log in to { $application }
logging-in-to = You are logging in to
other-options = Other options
manage-devices = Manage devices
push-title = Check your phone
push-sent = We sent a login request to { $device }.
push-type-number = Type this number there
push-approve-there = Approve it there, if it is you.
push-waiting = Waiting for your answer
push-seen = Your phone shows the request
push-offline = No connection. We keep trying.
push-slow = Nothing on your phone? Open the authenticator there now: it fetches the request.
push-here = Approve on this phone
push-still-waiting = Your phone still shows the request. You can answer it there instead.
time-left = Time left: { $time }
use-passcode = Use a passcode instead
call-title = Answer your phone
call-what = We are calling { $device }. Do what the voice says.
call-waiting = Calling
passcode-title = Enter your passcode
bypass-title = Enter your bypass code
passcode-from-app = The code that your authenticator shows
passcode-from-token = The code from your hardware token
passcode-from-app-or-token = The code from your authenticator or hardware token
passcode-from-help-desk = The code that your help desk gave you
passcode-sent = The code that we sent to { $device }
send-again = Send a new code
verify = Log in
code-wrong = This code is wrong or was used before. Take a new one.
code-wrong-token = With a hardware token, enter the next three codes that it shows, one after the other.
code-wrong-bypass = A bypass code is good only as often and as long as your help desk has said. Ask for another one if yours is used up.
code-not-sent = A message went out just now. Use the code in it, or wait half a minute before you ask for another one.
tries-left = { $count ->
    [one] You have { $count } more try.
   *[other] You have { $count } more tries.
}
key-title = Use your security key
key-what = Plug in your key or hold it to your phone, then touch it.
platform-title = Confirm that it is you
platform-what = Use your fingerprint, your face or your screen lock.
key-use = Continue
key-cancelled = That did not work or was cancelled. Try again, or choose another way.
key-unsupported = This browser cannot use security keys here. Choose another way.
key-needs-script = Security keys need scripts, which are off in this browser. Choose another way.
passkey-title = Log in with a passkey
passkey-what = Choose yours in the field, where your browser offers it, or press the button. You need no password.
passkey-user = User name
passkey-use = Use a passkey
passkey-cancelled = That did not work or was cancelled. Try again.
passkey-refused = This passkey was not accepted here. Try another one, or go back and log in with your password.
passkey-unsupported = This browser cannot use passkeys here. Go back and log in with your password.
passkey-needs-script = Passkeys need scripts, which are off in this browser. Go back and log in with your password.
options-title = How do you want to log in?
method-push = Login request
about-push = Approve on your phone
method-passcode = Passcode
about-passcode = From your authenticator or token
method-security-key = Security key
about-security-key = Touch a key that you plug in
method-platform = This device
about-platform = Fingerprint, face or screen lock
method-sms = Text message
about-sms = A code to your phone
method-call = Phone call
about-call = Answer and press a key
method-bypass = Bypass code
about-bypass = From your help desk
trust-title = Is this your device?
trust-what = { $count ->
    [one] If only you use it, we will not ask again in this browser for { $count } day.
   *[other] If only you use it, we will not ask again in this browser for { $count } days.
}
trust-yes = Yes, this is my device
trust-no = No, other people use it
success-title = You are in
success-what = Taking you to { $application }.
frame-what = The login opens in a window of its own. Afterwards this page goes on by itself.
frame-open = Log in
frame-waiting = Waiting for you to finish in the other window
frame-blocked = Your browser has blocked the window. Allow it for this page, then try again.
frame-needs-script = Logging in here needs scripts, which are off in this browser. Turn them on, then open the page again.
frame-close = You can close this window and go back to { $application }.
outdated-title = { $software } is out of date
outdated-what = Old software is the easiest way in for attackers. Updating usually takes a few minutes.
update-browser = Open the browser’s menu, then “Help” or “Settings”, and there “About”: the browser looks for the update itself. Then restart it.
update-store = Update it in the app store of your phone.
update-system = Open the settings of the device and look there for “Software update” or “Windows Update”.
outdated-days = { $count ->
    [one] You can go on as it is for { $count } more day. After that it will not be let in.
   *[other] You can go on as it is for { $count } more days. After that it will not be let in.
}
outdated-skip = Skip for now

## Why somebody cannot go on
why-agent_report_unverified-title = We could not verify this device
why-agent_report_unverified = It could not prove that it is the one you registered. Open the desktop app there, then try again.
why-anomalous_push-title = Too many unanswered requests
why-anomalous_push = Several login requests to your phone went unanswered, so we pause them for ten minutes. Use another way to log in. If the requests were not yours, change your password and tell your help desk.
why-telephony_limit-title = No more messages for now
why-telephony_limit = A message or call went out just now, or there have been too many today. Wait half a minute and try again, or use another way to log in. If you did not ask for them, change your password and tell your help desk.
why-anonymous_ip-title = Your network hides where you are
why-anonymous_ip = Logins through VPN services, public proxies or Tor are not allowed here. Turn it off, then try again.
why-cloned_credential-title = This key is no longer accepted
why-cloned_credential = There may be a copy of it, so it is refused from now on. Log in another way, and tell your help desk.
why-could_not_determine_if_endpoint_was_trusted-title = We do not recognise this device
why-could_not_determine_if_endpoint_was_trusted = This application is for devices that your organisation manages, and we could learn nothing about this one. Open the desktop app, or use a managed device.
why-denied_by_policy-title = Closed at the moment
why-denied_by_policy = Nobody can use this application now. Its owner can tell you when it opens again.
why-denied_network-title = Not from this network
why-denied_network = Logins from the network you are on are not allowed. Connect to your organisation’s network or VPN, then try again.
why-deny_unenrolled_user-title = You are not enrolled yet
why-deny_unenrolled_user = Before you can log in here, you need a second way to prove that it is you. Ask your help desk for an enrollment link.
why-desktop_agent_required-title = The desktop app is needed
why-desktop_agent_required = This application needs the desktop app on your computer. Install or open it, then try again. In a window inside another program, open this page in your browser.
why-endpoint_is_not_in_management_system-title = This device is not managed
why-endpoint_is_not_in_management_system = This application is for devices that your organisation manages. Use such a device, or ask your help desk to add this one.
why-endpoint_is_not_trusted-title = This device is not trusted
why-endpoint_is_not_trusted = Your organisation knows this device but does not trust it at the moment. Use another one, or ask your help desk what it needs.
why-error-title = Something went wrong on our side
why-error = It is not your fault, and nothing was lost. Wait a moment, then try again.
why-factor_restricted-title = You have no way to log in here
why-factor_restricted = This application asks for a safer method than those you have set up. Under “Manage devices” you can add one, with a method that you have; then log in again. If that is not open to you, your help desk can help.
why-firewall_off-title = Your firewall is off
why-firewall_off = Turn on the firewall of this computer in its security settings, then try again.
why-invalid_credential-title = Your key was not accepted
why-invalid_credential = It may have been removed from your account, or the page waited too long. Try again, or choose another way.
why-invalid_device-title = That device is not one of yours
why-invalid_device = It may have been removed meanwhile. Choose another way to log in.
why-invalid_passcode-title = That code did not work
why-invalid_passcode = It was wrong, too old or used before. Take a new one and try again. With a hardware token, three fresh codes in a row help.
why-location_restricted-title = Not from where you are
why-location_restricted = Logins from this country are not allowed, or we could not tell where you are. If you are travelling, ask your help desk; if a VPN moves you elsewhere, turn it off and try again.
why-locked_out-title = Your account is locked
why-locked_out = There were too many failed attempts. If they were not yours, change your password and tell your help desk.
why-login_expired-title = This page has timed out
why-login_expired = For your safety a login must be finished within a few minutes. Go back to the application and start again.
why-no_activated_duo_mobile_account-title = You need the authenticator
why-no_activated_duo_mobile_account = This application accepts only the authenticator on a phone, and you have not set one up yet. Under “Manage devices” you can add it, with a method that you have; then log in again. If that is not open to you, your help desk can help.
why-no_disk_encryption-title = Your device is not encrypted
why-no_disk_encryption = Turn on encryption in its settings. On Android, also set a PIN or password to be asked for at start-up. Then open the authenticator again and try once more.
why-no_response-title = Your phone did not answer in time
why-no_response = Is it online, with notifications on? Open the authenticator there first, then try again.
why-no_screen_lock-title = Your phone has no screen lock
why-no_screen_lock = Set a PIN, pattern, password, fingerprint or face in the phone’s settings, then try again.
why-no_security_agent-title = A security program is missing
why-no_security_agent = Your organisation asks for a security program that is not running on this computer. Start or install it, then try again.
why-no_system_password-title = Your computer has no password
why-no_system_password = Set a password for your account on this computer, then try again.
why-number_not_shown-title = Your phone asks for a number
why-number_not_shown = The request came without the number that your phone asks for. Start it again from this page.
why-out_of_date-title = Your software is too old
why-out_of_date = Your operating system or browser is older than this application allows. Update it, then try again.
why-platform_restricted-title = Not from this operating system
why-platform_restricted = This application does not allow the operating system you are using. Use another device.
why-push_in_progress-title = Another request is waiting
why-push_in_progress = Your phone already shows a login request. Answer it first, or use another way to log in.
why-rooted_device-title = Your phone is not safe to use
why-rooted_device = Its protection has been removed (rooted or jailbroken). Use another phone or a security key.
why-software_restricted-title = Not with this browser
why-software_restricted = This application does not allow the browser you are using. Open it in another one.
why-touch_id_disabled-title = Fingerprint or face is off
why-touch_id_disabled = Your authenticator must ask for your fingerprint or face. Turn that on in its settings, then try again.
why-user_cancelled-title = The login was cancelled
why-user_cancelled = Nothing has happened. You can start again.
why-user_disabled-title = Your account is disabled
why-user_disabled = It cannot be used to log in. Your help desk can tell you why.
why-user_marked_fraud-title = Reported as not you
why-user_marked_fraud = Somebody answered on your phone that this login was not yours. Your administrators have been told. If that was a mistake, call your help desk.
why-user_mistake-title = Denied on your phone
why-user_mistake = The request was answered with “no”. If you meant “yes”, try again.
why-user_not_in_permitted_group-title = You may not use this application
why-user_not_in_permitted_group = Your account is fine, but this application is not open to it. Its owner or your help desk can change that.
why-user_not_verified-title = Your key must check that it is you
why-user_not_verified = Here a touch alone is not enough. Set a PIN or a finger on your key, then try again, or choose another way.
why-user_pending_deletion-title = Your account is disabled
why-user_pending_deletion = It cannot be used to log in. Your help desk can tell you why.
why-version_restricted-title = Your authenticator is too old
why-version_restricted = Open the authenticator on your phone while it is online: it updates itself. Then try again.
why-denied-title = Access denied
why-denied = Your organisation does not allow this login. Your help desk can tell you why.
why-enrollment_needed-title = One thing first
why-enrollment_needed = To log in here you need a second way to prove that it is you. Setting it up takes about a minute.
why-link_expired-title = This link has expired
why-link_expired = Links work for a limited time only. Ask whoever sent it, or your help desk, for a new one.
why-link_used-title = This link has been used
why-link_used = Each link works once. If that was not you, tell your help desk now. If you need another, ask for a new one.
why-link_unknown-title = This link does not work
why-link_unknown = It is incomplete, or a newer one has replaced it. Copy the whole link from the newest message, or ask for a new one.
why-out_of_step-title = This page is out of date
why-out_of_step = The login went on in another tab, or you went back. Nothing has been lost: start again from here.
why-no_cookies-title = Cookies are off
why-no_cookies = We need one cookie, to know that all steps of a login come from the same browser. Allow cookies for this page, then try again.
why-browser_unsupported-title = This browser cannot do that
why-browser_unsupported = It is too old, a window inside another program, or has scripts switched off. Open the application in a current browser, or choose another way.
why-request_too_old-title = This request is too old
why-request_too_old = Go back to the application and start again. If this page comes back at once, the clock of the application’s server is wrong: tell whoever runs it, with the reference.
request-late-minutes = { $count ->
    [one] It ended { $count } minute ago.
   *[other] It ended { $count } minutes ago.
}
request-late-hours = { $count ->
    [one] It ended { $count } hour ago.
   *[other] It ended { $count } hours ago.
}
why-application_clock-title = The application’s clock is wrong
why-application_clock = Its request comes from the future, so it cannot be accepted. Starting again does not help before whoever runs the application has set its server’s clock. Tell them, with the reference.
request-early-minutes = { $count ->
    [one] It is { $count } minute fast.
   *[other] It is { $count } minutes fast.
}
request-early-hours = { $count ->
    [one] It is { $count } hour fast.
   *[other] It is { $count } hours fast.
}
why-log_in_first-title = First log in to an application
why-log_in_first = Your devices are shown only in a browser in which you have logged in during the last ten minutes. Log in to one of your applications, then open this page again.
why-too_many_requests-title = A little slower, please
why-too_many_requests = Too many requests came from you at once. Wait a moment, then try again.
why-not_found-title = There is nothing here
why-not_found = The address is incomplete, or the page is gone.
why-sign_in_again-title = Please confirm again that it is you
why-sign_in_again = You were away for a while. Your devices are shown only right after you have proved who you are.
why-passkey_not_saved-title = It could not be saved
why-passkey_not_saved = Your device or key did not store it. Check that its screen lock or PIN is set up, then try again.
why-passkey_model-title = This model is not allowed
why-passkey_model = Your organisation accepts only certain models of security keys and devices. Ask your help desk which, or choose another way.
why-passkey_known-title = This key is set up already
why-passkey_known = You can use it as it is. For a backup, choose another one.
why-activation_mismatch-title = That was not your phone
why-activation_mismatch = We have connected nothing. Start again with a new code, and let nobody else scan it.
why-stronger_factor_needed-title = Use your security key or passkey first
why-stronger_factor_needed = You have a safer way to log in than the one you have just used. Log in again with it: then you can add a device.
why-self_service_off-title = Ask your help desk
why-self_service_off = Your organisation has not opened this page to its people. Your help desk looks after your devices.

## Enrollment
enroll-begin = Set it up now
enroll-title = Set up your login
enroll-what = From now on, { $account } also asks for something that only you have. How do you want to prove that it is you?
stages = Steps
stage-first = Set up
stage-backup = Backup
stage-finish = Done
new-phone = Phone
new-phone-about = Approve logins on your phone. No app store needed.
new-platform = This device
new-platform-about = Fingerprint, face or screen lock
new-security-key = Security key
new-security-key-about = A small key that you plug in or tap
new-passkey = Passkey
new-passkey-about = On your phone, in your password manager or on a security key. It can replace your password.
new-platform-missing = This browser finds no fingerprint reader, face recognition or screen lock that it may use.
new-keys-need-script = Security keys and passkeys need scripts, which are off in this browser. Turn them on, or choose another way.
new-number = Text message or call
new-number-about = Codes to a phone number. Less secure than the others.
new-codes = Printed codes
new-codes-about = Ten codes on paper, each good for one login
choose-another = Choose another way
phone-title = Connect your phone
phone-scan = Open your phone’s camera and point it at this code. Then do what your phone says.
phone-qr = Code for your phone’s camera. If you cannot scan it, use the link below.
phone-here = Open the authenticator on this phone. It is a web page: there is nothing to install from a store.
phone-open = Open the authenticator
phone-other = Connect another phone instead
phone-waiting = Waiting for your phone
phone-cannot-scan = You cannot scan it?
phone-link = Open this link on your phone. It works once, and only for you: give it to nobody.
compare-title = Is this your phone?
compare-what = { $device } has just been connected. It should show this code:
compare-yes = Yes, it is the same
compare-no = No, it is different

number-title = Which phone number?
number-what = We send a code to the number, to see that it is yours. Messages can be read by others on their way: set up another way as well, if you can.
number-label = Phone number with country code
number-by-sms = Text me a code
number-by-call = Call me with a code
number-wrong = That is no number that can be reached from here. Begin with + and the country code.
number-limit = Too many messages or calls for now. Wait half a minute and try again.
number-code-over = The code was wrong too often, or too old. Have a new one sent.
number-code-title = Enter the code
number-code-confirm = Confirm
add-key-title = Add a security key
add-key-what = Plug in your key or hold it to your device, and touch it when it blinks.
add-platform-title = Use this device
add-platform-what = Your device asks for your fingerprint, your face or its screen lock. That stays on the device; we never see it.
add-passkey-title = Make a passkey
add-passkey-what = Your browser asks where to keep it: on this device, on your phone, in your password manager or on a security key.
add-key-cancelled = That did not work or was cancelled. Try again, or choose another way.
device-name = Name, so that you recognise it
backup-title = And if you lose it?
backup-what = Add a second way now, and you will never be locked out.
later = Not now
codes-title = Your recovery codes
codes-what = Each code logs you in once when nothing else is at hand. Print them or write them down; they are shown only now.
codes-kept = I have put them in a safe place
done-title = All set
done-what = You can close this page. The next time you log in, we ask you there.
done-devices = Back to your devices

## Self-service
portal-title = Your devices
tab-devices = Devices
tab-logins = Recent logins
tab-browsers = Remembered browsers
tab-codes = Recovery codes
leave = Leave
kind-phone = Phone with authenticator
kind-security-key = Security key
kind-platform = Fingerprint, face or screen lock
kind-token = Hardware token
device-refused = No longer accepted: there may be a copy of it. Remove it.
default = Asked first
last-used = Last used
until = Until
test = Test
make-default = Ask first
rename = Rename
new-name = New name
save = Save
lost = Lost
remove = Remove
add-device = Add a device
no-devices = You have no device yet.
thin = This is your only device. Add another one, or recovery codes, before you need them.
remove-title = Remove { $device }?
remove-what = You will not be able to log in with it any more.
remove-one-left = Then you have only one way left to log in. Add another one soon.
remove-none-left = This is your last way to log in. Without it you are locked out until your help desk lets you in.
remove-not-allowed = This is your last way to log in, so it cannot be removed. Add another device first.
keep = Keep it
lost-title = Have you lost { $device }?
lost-what = We do all of this at once:
lost-removed = It cannot be used to log in any more.
lost-sessions = All your sessions end, and remembered browsers are forgotten.
lost-told = You and your administrators are told.
lost-none-left = It is your last way to log in. Your help desk will have to let you in.
lost-yes = Yes, it is lost
lost-no = No, I have it
test-title = Test request
test-what = We sent a request to { $device }, as for a login. Nobody is let in by it.
test-approve = Approve it there.
said-renamed = { $device } has its new name.
said-removed = { $device } has been removed.
said-lost = { $device } can no longer be used, and all sessions have ended.
said-default = { $device } is asked first from now on.
said-added = { $device } is set up.
said-test-approved = { $device } works.
said-test-failed = { $device } did not answer. Open the authenticator there and see whether it is online.
said-test-not-sent = No test was sent to { $device }: another one is on its way, or too many went unanswered. Wait a few minutes.
said-forgotten = This browser will be asked again.
said-all-forgotten = All browsers will be asked again.
said-reported = Thank you. Your administrators have been told.
logins-what = The newest come first. Tell us if one of them was not you.
no-logins = There have been no logins yet.
refused = Refused
reported = Reported
not-me = This wasn’t me
not-me-title = This was not you?
not-me-what = We end all your sessions, forget remembered browsers and tell your administrators. Then change your password: whoever it was may know it.
not-me-yes = Report it
not-me-no = It was me
browsers-what = In these browsers we do not ask you at every login. Forget those that you do not use or do not know.
no-browsers = No browser is remembered.
this-browser = This one
forget = Forget
forget-all = Forget all
codes-about = Printed codes let you in when your devices are lost or broken. Each works once.
codes-left = { $count ->
    [0] You have no unused codes.
    [one] You have { $count } unused code.
   *[other] You have { $count } unused codes.
}
codes-new = Make new codes
codes-replace = New codes make the old ones useless.
left-title = You have left
left-what = Your devices cannot be changed from this browser any more.
left-again = Come in again

## What stands behind links that are not for browsers
setup-title = Set up your administrator account
setup-no-pages = Pages for administrators are not part of this version, so your password cannot be set here.
setup-terminal = Somebody with access to the server sets it on a terminal there:
setup-meanwhile = Until then everything else can be done with the other “countersign admin” commands and the Admin API.
