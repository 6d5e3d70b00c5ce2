"""A navigation system as another process: pyigtl's OpenIGTLink server, which says what it received.

``python -m Servers.NavigationPeer`` prints its port, and when the plan is complete one line of JSON.
"""

import json
import sys
import time

import pyigtl

PATIENCE_SECONDS = 60


def main():
    # pyigtl knows how to send surfaces, not how to read them.
    pyigtl.messages.message_type_to_class_constructor["POLYDATA"] = _Unread
    server = pyigtl.OpenIGTLinkServer(port=0, local_server=True)
    print(server.server_address[1], flush=True)
    received, deadline = [], time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and not any(one["device"] == "PlanComplete" for one in received):
        received += [_described(message) for message in server.get_latest_messages()]
        time.sleep(0.02)
    print(json.dumps(received), flush=True)


class _Unread(pyigtl.messages.MessageBase):
    def _unpack_content(self, content):
        self.bytes = len(content)


def _described(message):
    values = {"device": message.device_name, "type": message.message_type}
    if message.message_type == "STRING":
        values["text"] = message.string
    if message.message_type == "TRANSFORM":
        values["matrix"] = message.matrix.tolist()
    if message.message_type == "POINT":
        values |= {"points": message.positions, "labels": message.names}
    if message.message_type == "POLYDATA":
        values["bytes"] = message.bytes
    return values


if __name__ == "__main__":
    sys.exit(main())
