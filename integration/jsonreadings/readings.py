"""Reads JSON-RPC bodies, a line of hexadecimal digits each, and prints their operations:
method, name and uri of each message, as JSON. A body that Python refuses is null."""

import json
import sys


def text(value):
    return value if isinstance(value, str) else None


def operation(message):
    if not isinstance(message, dict):
        return None
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    return [text(message.get("method")), text(params.get("name")), text(params.get("uri"))]


def read(body):
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    messages = document if isinstance(document, list) else [document]
    return [o for o in map(operation, messages) if o]


for line in sys.stdin:
    print(json.dumps(read(bytes.fromhex(line.strip()))), flush=True)
