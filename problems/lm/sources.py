"""The folder that a model's name means, and the kind of model in it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evollm.errors import EvollmError
from evollm.llm.connect import HUGGING_FACE, OFFLINE
from evollm.llm.files import digest
from evollm.paths import anchored
from problems.lm.conversion import converted, offline
from problems.lm.extra import require
from problems.lm.settings import LMSettings

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Patterns of files with weights; the first that matches any is read."""
PACKED = "compressed-tensors"
"""The format of packed models that the extra ``compression`` reads."""
FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.py"]


@dataclass(frozen=True, slots=True)
class Source:
    """A folder with a configuration, a tokenizer and weights.

    Attributes:
        name: As the user named it; a path is absolute.
        folder: Where the files are.
        revision: The commit of a model from Hugging Face.
    """

    name: str
    folder: Path
    revision: str | None = None

    @property
    def weights(self) -> list[Path]:
        """The files with weights, sorted by name.

        Raises:
            EvollmError: If there are none.
        """
        for pattern in WEIGHTS:
            if files := sorted(self.folder.glob(pattern)):
                return files
        raise EvollmError(
            f"{self.name} has no weights (*.safetensors or pytorch_model.bin in {self.folder}): "
            "fetch it again, or name another model"
        )

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as it was written.

        Raises:
            EvollmError: If ``config.json`` is missing or not an object.
        """
        file = self.folder / "config.json"
        try:
            read = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            read = None
        if not isinstance(read, dict):
            raise EvollmError(
                f"{self.name} has no readable config.json in {self.folder}: give a folder that "
                "save_pretrained wrote, a GGUF file, or hf: and a Hugging Face id"
            )
        return read

    def fingerprint(self) -> dict[str, str | None]:
        """Return what identifies the model in a record: name, commit and SHA-256.

        The digest is of the configuration, the tokenizer and the weights: of their content, but of
        the sizes alone where a commit stands for the content.
        """
        parts = {}
        for file in [*self.weights, *self.folder.glob("*.json"), *self.folder.glob("*.model")]:
            parts[file.name] = file.stat().st_size if self.revision else digest(file)
        text = json.dumps(parts, sort_keys=True)
        hashed = hashlib.sha256(text.encode()).hexdigest()
        return {"name": self.name, "revision": self.revision, "sha256": hashed}


def find(name: str | None, settings: LMSettings, weights: bool = True) -> Source:
    """Return where a model is, fetched or converted if need be.

    Args:
        name: As ``load`` takes it.
        settings: Of which the revision counts.
        weights: Whether the weights of a model from Hugging Face are fetched.

    Raises:
        EvollmError: If there is no such model, or it can't be fetched or converted.
    """
    name = name or OFFLINE
    if settings.revision is not None and not name.startswith(HUGGING_FACE):
        raise EvollmError(
            f"revision is for Hugging Face models, and {name} is none: leave it out, or write "
            f"{HUGGING_FACE}OWNER/MODEL"
        )
    if name == OFFLINE:
        return Source(OFFLINE, offline())
    if name.startswith(HUGGING_FACE):
        return _fetched(name, settings, weights)
    path = anchored(name)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise EvollmError(f"there is no GGUF file {path}: name one that exists")
        return Source(str(path), converted(path))
    if not path.is_dir():
        raise EvollmError(
            f"there is no folder {path}: name a folder with a config.json, a GGUF file, "
            f"{HUGGING_FACE}OWNER/MODEL or '{OFFLINE}'"
        )
    return _local(path)


def _local(folder: Path) -> Source:
    files = sorted(folder.glob("*.gguf"))
    if len(files) == 1 and not (folder / "config.json").exists():
        return Source(str(folder), converted(files[0]))
    return Source(str(folder), folder)


def _fetched(name: str, settings: LMSettings, weights: bool) -> Source:
    """Return a model from Hugging Face's cache, downloaded if the network allows."""
    require(*([] if weights else ["transformers"]))
    folder = _snapshot(name, settings, [*FILES, WEIGHTS[0]] if weights else FILES)
    if weights and not list(folder.glob(WEIGHTS[0])):
        folder = _snapshot(name, settings, [*FILES, WEIGHTS[1]])
    return Source(name, folder, revision=folder.name)


def _snapshot(name: str, settings: LMSettings, patterns: list[str]) -> Path:
    from huggingface_hub import errors, snapshot_download

    model = name.removeprefix(HUGGING_FACE)
    try:
        found = snapshot_download(
            model, revision=settings.revision, allow_patterns=patterns, ignore_patterns=["*/*"]
        )
    except errors.GatedRepoError:
        raise EvollmError(
            f"{name} is open only to those who accept its terms: accept them on its page, and give "
            "a token in HF_TOKEN"
        ) from None
    except errors.RevisionNotFoundError:
        raise EvollmError(
            f"{name} has no revision {settings.revision}: name a branch, tag or commit of it"
        ) from None
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        raise EvollmError(
            f"there is no Hugging Face model {model}, or it is private: check its name, or give a "
            "token in HF_TOKEN"
        ) from None
    except Exception as error:
        if not _unreachable(error):
            raise
        raise EvollmError(
            f"{name} is not in the cache of Hugging Face on this machine, and can't be fetched "
            f"from the network ({type(error).__name__}): fetch it where there is one, or name a "
            f"folder, a GGUF file or '{OFFLINE}'"
        ) from None
    return Path(found)


def _unreachable(error: Exception) -> bool:
    """Return whether an error is the network's, by whatever client the hub's library uses."""
    from huggingface_hub import errors

    home = type(error).__module__.split(".")[0]
    known = (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, errors.HfHubHTTPError)
    return isinstance(error, (*known, OSError)) or home.startswith("http")


def is_masked(source: Source, settings: LMSettings) -> bool:
    """Return whether a model is masked, after a look at its configuration.

    Raises:
        EvollmError: If the configuration or the weights are missing; or the model is neither causal
            nor masked, unknown to the installed transformers, packed by a package that is missing,
            or needs code that is not trusted.
    """
    from transformers.models.auto import configuration_auto as configurations
    from transformers.models.auto import modeling_auto as known

    config, _ = source.config, source.weights
    own = config.get("model_type") not in configurations.CONFIG_MAPPING_NAMES
    if own and "auto_map" in config and not settings.trust_remote_code:
        raise EvollmError(
            f"{source.name} needs Python code that comes with it: read {source.folder}, and set "
            "trust_remote_code if you trust that code, or name another model"
        )
    if own and "auto_map" not in config:
        raise EvollmError(
            f"the installed transformers does not know {source.name}'s model type "
            f"'{config.get('model_type')}': upgrade it, or name another model"
        )
    if (config.get("quantization_config") or {}).get("quant_method") == PACKED and not _unpacks():
        raise EvollmError(
            f"{source.name} is packed, and compressed-tensors is not installed: run `pip install "
            "'evollm[compression]'`"
        )
    built = config.get("architectures") or []
    if not config.get("is_encoder_decoder"):
        if _any(built, known.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, "ForCausalLM"):
            return False
        if _any(built, known.MODEL_FOR_MASKED_LM_MAPPING_NAMES, "ForMaskedLM"):
            return True
    raise EvollmError(
        f"{source.name} is neither a causal nor a masked language model, but "
        f"{', '.join(built) or 'of no named architecture'}: name another model"
    )


def _any(built: list[str], known: Mapping[str, Any], ending: str) -> bool:
    return any(name in known.values() or name.endswith(ending) for name in built)


def _unpacks() -> bool:
    return find_spec("compressed_tensors") is not None
