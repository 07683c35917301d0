"""How Schemathesis sends what is no JSON: as the bytes that it made up."""

import schemathesis


@schemathesis.serializer("application/gzip")
def archive(_context, value):
    return getattr(value, "data", value) if not isinstance(value, str) or hasattr(value, "data") else value.encode()
