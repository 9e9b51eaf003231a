"""The policy calls of `duo_client.Admin`: create, copy, update, calculate, delete, the global policy; and an export that imports unchanged."""

import json
import os
import subprocess
import tempfile

from common import SITE, admin, bare, refused

api = admin()
APP = SITE["auth"]["ikey"]


def everything():
    """All policies, as any client would save them."""
    return sorted(api.get_policies_v2_iterator(), key=lambda policy: policy["policy_key"])


# --- a new account ----------------------------------------------------------------------------------------------------
[only] = everything()
assert only["is_global_policy"] is True and only["policy_key"].startswith("PO"), only
assert api.get_policy_v2("global") == only == api.get_policy_v2(only["policy_key"])
sections = only["sections"]
assert sections["new_user"]["new_user_behavior"] == "enroll", sections
assert sections["authorized_networks"]["no_2fa_required"] == {"ip_list": [], "require_enrollment": True}, sections
assert sections["user_location"]["default_action"] == "ignore-location", sections
refused(40002, api.delete_policy_v2, only["policy_key"])

# --- create, read -----------------------------------------------------------------------------------------------------
a = api.create_policy_v2({"policy_name": "Test New Policy - a"})
assert (a["policy_name"], a["is_global_policy"], a["sections"]) == ("Test New Policy - a", False, {}), a
browsers = api.create_policy_v2(
    {"policy_name": "Test New Policy - d", "sections": {"browsers": {"blocked_browsers_list": ["ie"]}}}
)
assert browsers["sections"]["browsers"]["blocked_browsers_list"] == ["ie"], browsers
desktop = {
    "enforce_encryption": ["windows"],
    "enforce_firewall": ["windows"],
    "requires_duo_desktop": ["windows"],
    "windows_endpoint_security_list": ["cisco-amp"],
    "windows_remediation_note": "Please install the agent & restart: <https://intra/ü>",
}
updated = api.update_policy_v2(a["policy_key"], {"sections": {"duo_desktop": desktop}})
assert {key: updated["sections"]["health_checks"][key] for key in desktop} == desktop, updated
assert api.get_policy_v2(a["policy_key"]) == updated
refused(40003, api.create_policy_v2, {"policy_name": "Test New Policy - a"})
refused(40002, api.create_policy_v2, {"policy_name": "b", "sections": {"browsers": {"blocked": ["ie"]}}})
refused(40002, api.create_policy_v2, {"policy_name": "b", "sections": {"browsers": {"blocked_browsers_list": ["mosaic"]}}})
refused(40401, api.get_policy_v2, "PO" + "A" * 18)

# --- copy, change several, pages --------------------------------------------------------------------------------------
copies = api.copy_policy_v2(browsers["policy_key"], ["Test New Policy - e", "Test New Policy - f"])["policies"]
keys = [copy["policy_key"] for copy in copies]
assert len(set(keys)) == 2 and all(copy["sections"] == browsers["sections"] for copy in copies), copies
changed = api.update_policies_v2("", ["browsers"], keys)["policies"]
assert [policy["sections"] for policy in changed] == [{}, {}], changed
lock = {"screen_lock": {"require_screen_lock": False, "block_unknown": False}}
changed = api.update_policies_v2(lock, [], [], edit_all_policies=True)["policies"]
assert len(changed) == 5 and all(policy["sections"]["screen_lock"] == lock["screen_lock"] for policy in changed), changed
assert len(api.get_policies_v2()) == 5 and len(api.get_policies_v2(limit=2)) == 2
pages = [policy for offset in (0, 2, 4) for policy in api.get_policies_v2(limit=2, offset=offset)]
assert sorted(pages, key=lambda policy: policy["policy_key"]) == everything(), "every policy once"

