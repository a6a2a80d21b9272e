"""Sending requests: addresses, keys, formats, errors, limits and retries.

- ``addresses``: The address in a base URL, whether it is on this machine, and the proxy to it.
- ``clients``: The HTTP client of one endpoint, independent of unrelated environment variables.
- ``complaints``: Error messages of an endpoint, read from any of their formats, with secrets
  removed.
- ``formats``: The request format of an endpoint, adapted to what it has refused.
- ``keys``: The key, headers and query of a request, and which of them are secret.
- ``limits``: Limits on requests and tokens per minute, first come first served, and pauses for
  all.
- ``retries``: The retry policy: the only place where a request is repeated.
"""
