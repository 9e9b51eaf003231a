"""A web application whose logins ask for a second factor, with Duo's SDK for Python (duo_universal), unmodified.

    python app.py [SETTINGS]      settings.json beside this file, unless another one is named

The password is not looked at: this sample is about what comes after it. What is written here at length is what an
application needs: the login's state belongs to one browser and is good once, and when the second factor cannot be
asked for, nobody gets in.
"""

import html
import json
import secrets
import sys
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from duo_universal.client import Client, DuoException

FORM = """<h1>Sample application (Python)</h1>
<form method="post" action="/login">
<p><label>User name <input name="username" value="alice" required autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="off"></label> (any: this sample does not check it)</p>
<button>Log in</button></form>"""


class Application(BaseHTTPRequestHandler):
    # By the browser's cookie. A real application keeps sessions where a restart does not lose them, and ends them.
    logins = {}  # (username, state, nonce) of logins that wait for their second factor
    sessions = {}  # what the second factor told of those who are in

    def do_GET(self):
        target = urlsplit(self.path)
        if target.path == "/":
            claims = self.sessions.get(self.browser())
            return self.page(FORM if claims is None else welcome(claims))
        if target.path == "/callback":
            return self.callback(first_values(target.query))
        self.page("<h1>There is no such page</h1>", 404)

    def do_POST(self):
        form = first_values(self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 10_000)).decode())
        if self.path == "/login" and form.get("username"):
            return self.login(form["username"])
        if self.path == "/logout":
            self.sessions.pop(self.browser(), None)
            return self.send_to("/")
        self.page("<h1>There is no such page</h1>", 404)

    def login(self, username):
        """The password was right. Sends the browser for the second factor."""
        try:
            duo.health_check()
        except DuoException as error:
            # Nobody gets in without: to let people in here is a decision to take beforehand, and to write down.
            return self.refuse("The second factor cannot be asked for now", error)
        browser, state, nonce = secrets.token_urlsafe(24), duo.generate_state(), duo.generate_state()
        self.logins[browser] = (username, state, nonce)
        # A new name for this browser with every login, so that nobody can have chosen it.
        self.send_to(duo.create_auth_url(username, state, nonce), browser)

    def callback(self, query):
        """The browser is back: with a code, or with what went wrong."""
        browser = self.browser()
        username, state, nonce = self.logins.pop(browser, (None, None, None))
        if state is None or not secrets.compare_digest(state.encode(), query.get("state", "").encode()):
            return self.refuse("This login was not begun in this browser, or it is over")
        if "error" in query:
            return self.refuse("The login was refused", query.get("error_description") or query["error"])
        try:
            claims = duo.exchange_authorization_code_for_2fa_result(query.get("duo_code", ""), username, nonce)
        except DuoException as error:
            return self.refuse("The login could not be confirmed", error)
        self.sessions[browser] = claims
        self.send_to("/")

    def browser(self):
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("sample-python")
        except CookieError:
            return None
        return cookie.value if cookie else None

    def refuse(self, what, why=""):
        self.page(f'<h1>{what}</h1><p id="error">{html.escape(str(why))}</p><p><a href="/">Try again</a></p>', 403)

    def page(self, body, status=200):
        page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Sample application</title><main>{body}</main>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page.encode())))
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.end_headers()
        self.wfile.write(page.encode())

    def send_to(self, location, browser=None):
        self.send_response(303)
        self.send_header("Location", location)
        if browser:
            # With https, as it is outside of a sample, add `Secure`.
            self.send_header("Set-Cookie", f"sample-python={browser}; Path=/; HttpOnly; SameSite=Lax")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def welcome(claims):
    told = html.escape(json.dumps(claims, indent=2))
    return (
        f"<h1>You are in, {html.escape(claims['preferred_username'])}</h1>"
        f'<form method="post" action="/logout"><button>Log out</button></form><p>What the second factor told:</p>'
        f'<pre id="claims">{told}</pre>'
    )


def first_values(text):
    return {name: values[0] for name, values in parse_qs(text).items()}


settings_file = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("settings.json"))
settings = json.loads(settings_file.read_text())
try:
    server = ThreadingHTTPServer(("127.0.0.1", settings["port"]), Application)
except OSError as error:
    sys.exit(f"port {settings['port']} cannot be used ({error.strerror}); write another one, or 0 for any, into {settings_file}")
address = f"http://localhost:{server.server_address[1]}"
# The SDK trusts the authorities of Duo's own service alone, unless it is told another one. It always verifies.
certificates = str(settings_file.resolve().parent / settings["ca"]) if settings.get("ca") else None
duo = Client(
    client_id=settings["client_id"],
    client_secret=settings["client_secret"],
    host=settings["api_host"],
    redirect_uri=f"{address}/callback",
    duo_certs=certificates,
)
print(f"Open {address} in a browser. Ctrl-C ends it.", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
