"""Every call of `duo_client.Auth`, and the logins that applications make of them."""

import threading
import time

import duo_client

from common import NAMES, SITE, VERSION, Phone, admin, auth, bare, client, refused

api = auth()

# --- is it there, and are we who we say -----------------------------------------------------------------------------
now = time.time()
assert abs(api.ping()["time"] - now) < 60
assert abs(api.check()["time"] - now) < 60
refused(40401, api.logo)

# --- enroll ---------------------------------------------------------------------------------------------------------
enrolled = api.enroll(username="alice", valid_secs=600)
assert enrolled["username"] == "alice" and enrolled["user_id"].startswith("DU"), enrolled
assert now + 500 < enrolled["expiration"] < now + 700, enrolled
assert enrolled["activation_code"].startswith("duo://"), enrolled
assert "/frame/qr?value=" in enrolled["activation_barcode"], enrolled
assert "username" in refused(40002, api.enroll, username="alice").data["message_detail"]
status = lambda: bare(api.enroll_status, enrolled["user_id"], enrolled["activation_code"])
assert status() == "waiting"
preauth = api.preauth(username="alice")
assert preauth["result"] == "enroll" and preauth["status_msg"], preauth
phone = Phone(enrolled["activation_code"])
assert status() == "success"
assert bare(api.enroll_status, enrolled["user_id"], "duo://" + "x" * 20 + "-bG9jYWxob3N0") == "invalid"
anyone = api.enroll()
assert anyone["username"] and anyone["user_id"] != enrolled["user_id"], anyone

# --- preauth --------------------------------------------------------------------------------------------------------
preauth = api.preauth(username="alice", ipaddr="192.0.2.7")
assert preauth["result"] == "auth", preauth
[device] = preauth["devices"]
assert device["device"].startswith("DP") and device["type"] == "phone", device
assert {"auto", "push", "mobile_otp"} <= set(device["capabilities"]), device
assert api.preauth(user_id=enrolled["user_id"])["result"] == "auth"
assert api.preauth(username="nobody")["result"] in ("enroll", "deny")
refused(40001, api.preauth)
for name in NAMES:
    user = api.enroll(username=name)
    assert user["username"] == name, user
    assert api.preauth(username=name)["result"] == "enroll"
    assert api.preauth(user_id=user["user_id"])["result"] == "enroll"

# --- passcode -------------------------------------------------------------------------------------------------------
code = phone.passcode()
answer = api.auth("passcode", username="alice", passcode=code)
assert (answer["result"], answer["status"]) == ("allow", "allow"), answer
for wrong in (code, "000000"):
    answer = api.auth("passcode", username="alice", passcode=wrong)
    assert (answer["result"], answer["status"]) == ("deny", "deny"), answer
    assert "Invalid passcode" in answer["status_msg"], answer
refused(40001, api.auth, "passcode", username="alice")

# --- push, waiting in one call --------------------------------------------------------------------------------------
requests = phone.watch()


def push(answer, **options):
    """Sends a push, answers it on the phone, and gives what the waiting call was told."""
    options.setdefault("username", "alice")
    told = {}
    waiting = threading.Thread(target=lambda: told.update(auth().auth("push", device="auto", **options)))
    waiting.start()
    shown = next(requests)
    answer(shown)
    waiting.join(30)
    assert told, "no answer"
    return shown, told


shown, told = push(phone.approve, type="Transfer", pushinfo="amount=1%2C000&to=o%27neil", ipaddr="192.0.2.7")
assert (told["result"], told["status"]) == ("allow", "allow") and told["status_msg"], told
assert shown["type"] == "Transfer" and shown["info"] == [["amount", "1,000"], ["to", "o'neil"]], shown
assert shown["user"] == "alice" and shown["address"] == "192.0.2.7" and shown["digits"] == 0, shown
shown, told = push(phone.deny, display_username="Alice A.")
assert (told["result"], told["status"]) == ("deny", "deny"), told
assert shown["user"] == "Alice A.", shown
shown, told = push(lambda request: phone.run("deny", request["txid"], "--fraud"))
assert (told["result"], told["status"]) == ("deny", "fraud"), told

# --- what a request called fraud leaves ------------------------------------------------------------------------------
# No push without a number, but the phone's codes: nobody is locked out by a sign of risk alone.
answer = api.auth("push", username="alice", device="auto")
assert (answer["result"], answer["status"]) == ("deny", "deny"), answer
assert api.auth("passcode", username="alice", passcode=phone.passcode())["result"] == "allow"
bare(admin().json_api_call, "POST", f"/admin/v1/users/{enrolled['user_id']}/clear_step_up", {})

# --- push, asked about later ----------------------------------------------------------------------------------------
txid = api.auth("push", username="alice", device=device["device"], async_txn=True)["txid"]
shown = next(requests)
assert shown["txid"] == txid
threading.Timer(0.2, phone.approve, [shown]).start()
state = api.auth_status(txid)
while state["waiting"]:
    state = api.auth_status(txid)
assert state["success"] and state["status"] == "allow", state
assert api.auth_status(txid)["success"], "asked again after a lost answer"
refused(40401, api.auth_status, "00000000-0000-4000-8000-000000000000")
txid = api.auth("passcode", username="alice", passcode=phone.passcode(), async_txn=True)["txid"]
state = api.auth_status(txid)
assert state["success"] and not state["waiting"], state

# --- push with a number ---------------------------------------------------------------------------------------------
# 4.5.0 and 5.0.0 do not know of numbers.
if VERSION >= (5, 7):
    preauth = api.preauth(username="alice", client_supports_verified_push=True)
    number, ticket = preauth["verification_code"], preauth["txid"]
    wrong = "".join("1" if digit == "0" else "0" for digit in number)
    txid = api.auth("push", username="alice", device="auto", txid=ticket, async_txn=True)["txid"]
    shown = next(requests)
    assert shown["digits"] == len(number), (shown, number)
    try:
        phone.approve(shown, wrong)
        raise SystemExit("a wrong number was accepted")
    except AssertionError as error:
        assert '"code":"number"' in str(error).replace(" ", ""), error
    phone.approve(shown, number)
    state = api.auth_status(txid)
    assert state["success"], state

# --- who may not ----------------------------------------------------------------------------------------------------
keys = SITE["auth"]
refused(40103, auth(skey="0" * 40).check)
refused(40102, auth(ikey="DI" + "0" * 17 + "X").check)
refused(40301, client(duo_client.Auth, SITE["admin"]).check)
stale = auth()
real_call = duo_client.client.email.utils.formatdate
duo_client.client.email.utils.formatdate = lambda *_: "Tue, 21 Aug 2012 17:29:18 -0000"
try:
    refused(40105, stale.check)
finally:
    duo_client.client.email.utils.formatdate = real_call
assert api.check()
