"""Language models: what operators see of them, and the endpoints behind.

- ``addresses``: Read from a base URL, on this machine or not, behind a proxy or not.
- ``base``: Language models as the operators see them: prompts in, completions out.
- ``client``: The client for OpenAI-compatible endpoints.
- ``clients``: The HTTP client of one endpoint, which the environment must not lead astray.
- ``complaints``: What an endpoint says is wrong: read from whatever form it says it in, the key
  taken out.
- ``connect``: The one named, or the offline one.
- ``dry``: A model that only notes what it is asked: for dry runs.
- ``files``: Model weights, servers' lock files, and cached answers.
- ``keys``: What a request carries beside its body: the key, headers and query, and what of it is
  secret.
- ``locks``: They hold between processes and end with their process, however that ends.
- ``offline``: The offline model: a small language model served on this machine.
- ``scripted``: For tests, notebooks and dry runs.
- ``speech``: What of a message is the answer: parts joined, thoughts and what follows a stop text
  cut away.
"""
