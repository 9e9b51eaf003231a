"""A push service for one message, and the browser behind it: http_ece (RFC 8188, 8291) decrypts it, cryptography checks the signature (RFC 8292).

Prints the subscription as a line of JSON, and what came as another.
"""

import base64
import datetime
import http.server
import json
import os
import ssl
import sys
import tempfile

import http_ece
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def data(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key):
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def certificate(directory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = os.path.join(directory, "push.pem")
    with open(path, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    both = os.path.join(directory, "both.pem")
    with open(both, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    return path, both


def vapid(authorization):
    """Verifies `vapid t=JWT, k=KEY`; gives the claims and the key."""
    scheme, _, parameters = authorization.partition(" ")
    assert scheme == "vapid", authorization
    parameters = dict(part.strip().split("=", 1) for part in parameters.split(","))
    header, claims, signature = parameters["t"].split(".")
    assert json.loads(data(header)) == {"typ": "JWT", "alg": "ES256"}, header
    raw = data(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data(parameters["k"]))
    key.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    return json.loads(data(claims)), parameters["k"]


def main():
    directory = tempfile.mkdtemp()
    ca, both = certificate(directory)
    private, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)

    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            plain = http_ece.decrypt(body, private_key=private, auth_secret=auth, version="aes128gcm")
            claims, key = vapid(self.headers["authorization"])
            said = {
                "message": json.loads(plain),
                "encoding": self.headers["content-encoding"],
                "urgency": self.headers["urgency"],
                "vapid": claims,
                "key": key,
            }
            print(json.dumps(said), flush=True)
            self.send_response(201)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Service)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    origin = f"https://localhost:{server.server_port}"
    print(
        json.dumps(
            {
                "endpoint": origin + "/send/one",
                "origin": origin,
                "p256dh": text(point(private.public_key())),
                "auth": text(auth),
                "ca": ca,
            }
        ),
        flush=True,
    )
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