# --- where they apply, and what that comes to ---------------------------------------------------------------------------
alice = api.add_user("alice")
group = api.create_group("contractors")
api.add_user_group(alice["user_id"], group["group_id"])
deny = {"new_user": {"new_user_behavior": "deny"}}
of_app = api.create_policy_v2({"policy_name": "application", "sections": deny, "apply_to_apps": [APP]})
assert api.get_integration(APP)["policy_key"] == of_app["policy_key"]
calculated = api.calculate_policy(APP, alice["user_id"])
assert calculated["sections"]["new_user"]["new_user_behavior"] == "deny", calculated
assert len(calculated["sections"]) == len(sections), "every section is in force"
assert [element["policy_key"] for element in calculated["policy_elements"]] == [of_app["policy_key"], only["policy_key"]]
of_group = api.create_policy_v2({"policy_name": "contractors", "sections": {"new_user": {"new_user_behavior": "no-mfa"}}})
listed = {"apply_group_policies_list": [{"app_integration_key": APP, "group_id_list": [group["group_id"]]}]}
api.update_policy_v2(of_group["policy_key"], {"apply_to_groups_in_apps": listed})
assert api.calculate_policy(APP, alice["user_id"])["sections"]["new_user"]["new_user_behavior"] == "no-mfa"
summary = api.get_policy_summary_v2()
assert summary["policy_count"] == 7 and summary["response_is_truncated"] is False, summary
applied = {policy["policy_name"]: policy["policy_applies_to"] for policy in summary["policies"]}
assert [(place["app_integration_key"], place["apply_type"]) for place in applied["application"]] == [(APP, "app")], applied
assert [(place["apply_type"], place["group_name"]) for place in applied["contractors"]] == [("group_app", "contractors")]
assert applied["Test New Policy - a"] == []

# --- the global policy, and what nobody does by accident ----------------------------------------------------------------
changed = api.update_policy_v2("global", {"sections": {"anonymous_networks": {"anonymous_access_behavior": "deny"}}})
assert changed["sections"]["anonymous_networks"] == {"anonymous_access_behavior": "deny"}, changed
lockout = {"sections": {"authentication_policy": {"user_auth_behavior": "deny"}}}
refused(40902, api.update_policy_v2, "global", lockout)
assert api.get_policy_v2("global") == changed
api.update_policy_v2("global", dict(lockout, confirm_lockout=True))
api.update_policy_v2("global", {"sections_to_delete": ["authentication_policy"]})
assert api.get_policy_v2("global") == changed, "a section taken away has its default"

# --- an export imports unchanged ----------------------------------------------------------------------------------------
export = everything()
for policy in export:
    assert api.update_policy_v2(policy["policy_key"], policy) == policy, policy
assert everything() == export
with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "policies.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(export, file)
    command = [SITE["program"], "--data", SITE["data"], "policy", "--json", "--yes"]
    # What the environment says about these tests is not for the program, which would take it for its configuration.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    run = lambda *words: subprocess.run([*command, *words], check=True, capture_output=True, env=clean)
    assert json.loads(run("import", path, "--dry-run").stdout) == {"changes": []}
    # What was deleted or changed since comes back as it was, under a new key where the old one is gone.
    bare(api.delete_policy_v2, keys[0])
    api.update_policy_v2(a["policy_key"], {"sections_to_delete": ["health_checks"], "policy_name": "renamed"})
    assert len(json.loads(run("import", path).stdout)["changes"]) == 2
    without_keys = lambda policies: sorted(
        json.dumps({name: value for name, value in policy.items() if name != "policy_key"}, sort_keys=True) for policy in policies
    )
    assert without_keys(everything()) == without_keys(export)

# --- the end ------------------------------------------------------------------------------------------------------------
for policy in everything():
    if not policy["is_global_policy"]:
        assert bare(api.delete_policy_v2, policy["policy_key"]) == ""
        assert bare(api.delete_policy_v2, policy["policy_key"]) == "", "gone already is fine"
assert [policy["is_global_policy"] for policy in everything()] == [True]
assert api.get_integration(APP)["policy_key"] is None
