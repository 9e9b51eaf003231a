"""The calls of `duo_client.Admin` that provisioning and operation need."""

import time
import warnings

import duo_client

from common import NAMES, SITE, VERSION, Phone, admin, auth, bare, client, refused

warnings.simplefilter("ignore", DeprecationWarning)
api = admin()
OWNER = "Owner"

# --- users ----------------------------------------------------------------------------------------------------------
alice = api.add_user("alice", realname="Alice A.", status="active", notes="first", email="alice@example.org")
assert alice["user_id"].startswith("DU") and alice["username"] == "alice", alice
assert (alice["realname"], alice["email"], alice["notes"]) == ("Alice A.", "alice@example.org", "first"), alice
assert alice["is_enrolled"] is False and alice["phones"] == [] and isinstance(alice["created"], int), alice
refused(40003, api.add_user, "alice")
refused(40003, api.add_user, "ALICE")
refused(40001, api.json_api_call, "POST", "/admin/v1/users", {})
assert api.get_user_by_id(alice["user_id"])["user_id"] == alice["user_id"]
assert [user["user_id"] for user in api.get_users_by_name("alice")] == [alice["user_id"]]
assert api.get_users_by_name("nobody") == []
refused(40401, api.get_user_by_id, "DU" + "0" * 17 + "X")
changed = api.update_user(alice["user_id"], realname="Alice B.", notes="", alias1="ali")
assert (changed["realname"], changed["notes"], changed["alias1"]) == ("Alice B.", "", "ali"), changed
assert [user["username"] for user in api.get_users_by_name("ali")] == ["alice"], "found by alias"

ids = {}
for name in NAMES:
    made = api.add_user(name, realname=name)
    ids[name] = made["user_id"]
    assert (made["username"], made["realname"]) == (name, name), made
    assert [user["user_id"] for user in api.get_users_by_name(name)] == [made["user_id"]], name

# --- pages ----------------------------------------------------------------------------------------------------------
for number in range(130):
    api.add_user(f"many{number:03}")
everyone = {user["username"] for user in api.get_users_iterator()}
assert everyone == {"alice", *NAMES, *(f"many{number:03}" for number in range(130))}, len(everyone)
assert {user["username"] for user in api.get_users()} == everyone, "without a limit the client fetches every page"
first, second = api.get_users(limit=10), api.get_users(limit=10, offset=10)
assert len(first) == len(second) == 10
assert not {user["user_id"] for user in first} & {user["user_id"] for user in second}
assert api.get_users(limit=10, offset=10_000) == []

# --- groups ---------------------------------------------------------------------------------------------------------
group = api.create_group("Operators & friends", desc="day", status="Active")
assert group["group_id"].startswith("DG") and group["name"] == "Operators & friends", group
group_id = group["group_id"]
assert api.modify_group(group_id, desc="night", status="Bypass")["status"] == "Bypass"
assert [found["desc"] for found in api.get_groups()] == ["night"]
assert bare(api.add_user_group, alice["user_id"], group_id) == ""
assert [found["group_id"] for found in api.get_user_groups(alice["user_id"])] == [group_id]
assert [user["username"] for user in api.get_group_users(group_id)] == ["alice"]
assert [user["username"] for user in api.get_group_users_iterator(group_id)] == ["alice"]
assert api.get_group(group_id, api_version=2)["name"] == "Operators & friends"
assert auth().preauth(username="alice")["result"] == "allow", "the group is in bypass"
assert bare(api.delete_user_group, alice["user_id"], group_id) == ""
assert api.get_user_groups(alice["user_id"]) == []
assert bare(api.delete_group, group_id) == ""
assert api.get_groups() == []

# --- phones ---------------------------------------------------------------------------------------------------------
phone = api.add_phone(number="+1 555 0100", name="Work", type="Mobile", platform="Generic Smartphone")
assert phone["phone_id"].startswith("DP") and phone["platform"] == "Generic Smartphone", phone
assert phone["number"] == "+15550100" and phone["activated"] is False, phone
phone_id = phone["phone_id"]
assert [found["phone_id"] for found in api.get_phones_by_number("+15550100")] == [phone_id]
assert api.update_phone(phone_id, name="Home")["name"] == "Home"
assert bare(api.add_user_phone, alice["user_id"], phone_id) == ""
assert [found["phone_id"] for found in api.get_user_phones(alice["user_id"])] == [phone_id]
assert [user["username"] for user in api.get_phone_by_id(phone_id)["users"]] == ["alice"]
activation = api.create_activation_url(phone_id, valid_secs=600)
assert activation["valid_secs"] == 600 and "/frame/qr?value=" in activation["activation_barcode"], activation
device = Phone(activation["activation_url"])
found = api.get_phone_by_id(phone_id)
assert found["activated"] is True and "push" in found["capabilities"], found
assert api.get_user_by_id(alice["user_id"])["is_enrolled"] is True
assert len(list(api.get_phones_generator())) == 1
spare = api.add_phone(name="Spare", type="Mobile", platform="Apple iOS")
assert bare(api.delete_phone, spare["phone_id"]) == ""
refused(40401, api.get_phone_by_id, spare["phone_id"])

