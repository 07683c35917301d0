"""How Schemathesis sends what is no JSON: as the bytes or the text that it made up."""

import schemathesis


@schemathesis.serializer("application/gzip", "application/toml")
def as_it_is(_context, value):
    value = getattr(value, "data", value)
    return value.encode() if isinstance(value, str) else value
