"""Users in a passwd file, one HOTP token each, without a PIN: seed.py CONFIG PASSWD < "name secret-in-hex" lines."""
import sys

from privacyidea.app import create_app

app = create_app(config_name="production", config_file=sys.argv[1], silent=True)
people = [line.split() for line in sys.stdin]
with open(sys.argv[2], "w") as passwd:
    for number, (name, _) in enumerate(people, 10000):
        passwd.write(f"{name}:x:{number}:{number}:{name},,,:/home/{name}:/bin/sh\n")
with app.app_context():
    from privacyidea.lib.realm import set_default_realm, set_realm
    from privacyidea.lib.resolver import save_resolver
    from privacyidea.lib.token import init_token
    from privacyidea.lib.user import User

    save_resolver({"resolver": "people", "type": "passwdresolver", "fileName": sys.argv[2]})
    set_realm("people", [{"name": "people"}])
    set_default_realm("people")
    for name, secret in people:
        # No `pin`: an empty one would be hashed at 0.4 s each.
        init_token({"type": "hotp", "otpkey": secret, "genkey": 0, "otplen": 6}, user=User(name, "people"))
