"""EvoPress: the compression level of each layer of a language model, under an exact budget.

- ``baselines``: Ways to choose levels without a search, under the same budget.
- ``brute``: Whether the search finds what brute force finds.
- ``command``: ``evollm run compression``: EvoPress on the command line.
- ``compressed``: What a search for levels came to: the level of each unit, and the evidence.
- ``evaluation``: How much a compressed model differs from the whole one.
- ``export``: The compressed model as files that others load.
- ``fitness``: The fitness of level vectors.
- ``forecast``: What a run would take in tokens and seconds.
- ``front``: A front of bytes against divergence, in place of one budget.
- ``kinds``: Kinds of compression: units, levels, budgets, and how levels vary.
- ``layout``: The units whose level is chosen, and the bytes that each level takes.
- ``levels``: Every layer at every level, built once.
- ``loaded``: A model with its units, its text and its scorer, loaded once in a process.
- ``notation``: Level vectors as short text.
- ``options``: The options of the command, and the settings that they stand for.
- ``present``: A run described: the report, the files, and the pictures.
- ``schedules``: How long a search is.
- ``system``: EvoPress for users: a search for the level of each unit.
- ``texts``: Text to calibrate and search on, and other text to measure the result on.
"""

from typing import TYPE_CHECKING

from evollm.lazy import lazily

if TYPE_CHECKING:
    from problems.compression.compressed import Compressed
    from problems.compression.kinds import Depth, Joint, Quantization, Sparsity
    from problems.compression.system import EvoPress

__all__ = ["Compressed", "Depth", "EvoPress", "Joint", "Quantization", "Sparsity"]

__getattr__ = lazily(
    __name__,
    {
        "Compressed": "problems.compression.compressed",
        "Depth": "problems.compression.kinds",
        "EvoPress": "problems.compression.system",
        "Joint": "problems.compression.kinds",
        "Quantization": "problems.compression.kinds",
        "Sparsity": "problems.compression.kinds",
    },
)
