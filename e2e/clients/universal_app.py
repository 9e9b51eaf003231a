"""A web application that asks for a second factor with duo_universal, as its README shows. `/login?user=NAME` begins, `/callback` ends.

The library is unmodified; it is told the site's authority by the argument that it has for that.
"""

import http.server
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

from duo_universal.client import Client, DuoException

SETTINGS = json.loads(os.environ["APP"])


class Application(http.server.BaseHTTPRequestHandler):
    logins = {}

    def do_GET(self):
        target = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        try:
            if target.path == "/login":
                return self.login(query["user"], query.get("secret"))
            if target.path == "/callback":
                return self.callback(query)
        except DuoException as error:
            return self.answer({"error": str(error)})
        self.send_error(404)

    def login(self, user, secret):
        duo = client(secret or SETTINGS["client_secret"])
        duo.health_check()
        state = duo.generate_state()
        nonce = duo.generate_state()
        self.logins[state] = (user, nonce)
        self.send_response(302)
        self.send_header("Location", duo.create_auth_url(user, state, nonce))
        self.end_headers()

    def callback(self, query):
        if "error" in query:
            return self.answer({"error": query["error"], "description": query.get("error_description")})
        known = self.logins.get(query.get("state"))
        if known is None:
            return self.answer({"error": "a state that is not ours"})
        user, nonce = known
        duo = client(SETTINGS["client_secret"])
        self.answer(duo.exchange_authorization_code_for_2fa_result(query["duo_code"], user, nonce))

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def client(secret):
    return Client(SETTINGS["client_id"], secret, SETTINGS["host"], redirect, duo_certs=SETTINGS["ca"])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
redirect = f"http://localhost:{server.server_address[1]}/callback"
print("listening", server.server_address[1], flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
