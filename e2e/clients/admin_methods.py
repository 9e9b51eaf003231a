"""Every public method of `duo_client.Admin`: exercised by admin_flows.py or here, or listed as not yet in docs/compatibility.md.

The first argument is docs/compatibility.md. A method of a new version of the library, or one that nobody calls any more, fails.
"""

import inspect
import pathlib
import re
import sys
import time

import duo_client

from common import SITE, admin, bare, refused

api = admin()
here = pathlib.Path(__file__).parent

# --- calls that admin_flows.py does not make --------------------------------------------------------------------------
user = api.add_user("mia", email="mia@example.org")
user_id = user["user_id"]
assert api.get_user_by_email("mia@example.org")[0]["user_id"] == user_id
assert [found["user_id"] for found in api.get_users_by_names(["mia"])] == [user_id]
assert [found["user_id"] for found in api.get_users_by_ids([user_id])] == [user_id]
assert api.enroll_user("noa", "noa@example.org", valid_secs=600).startswith("https://")

# A bypass is told to the review queue a moment later.
api.update_user(user_id, status="bypass")
window = (int(time.time() - 3600) * 1000, int(time.time() + 3600) * 1000)
events = []
for _ in range(600):
    events = api.get_trust_monitor_events_by_offset(*window, limit=1, event_type="bypass_status")["events"]
    if events:
        break
    time.sleep(0.1)
[event] = events
assert (event["type"], event["state"], event["enabled_by"]["name"]) == ("bypass_status", "new", "API"), event
assert event["enabled_for"] == {"key": user_id, "name": "mia"}, event
assert [found["sekey"] for found in api.get_trust_monitor_events_iterator(*window)] == [event["sekey"]]
assert list(api.get_trust_monitor_events_iterator(*window, event_type="auth")) == []
api.update_user(user_id, status="active")

group = api.create_group("Methods")
group_id = group["group_id"]
assert [found["group_id"] for found in api.get_groups_generator()] == [group_id]
assert [found["group_id"] for found in api.get_groups_by_group_ids([group_id])] == [group_id]
bare(api.add_user_group, user_id, group_id)
assert [found["group_id"] for found in api.get_user_groups_iterator(user_id)] == [group_id]

phone = api.add_phone(number="+15550199", type="Mobile", platform="Apple iOS")
phone_id = phone["phone_id"]
bare(api.add_user_phone, user_id, phone_id)
assert [found["phone_id"] for found in api.get_user_phones_iterator(user_id)] == [phone_id]
assert phone_id in {found["phone_id"] for found in api.get_phones()}
for send in (api.send_sms_activation_to_phone, api.send_sms_installation):
    assert "telephony" in refused(40002, send, phone_id).data["message_detail"]

secret = "3132333435363738393031323334353637383930"
tokens = [api.add_hotp8_token("h8", secret), api.add_totp8_token("t8", secret, totp_step=30)]
assert [token["type"] for token in tokens] == ["h8", "t8"]
token_id = tokens[0]["token_id"]
assert api.get_token_by_id(token_id)["serial"] == "h8"
assert api.update_token(tokens[1]["token_id"], totp_step=60)["totp_step"] == 60
bare(api.add_user_token, user_id, token_id)
assert [found["token_id"] for found in api.get_user_tokens_iterator(user_id)] == [token_id]
assert bare(api.resync_hotp_token, token_id, "84755224", "94287082", "37359152") == ""
assert bare(api.delete_user_token, user_id, token_id) == ""
for token in tokens:
    assert bare(api.delete_token, token["token_id"]) == ""

api.add_user_bypass_codes(user_id, count=2)
assert len(list(api.get_user_bypass_codes_iterator(user_id))) == 2

# A sync as it is: tests of directory sync. Here there is no directory.
refused(40401, api.sync_user, "mia", "DSXXXXXXXXXXXXXXXXXX")

for nothing in (
    api.get_user_u2ftokens_iterator(user_id),
    api.get_user_u2ftokens(user_id),
    api.get_user_webauthncredentials_iterator(user_id),
    api.get_user_webauthncredentials(user_id),
    api.get_u2ftokens(),
    api.get_u2ftokens_iterator(),
    api.get_webauthncredentials(),
    api.get_webauthncredentials_iterator(),
    api.get_desktoptokens(),
    api.get_desktoptokens_generator(),
):
    assert list(nothing) == []

# People register credentials in a browser: none is there to delete, which is as good as deleted.
assert bare(api.delete_webauthncredential, "WA" + "0" * 17 + "X") == ""

