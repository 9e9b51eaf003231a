"""`duo_client.Auth` with SMS and phone calls. The gateway is a file; this program is the telephone, too.

Argument: the file.
"""

import base64
import hashlib
import hmac
import json
import ssl
import sys
import time
import urllib.request

from common import SITE, admin, auth

FILE, SECRET = sys.argv[1], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
read = 0


def told():
    """The next order for the gateway."""
    global read
    for _ in range(600):
        try:
            lines = open(FILE).read().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) > read:
            read += 1
            return json.loads(lines[read - 1])
        time.sleep(0.05)
    raise AssertionError("the gateway was told nothing")


def report(**event):
    body, stamp = json.dumps(event), str(int(time.time()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    tag = hmac.digest(key, f"msg1.{stamp}.{body}".encode(), hashlib.sha256)
    headers = {
        "webhook-id": "msg1",
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(tag).decode(),
    }
    url = f"https://{SITE['host']}:{SITE['port']}/telephony/v1/callback"
    request = urllib.request.Request(url, body.encode(), headers)
    return json.load(urllib.request.urlopen(request, context=ssl.create_default_context(cafile=SITE["ca"])))


api, administrator = auth(), admin()


def person(name, number):
    """Somebody with a phone, and a message or call of their own: there is one for each user in half a minute."""
    user = administrator.add_user(name)
    phone = administrator.add_phone(number=number, type="Mobile", platform="Generic Smartphone")
    administrator.add_user_phone(user["user_id"], phone["phone_id"])
    return phone["phone_id"]


# --- SMS ------------------------------------------------------------------------------------------------------------
person("tess", "+14155550100")
[device] = api.preauth(username="tess")["devices"]
assert {"sms", "phone"} <= set(device["capabilities"]) and "sms_nextcode" not in device, device
answer = api.auth("sms", username="tess", device=device["device"])
assert (answer["result"], answer["status"]) == ("deny", "sent"), answer
order = told()
assert (order["type"], order["data"]["to"]) == ("telephony.sms", "+14155550100"), order
code = order["data"]["text"].rsplit(": ")[1]
[device] = api.preauth(username="tess")["devices"]
assert device["sms_nextcode"] == code[0], device
answer = api.auth("passcode", username="tess", passcode=code)
assert (answer["result"], answer["status"]) == ("allow", "allow"), answer
assert api.auth("passcode", username="tess", passcode=code)["result"] == "deny"

# --- a call ---------------------------------------------------------------------------------------------------------
person("tom", "+14155550101")
txid = api.auth("phone", username="tom", device="auto", async_txn=True)["txid"]
order = told()
assert (order["type"], order["data"]["call"]) == ("telephony.call", txid), order
assert report(call=txid, event="answered") == {"result": "noted"}
assert report(call=txid, event="key", key=order["data"]["approve_key"]) == {"result": "approved"}
answer = api.auth_status(txid)
assert (answer["waiting"], answer["success"], answer["status"]) == (False, True, "allow"), answer

# --- an administrator -----------------------------------------------------------------------------------------------
phone = person("tara", "+14155550102")
# The library has no method for this one.
assert administrator.json_api_call("POST", f"/admin/v1/phones/{phone}/send_sms_passcodes", {}) == ""
code = told()["data"]["text"].rsplit(": ")[1]
assert api.auth("passcode", username="tara", passcode=code)["result"] == "allow"
phone = person("theo", "+14155550103")
sent = administrator.send_sms_activation_to_phone(phone, activation_msg="Open <acturl>")
assert told()["data"]["text"] == sent["activation_msg"], sent
phone = person("tina", "+14155550104")
sent = administrator.send_sms_installation(phone)
assert told()["data"]["text"] == sent["installation_msg"], sent
items = administrator.get_telephony_log(mintime=int(time.time()) - 3600)
assert {item["type"] for item in items} == {"sms", "phone"}, items
assert {item["phone"] for item in items} == {f"+1415555010{n}" for n in range(5)}, items
