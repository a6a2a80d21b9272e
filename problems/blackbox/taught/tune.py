"""``evollm tune blackbox``: a model taught where the optimum of a function is likely to be."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from evollm.cli.options import option
from evollm.tuning.adapter import write_gguf
from evollm.tuning.examples import Mixture, Teacher
from evollm.tuning.settings import TrainSettings
from problems.blackbox.prior.teacher import PriorTeacher
from problems.blackbox.prior.trajectories import TrajectoryTeacher

LONGEST = 2000
"""Characters of a teacher that are recorded; one made of earlier runs holds all of its examples."""


@dataclass(frozen=True)
class Options:
    """What is taught, and which model.

    Attributes:
        model: As evollm takes it for prompts; none for the offline model.
        device: cpu, cuda and the like; none for a graphics card if there is one.
        teacher: What the answers are: the optimum of made-up functions (prior), where CMA-ES and
            SciPy's local searches go next on such functions (trajectories), or both, of each half
            the examples. Not used with --from-runs.
        dimensions: The largest number of coordinates of a function.
    """

    teacher: Literal["prior", "trajectories", "both"] = "prior"
    model: str | None = option(None, metavar="NAME")
    device: str | None = option(None, metavar="DEVICE")
    dimensions: int = 10


class Tuning:
    """The command."""

    help = "numbers: a prior over functions teaches where the optimum is likely to be"
    options = Options

    def teacher(self, options: Options) -> Teacher:
        """Return the teacher that the options name."""
        prior = PriorTeacher(dimensions=options.dimensions)
        if options.teacher == "prior":
            return prior
        others = TrajectoryTeacher(dimensions=options.dimensions)
        return others if options.teacher == "trajectories" else Mixture((prior, others))

    def tune(
        self,
        teacher: Teacher,
        options: Options,
        settings: TrainSettings,
        folder: Path,
        report: Any,
    ) -> list[Path]:
        """Train, and write PEFT's files, the record, and a GGUF file; see ``evollm.cli.tune``."""
        from evollm.tuning.train import RECORD, train
        from problems.lm import LMSettings, load

        lm = load(options.model, LMSettings(dtype="float32", device=options.device))
        train(lm.model, lm.tokenizer, teacher, settings, folder, report)
        config = lm.model.config.get_text_config()
        file = write_gguf(
            folder,
            folder / "adapter.gguf",
            config.num_attention_heads,
            config.num_key_value_heads,
        )
        record = json.loads((folder / RECORD).read_text("utf-8"))
        record |= {
            "teacher": text if len(text := repr(teacher)) <= LONGEST else f"{text[:LONGEST]} ...",
            "model": dict(lm.fingerprint),
            "options": asdict(options),
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        return sorted(folder.glob("adapter*"))


COMMAND = Tuning()
