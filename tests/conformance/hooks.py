"""How Schemathesis sends what is no JSON: as the bytes or the text that it made up, and what should be neither as JSON."""

import json

import schemathesis


@schemathesis.serializer("application/gzip", "application/toml")
def as_it_is(_context, value):
    value = getattr(value, "data", value)
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()