# --- tokens ---------------------------------------------------------------------------------------------------------
# The secret of RFC 4226, appendix D: its codes are 755224, 287082, 359152, 969429, 338314, …
token = api.add_hotp6_token("serial/1 & more", "3132333435363738393031323334353637383930")
assert token["token_id"].startswith("DH") and token["type"] == "h6" and token["totp_step"] is None, token
assert token["serial"] == "serial/1 & more", token
refused(40003, api.add_hotp6_token, "serial/1 & more", "3132333435363738393031323334353637383930")
assert [found["token_id"] for found in api.get_tokens_by_serial("h6", "serial/1 & more")] == [token["token_id"]]
totp = api.add_totp6_token("totp", "3132333435363738393031323334353637383930", totp_step=30)
assert (totp["type"], totp["totp_step"]) == ("t6", 30), totp
yubikey = api.add_yubikey_token("1234567", "0123456789ab", "00112233445566778899aabbccddeeff")
assert yubikey["type"] == "yk", yubikey
assert len(api.get_tokens()) == len(list(api.get_tokens_generator())) == 3
assert bare(api.add_user_token, alice["user_id"], token["token_id"]) == ""
assert [found["token_id"] for found in api.get_user_tokens(alice["user_id"])] == [token["token_id"]]
passcode = lambda code: auth().auth("passcode", username="alice", passcode=code)["result"]
assert passcode("755224") == "allow" and passcode("755224") == "deny"
assert bare(api.resync_hotp_token, token["token_id"], "287082", "359152", "969429") == ""
assert passcode("338314") == "allow"
assert bare(api.delete_user_token, alice["user_id"], token["token_id"]) == ""
assert api.get_user_tokens(alice["user_id"]) == []
for other in (token, totp, yubikey):
    assert bare(api.delete_token, other["token_id"]) == ""
assert api.get_tokens() == []

# --- bypass codes ---------------------------------------------------------------------------------------------------
codes = api.add_user_bypass_codes(alice["user_id"], count=3, valid_secs=3600, remaining_uses=1)
assert len(set(codes)) == 3 and all(code.isdigit() for code in codes), "three codes"
assert passcode(codes[0]) == "allow" and passcode(codes[0]) == "deny"
listed = api.get_user_bypass_codes(alice["user_id"])
assert len(listed) == 2 and all(entry["reuse_count"] == 1 for entry in listed), listed
assert not any(code in str(listed) for code in codes), "a code is never shown again"
assert len(api.get_bypass_codes()) == 2
assert bare(api.delete_bypass_code_by_id, listed[0]["bypass_code_id"]) == ""
assert len(list(api.get_bypass_codes_generator())) == 1
own = api.add_user_bypass_codes(alice["user_id"], codes=["123456789", "987654321"])
assert own == ["123456789", "987654321"]
assert len(api.get_user_bypass_codes(alice["user_id"])) == 2, "new codes replace old ones"

# --- integrations ---------------------------------------------------------------------------------------------------
made = api.create_integration(name="SSH & more", integration_type="unix", notes="n", greeting="hi")
assert made["integration_key"].startswith("DI") and len(made["secret_key"]) == 40, "a new integration"
assert (made["name"], made["type"], made["notes"]) == ("SSH & more", "unix", "n"), made
key = made["integration_key"]
assert api.get_integration(key)["name"] == "SSH & more"
renamed = api.update_integration(key, name="SSH", notes="")
assert (renamed["name"], renamed["notes"]) == ("SSH", ""), renamed
reset = api.update_integration(key, reset_secret_key=True)
assert reset["secret_key"] != made["secret_key"]
assert key in {found["integration_key"] for found in api.get_integrations()}
assert key in {found["integration_key"] for found in api.get_integrations_generator()}
if hasattr(api, "get_secret_key"):
    assert api.get_secret_key(key)["secret_key"] == reset["secret_key"]
assert bare(api.delete_integration, key) == ""
refused(40401, api.get_integration, key)
refused(40002, api.create_integration, name="X", integration_type="no such type")

# --- what an integration may not do ---------------------------------------------------------------------------------
reader = api.create_integration(name="Reader", integration_type="adminapi", adminapi_read_resource=True)
keys = {"ikey": reader["integration_key"], "skey": reader["secret_key"]}
reading = client(duo_client.Admin, keys)
assert reading.get_user_by_id(alice["user_id"])["username"] == "alice"
refused(40301, reading.add_user, "eve")
refused(40301, reading.get_settings)
refused(40301, reading.get_admins)
refused(40301, reading.get_info_summary)
refused(40301, reading.get_administrator_log)
refused(40301, client(duo_client.Admin, SITE["auth"]).get_users)
refused(40301, client(duo_client.Auth, SITE["admin"]).preauth, username="alice")
refused(40103, admin(skey="0" * 40).get_users)
refused(40102, admin(ikey="DI" + "0" * 17 + "X").get_users)

