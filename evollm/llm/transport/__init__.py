"""What goes over the wire: addresses, keys, forms, errors, limits and retries.

- ``addresses``: Read from a base URL, on this machine or not, behind a proxy or not.
- ``clients``: The HTTP client of one endpoint, which the environment must not lead astray.
- ``complaints``: What an endpoint says is wrong: read from whatever form it says it in, the key
  taken out.
- ``formats``: How an endpoint wants its requests: the common form, and what it has refused so far.
- ``keys``: What a request carries beside its body: the key, headers and query, and what of it is
  secret.
- ``limits``: Limits on requests and tokens a minute, fair in order, and a pause for all.
- ``retries``: The one place where a request is tried again.
"""
