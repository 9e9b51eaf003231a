"""An application with ldap3: one connection, on which its own account, a person and its own account again are bound, as Vault does it.

Prints one line of JSON: what each step said.
"""

import json
import sys

import ldap3

url, account, account_password, name, password = sys.argv[1:]
host, port = url.removeprefix("ldap://").split(":")
server = ldap3.Server(host, port=int(port), get_info=ldap3.NONE, connect_timeout=10)
connection = ldap3.Connection(server, account, account_password, receive_timeout=60, raise_exceptions=False)
steps = []


def bound(ok):
    steps.append([ok, connection.result["description"], connection.result["message"]])


def found():
    connection.search("ou=people,dc=lab", f"(uid={name})", attributes=["mail"])
    entry = connection.entries[0]
    steps.append([entry.entry_dn, entry.mail.value])
    return entry.entry_dn


bound(connection.bind())
dn = found()
bound(connection.rebind(user=dn, password=password))
who = connection.extend.standard.who_am_i()
steps.append(who)
bound(connection.rebind(user=account, password=account_password))
found()
steps.append(connection.extend.standard.who_am_i())
connection.unbind()
print(json.dumps(steps))
