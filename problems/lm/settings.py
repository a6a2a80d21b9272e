"""How a model is loaded; the options of the command line."""

from dataclasses import dataclass
from typing import Literal

from evollm.cli.options import option

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class LMSettings:
    """How a model is loaded.

    Attributes:
        dtype: Of the weights; auto is float32 on a CPU, and what the model was saved in elsewhere.
        device: cpu, cuda, cuda:1 and the like, or auto to spread the model over all graphics cards;
            none for a graphics card if there is one.
        revision: Of a Hugging Face model: a branch, tag or commit; none for its main branch.
        trust_remote_code: Run the Python code that a model brings along.
    """

    dtype: Precision = "auto"
    device: str | None = option(None, metavar="DEVICE")
    revision: str | None = option(None, metavar="NAME")
    trust_remote_code: bool = False
