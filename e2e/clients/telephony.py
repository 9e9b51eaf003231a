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
NUMBER = "+14155550100"
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
user = administrator.add_user("tess")
phone = administrator.add_phone(number=NUMBER, type="Mobile", platform="Generic Smartphone")
administrator.add_user_phone(user["user_id"], phone["phone_id"])

# --- SMS ------------------------------------------------------------------------------------------------------------
[device] = api.preauth(username="tess")["devices"]
assert {"sms", "phone"} <= set(device["capabilities"]) and "sms_nextcode" not in device, device
answer = api.auth("sms", username="tess", device=device["device"])
assert (answer["result"], answer["status"]) == ("deny", "sent"), answer
order = told()
assert (order["type"], order["data"]["to"]) == ("telephony.sms", NUMBER), order
code = order["data"]["text"].rsplit(": ")[1]
[device] = api.preauth(username="tess")["devices"]
assert device["sms_nextcode"] == code[0], device
answer = api.auth("passcode", username="tess", passcode=code)
assert (answer["result"], answer["status"]) == ("allow", "allow"), answer
assert api.auth("passcode", username="tess", passcode=code)["result"] == "deny"

# --- a call, half a minute later ------------------------------------------------------------------------------------
time.sleep(31)
txid = api.auth("phone", username="tess", device="auto", async_txn=True)["txid"]
order = told()
assert (order["type"], order["data"]["call"]) == ("telephony.call", txid), order
assert report(call=txid, event="answered") == {"result": "noted"}
assert report(call=txid, event="key", key=order["data"]["approve_key"]) == {"result": "approved"}
answer = api.auth_status(txid)
assert (answer["result"], answer["status"]) == ("allow", "allow"), answer

# --- an administrator -----------------------------------------------------------------------------------------------
time.sleep(31)
assert administrator.send_sms_passcodes_by_phone_id(phone["phone_id"]) == ""
code = told()["data"]["text"].rsplit(": ")[1]
assert api.auth("passcode", username="tess", passcode=code)["result"] == "allow"
sent = administrator.send_sms_activation_to_phone(phone["phone_id"], activation_msg="Open <acturl>")
assert told()["data"]["text"] == sent["activation_msg"], sent
sent = administrator.send_sms_installation(phone["phone_id"])
assert told()["data"]["text"] == sent["installation_msg"], sent
items = administrator.get_telephony_log(mintime=int(time.time()) - 3600)
assert {item["type"] for item in items} == {"sms", "phone"} and items[0]["phone"] == NUMBER, items
