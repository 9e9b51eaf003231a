"""What the duo_client programs share: the site, the phone, and calls that must fail.

The site comes as JSON in the environment variable SITE (see `Site::for_clients`).
"""

import atexit
import json
import os
import subprocess
import tempfile

import duo_client

SITE = json.loads(os.environ["SITE"])
VERSION = tuple(int(part) for part in duo_client.__version__.split("."))

# Whatever libraries, shells and old servers get wrong in names.
NAMES = ["o'neil", "star*", "til~de", "a+b", "amp&ersand", "eq=ual", "sl/ash", "per%20cent", "Ünïcödé", "名前", "a b"]


def auth(**changes):
    return client(duo_client.Auth, SITE["auth"], **changes)


def admin(**changes):
    return client(duo_client.Admin, SITE["admin"], **changes)


def client(kind, keys, **changes):
    options = dict(ikey=keys["ikey"], skey=keys["skey"], host=SITE["host"], port=SITE["port"], ca_certs=SITE["ca"])
    return kind(**{**options, **changes})


def refused(code, call, *args, **kwargs):
    """Makes a call that must be refused with `code`, and gives the error."""
    try:
        answer = call(*args, **kwargs)
    except RuntimeError as error:
        assert error.data["code"] == code, f"not {code}: {error.data}"
        assert error.status == code // 100, error.status
        assert error.data["stat"] == "FAIL" and isinstance(error.data["message_detail"], str), error.data
        return error
    raise AssertionError(f"not refused: {answer}")


def bare(call, *args, **kwargs):
    """Makes a call that answers with a bare string, such as an empty one after a deletion.

    duo_client 5.0.0 cannot read such an answer (duosecurity/duo_client_python issue 219): it has arrived all the same, and what it says
    is taken from where the library fails.
    """
    try:
        return call(*args, **kwargs)
    except AttributeError as error:
        assert VERSION == (5, 0, 0) and "'str' object" in str(error), error
        frame = error.__traceback__
        while frame.tb_next:
            frame = frame.tb_next
        return frame.tb_frame.f_locals["response"]


class Phone:
    """`countersign-device` with one account."""

    def __init__(self, activation):
        os.makedirs(SITE["home"], exist_ok=True)
        self.home = tempfile.mkdtemp(dir=SITE["home"])
        self.run("activate", activation, "--ca-cert", SITE["ca"], "--name", "Test phone")

    def run(self, *args):
        command = [SITE["device"], "--json", *args]
        done = subprocess.run(
            command, env={**os.environ, "COUNTERSIGN_DEVICE_HOME": self.home}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def watch(self):
        """Begins to follow logins; `next(requests)` waits for one."""
        process = subprocess.Popen(
            [SITE["device"], "--json", "watch"],
            env={**os.environ, "COUNTERSIGN_DEVICE_HOME": self.home},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # Also when the program fails: the test waits until nobody holds its output any more.
        atexit.register(process.kill)
        events = (json.loads(line) for line in process.stdout)
        first = next(events)
        assert first["event"] == "connected", first
        return (event for event in events if event["event"] == "request")

    def approve(self, request, number=None):
        digits = ["--number", number] if number else []
        return self.run("approve", request["txid"], "--yes", *digits)

    def deny(self, request):
        return self.run("deny", request["txid"], "--mistake")

    def passcode(self):
        return self.run("passcode")["passcode"]


def user_with_phone(name):
    """Enrolls a user as an application does, and activates their phone."""
    enrolled = auth().enroll(username=name)
    return enrolled, Phone(enrolled["activation_code"])