# --- administrators -------------------------------------------------------------------------------------------------
# The library wants a password, which the service ignores.
helper = api.add_admin("Help Er", "helper@example.org", "+15550101", "unused", role="Help Desk")
assert helper["admin_id"].startswith("DE") and helper["role"] == "Help Desk", helper
assert api.get_admin(helper["admin_id"])["email"] == "helper@example.org"
assert {found["role"] for found in api.get_admins()} == {OWNER, "Help Desk"}
assert len(list(api.get_admins_iterator())) == 2
assert api.update_admin(helper["admin_id"], name="Help Desk Er")["name"] == "Help Desk Er"
refused(40003, api.add_admin, "Again", "helper@example.org", "+15550102", "unused", role="Help Desk")
refused(40002, api.add_admin, "Again", "other@example.org", "+15550102", "unused", role="Emperor")
assert bare(api.delete_admin, helper["admin_id"]) == ""
assert [found["role"] for found in api.get_admins()] == [OWNER]

# --- settings, account ----------------------------------------------------------------------------------------------
settings = api.get_settings()
assert settings["lockout_threshold"] == 10, settings
assert api.update_settings(lockout_threshold=6)["lockout_threshold"] == 6
assert api.get_settings()["lockout_threshold"] == 6
refused(40002, api.update_settings, lockout_threshold=0)
summary = api.get_info_summary()
assert summary["user_count"] == len(everyone) and summary["admin_count"] == 1, summary
assert summary["integration_count"] >= 3, summary
attempts = api.get_authentication_attempts()
assert attempts["SUCCESS"] >= 4 and attempts["FAILURE"] >= 2, attempts
assert api.get_user_authentication_attempts()["SUCCESS"] == 1

# --- logs -----------------------------------------------------------------------------------------------------------
HOUR = 3600
now = int(time.time())
span = dict(mintime=(now - HOUR) * 1000, maxtime=(now + HOUR) * 1000, event_types="authentication")
whole = api.get_authentication_log(api_version=2, sort="ts:asc", limit="1000", **span)["authlogs"]
assert {entry["user"]["name"] for entry in whole} == {"alice"}, whole
assert {(entry["result"], entry["reason"]) for entry in whole} >= {
    ("success", "valid_passcode"),
    ("denied", "invalid_passcode"),
    ("success", "bypass_user"),
}, whole
assert all(entry["application"]["key"] == SITE["auth"]["ikey"] for entry in whole), whole
pieces, offset = [], None
while True:
    page = api.get_authentication_log(api_version=2, sort="ts:asc", limit="2", next_offset=offset, **span)
    pieces += page["authlogs"]
    offset = page["metadata"].get("next_offset")
    if offset is None:
        break
    assert len(page["authlogs"]) == 2 and len(offset) == 2 and all(isinstance(part, str) for part in offset), page
assert [entry["txid"] for entry in pieces] == [entry["txid"] for entry in whole], "every entry once"
backwards = api.get_authentication_log(api_version=2, limit="1000", **span)["authlogs"]
assert [entry["txid"] for entry in backwards][::-1] == [entry["txid"] for entry in whole]
denied = api.get_authentication_log(api_version=2, results="denied", **span)["authlogs"]
assert denied and all(entry["result"] == "denied" for entry in denied), denied
old = api.get_authentication_log(mintime=now - HOUR)
assert {entry["username"] for entry in old} == {"alice"} and {entry["result"] for entry in old} >= {"SUCCESS"}, old

events = api.get_administrator_log(mintime=now - HOUR)
actions = [event["action"] for event in events]
for action in ("user_create", "user_update", "group_create", "group_delete", "phone_create", "integration_delete"):
    assert action in actions, (action, actions)
assert {event["username"] for event in events if event["action"] == "user_create"} == {"API"}, events
secrets = {reset["secret_key"], made["secret_key"], *codes, *own, "3132333435363738393031323334353637383930"}
assert not any(secret in str(events) for secret in secrets), "no secret in the log"

activity = api.get_activity_logs(**span)
assert {"items", "metadata"} <= set(activity) and activity["items"], activity
assert api.get_telephony_log(mintime=now - HOUR) == []
if VERSION >= (5,):
    telephony = api.get_telephony_log(api_version=2, **span)
    assert telephony["items"] == [] and telephony["metadata"]["total_objects"]["value"] == 0, telephony

# --- the end of a user ----------------------------------------------------------------------------------------------
assert bare(api.delete_user_phone, alice["user_id"], phone_id) == ""
assert api.get_user_phones(alice["user_id"]) == []
api.update_user(alice["user_id"], status="disabled")
assert auth().preauth(username="alice")["result"] == "deny"
assert bare(api.delete_user, alice["user_id"]) == ""
refused(40401, api.get_user_by_id, alice["user_id"])
assert bare(api.delete_user, alice["user_id"]) == ""