for missing in (api.get_u2ftoken_by_id, api.get_webauthncredential_by_id):
    refused(40401, missing, "WA" + "0" * 17 + "X")

made = api.add_admin("Uni T", "unit@example.org", "+15550111", "unused", role="Help Desk")
admin_id = made["admin_id"]
assert bare(api.reset_admin, admin_id) == ""
activation = api.activate_admin("new@example.org", admin_role="Read-only", send_email=True)
assert activation["email_sent"] == 0 and activation["link"].startswith("https://"), "no mail is configured here"
assert {found["email"] for found in api.get_external_password_mgmt_statuses()} >= {"unit@example.org"}
assert api.update_admin_password_mgmt_status(admin_id, has_external_password_mgmt=True)["has_external_password_mgmt"]
assert api.get_external_password_mgmt_status_for_admin(admin_id)["has_external_password_mgmt"] is True
factors = api.set_allowed_admin_auth_methods(push_enabled=True, yubikey_enabled=True)
assert factors["push_enabled"] is True and factors["mobile_otp_enabled"] is False, factors
assert api.get_allowed_admin_auth_methods() == factors

params = {"name": "North", "description": "", "restrict_by_groups": "true", "groups": group_id, "admins": admin_id}
unit = api.json_api_call("POST", "/admin/v1/administrative_units", params)
for found in (
    api.get_administrative_units(),
    api.get_administrative_units(limit=1),
    api.get_administrative_units(admin_id=admin_id),
    list(api.get_administrative_units_iterator(group_id=group_id)),
):
    assert [one["admin_unit_id"] for one in found] == [unit["admin_unit_id"]], found
assert api.get_administrative_units(integration_key=SITE["auth"]["ikey"]) == []

assert api.get_offline_log() == []
assert api.get_info_telephony_credits_used()["telephony_credits_used"] == 0
# The smallest PNG there may be: signature, header of 12 by 12, end.
png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (12).to_bytes(4, "big") * 2 + b"\x08\x06\0\0\0\0\0\0\0\0\0\0\0IEND\xaeB`\x82"
assert bare(api.update_logo, png) == ""
assert api.get_logo() == png
assert bare(api.delete_logo) == ""

push = refused(40002, api.send_verification_push, user_id, phone_id)
refused(40401, api.get_verification_push_response, user_id, "00000000-0000-0000-0000-000000000000")

policy = api.create_policy_v2({"policy_name": "Methods", "sections": {"screen_lock": {"require_screen_lock": True}}})
key = policy["response"]["policy_key"] if "response" in policy else policy["policy_key"]
answer = lambda found: found["response"] if isinstance(found, dict) and "response" in found else found
assert answer(api.get_policy_v2(key))["policy_name"] == "Methods"
assert key in {found["policy_key"] for found in answer(api.get_policies_v2())}
assert key in {found["policy_key"] for found in api.get_policies_v2_iterator()}
assert answer(api.get_policy_summary_v2())["policy_count"] >= 2
assert answer(api.update_policy_v2(key, {"policy_name": "Renamed"}))["policy_name"] == "Renamed"
api.copy_policy_v2(key, ["Copy"])
assert "Copy" in {found["policy_name"] for found in api.get_policies_v2_iterator()}
api.update_policies_v2({"screen_lock": {"require_screen_lock": False}}, [], edit_list=[key])
assert "sections" in answer(api.calculate_policy(SITE["auth"]["ikey"], user_id))
api.delete_policy_v2(key)
assert key not in {found["policy_key"] for found in api.get_policies_v2_iterator()}

# --- is that all? -----------------------------------------------------------------------------------------------------
methods = {
    name
    for name, value in vars(duo_client.Admin).items()
    if inspect.isfunction(value) and not name.startswith("_")
}
# The transport that every other one calls.
methods.remove("api_call")
calls = "".join((here / program).read_text() for program in ("admin_flows.py", "admin_methods.py"))
calls = calls.split("# --- is that all?")[0] + (here / "admin_flows.py").read_text()
called = {name for name in methods if re.search(rf"\bapi\.{name}\b|\breading\.{name}\b", calls)}
listed = set(re.findall(r"`duo_client\.Admin\.(\w+)`", pathlib.Path(sys.argv[1]).read_text()))
assert methods, "the library has another shape"
assert not methods - called - listed, f"neither exercised nor listed as not yet: {sorted(methods - called - listed)}"
assert not called & listed, f"exercised and listed as not yet: {sorted(called & listed)}"
assert not listed - methods, f"listed, but the library has no such method: {sorted(listed - methods)}"
