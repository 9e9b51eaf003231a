# Every text of the pages. Say what happened and what to do next, in plain words; the same ids in every language.
language = Language
need-help = Need help?
reference = Reference:
continue = Continue
try-again = Try again
one-moment = One moment
without-script = Scripts are off in this browser. You can still log in with a passcode.
log-in-to = Log in to { $application }
logging-in-to = You are logging in to { $application }.
other-options = Other options
manage-devices = Manage devices
push-title = Check your phone
push-sent = We sent a login request to { $device }.
push-type-number = Type this number there:
push-approve-there = Approve it there, if it is you.
push-slow = Nothing on your phone yet? Open the authenticator there: it fetches the request.
use-passcode = Use a passcode instead
passcode-title = Enter your passcode
passcode-from-app = The code that your authenticator shows
passcode-from-token = The code from your hardware token
passcode-from-app-or-token = The code from your authenticator or hardware token
passcode-from-help-desk = The code that your help desk gave you
verify = Verify
tries-left = { $count ->
    [one] { $count } more try.
   *[other] { $count } more tries.
}
key-title = Use your security key
key-what = Plug in your key or hold it to your phone, then touch it.
platform-title = Confirm that it is you
platform-what = Use your fingerprint, your face or your screen lock.
key-use = Continue
key-cancelled = That did not work or was cancelled. Try again, or choose another way.
key-unsupported = This browser cannot use security keys here. Choose another way.
key-needs-script = Security keys need scripts, which are off in this browser. Choose another way.
options-title = How do you want to log in?
method-push = Login request
about-push = Approve on your phone
method-passcode = Passcode
about-passcode = From your authenticator or token
method-security-key = Security key
about-security-key = Touch a key that you plug in
method-platform = This device
about-platform = Fingerprint, face or screen lock
method-bypass = Bypass code
about-bypass = From your help desk
again-title = That did not work
trust-title = Is this your device?
trust-what = { $count ->
    [one] If only you use it, we will not ask again in this browser for { $count } day.
   *[other] If only you use it, we will not ask again in this browser for { $count } days.
}
trust-yes = Yes, this is my device
trust-no = No, other people use it
success-title = You are in
success-what = Taking you to { $application }.
setup-title = Set up your administrator account
setup-no-pages = Pages for administrators are not part of this version, so your password cannot be set here.
setup-terminal = Somebody with access to the server sets it on a terminal there:
setup-meanwhile = Until then everything else can be done with the other “countersign admin” commands and the Admin API.
activate-title = Activate an authenticator
activate-code = The address of this page carries a code that turns one device into your authenticator. It works once, and for a limited time.
activate-how = Copy the whole address, including the part after “#”, and give it to the authenticator on the device:
activate-warning = You did not ask for this? Close the page and tell your administrator. Nobody who helps you needs this address.
activate-address = ADDRESS
