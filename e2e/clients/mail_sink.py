"""A mail server (aiosmtpd) that wants STARTTLS and a password, and prints what it is given, one JSON object a line.

Arguments: certificate chain, private key, user, password.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

chain, key, user, password = sys.argv[1:]
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(chain, key)


class Keep:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
        kept = {
            "recipients": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "defects": [str(defect) for defect in message.defects],
            "parts": parts,
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
        }
        print(json.dumps(kept), flush=True)
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
    return AuthResult(success=known, handled=known)


def smtp():
    return SMTP(
        Keep(), tls_context=tls, require_starttls=True, auth_required=True, authenticator=authenticate, hostname="localhost"
    )


async def main():
    server = await asyncio.get_running_loop().create_server(smtp, "127.0.0.1", 0)
    print("listening", server.sockets[0].getsockname()[1], "", flush=True)
    await server.serve_forever()


asyncio.run(main())
