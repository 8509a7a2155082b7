# SPDX-License-Identifier: Apache-2.0
"""What somebody does with ncclient: nc.py PORT USER PASSWORD KEYFILE OPERATION...

"-" is no password or no key. The operations: get, hostname=NAME, lock.
"""
import sys

from ncclient import manager

FILTER = ("subtree", '<system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"/>')
CONFIG = ('<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
          '<system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"><hostname>%s</hostname></system></config>')

port, user, password, key = sys.argv[1:5]
login = {"password": "" if password == "-" else password, "key_filename": None if key == "-" else key}
try:
    with manager.connect(host="127.0.0.1", port=int(port), username=user, hostkey_verify=False,
                         allow_agent=False, look_for_keys=False, timeout=20, **login) as m:
        print("session", m.session_id, "base:1.1" if any(":base:1.1" in c for c in m.server_capabilities) else "")
        for op in sys.argv[5:]:
            if op == "get":
                print(m.get_config("running", filter=FILTER).data_xml)
            elif op.startswith("hostname="):
                print("ok", m.edit_config(target="running", config=CONFIG % op.split("=", 1)[1]).ok)
            elif op == "lock":
                with m.locked("running"):
                    print("locked")
except Exception as e:
    print(type(e).__name__, e)
    sys.exit(1)
