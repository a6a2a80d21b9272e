"""Low-rank adapters trained on examples, in torch; resumed after a kill.

Hu et al.: LoRA: Low-Rank Adaptation of Large Language Models, 2021, arXiv 2106.09685.
"""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evollm.errors import EvollmError
from evollm.paths import TRAINED
from evollm.tuning.batches import Batch, batches, loss
from evollm.tuning.checkpoint import check_folder, digest, keep, kept
from evollm.tuning.examples import VALIDATION, Example, Teacher
from evollm.tuning.settings import TrainSettings
from evollm.tuning.teaching import seed_of, supply

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("evollm")

TOGETHER = {"cpu": 4096}
"""Tokens that are computed at a time, by device; their activations are about a megabyte each."""
SHORT = 256
"""Tokens of a row up to which the CPU trains faster with plain attention than with a fused one."""
OPENING, SMALL = 3, 4
"""The first steps, which any machine can repeat: how many, and their examples."""
Report = Callable[[dict[str, Any]], None]


@dataclass
class Progress:
    """What is known of a training.

    Attributes:
        step: Steps done.
        seconds: Time spent in them.
        examples: Examples seen.
        tokens: Tokens read.
        opening: Losses of the first steps.
        losses: Step, seconds, training loss since the last line, and validation loss.
    """

    step: int = 0
    seconds: float = 0.0
    examples: int = 0
    tokens: int = 0
    opening: list[float] = field(default_factory=list)
    losses: list[tuple[int, float, float, float]] = field(default_factory=list)


def train(
    model: Any,
    tokenizer: Any,
    teacher: Teacher,
    settings: TrainSettings,
    folder: Path,
    report: Report = lambda line: None,
) -> Progress:
    """Train an adapter, and write it as PEFT's safetensors.

    Args:
        model: A causal model of transformers in float32; it gets the adapter's layers.
        tokenizer: Its tokenizer.
        teacher: Makes the examples.
        settings: How to train.
        folder: Where the adapter, the checkpoint and the record go; a training that was
            interrupted there goes on.
        report: Called with each new line of the record: step, seconds, losses, tokens per second.

    Raises:
        EvollmError: If ``peft`` is missing; the folder holds a training with other settings or
            another teacher, or files that are not of a training; or the loss becomes infinite.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(model, tokenizer, teacher, settings, folder)
    training.run(report)
    return training.progress


class Training:
    """A training under way; see ``train``."""

    def __init__(
        self, model: Any, tokenizer: Any, teacher: Teacher, settings: TrainSettings, folder: Path
    ) -> None:
        import torch

        self.settings, self.teacher, self.folder = settings, teacher, folder
        self.tokenizer, self.device = tokenizer, next(model.parameters()).device
        self.together = TOGETHER.get(self.device.type, 24_576)
        self.model = adapted(model, settings)
        self.weights = [one for one in self.model.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(self.weights, lr=settings.rate, weight_decay=0.0)
        self.progress = Progress()
        self._resume()
        self._warn()

    def run(self, report: Report) -> None:
        """Train until the time or the steps run out; checkpoints are written in between."""
        before = self.progress.step
        try:
            self._steps(report)
        except KeyboardInterrupt:
            self._keep()
            raise
        if self.progress.step > before or not (self.folder / TRAINED).exists():
            self.model.save_pretrained(str(self.folder))
        self._keep()

    def _warn(self) -> None:
        import torch

        slow = torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")
        if slow and self.device.type == "cpu" and self.settings.precision == "bfloat16":
            log.warning(
                "this processor has no instructions for bfloat16, which it computes many times "
                "slower than float32: stop, and leave --precision bfloat16 out"
            )

    def _steps(self, report: Report) -> None:
        settings, progress = self.settings, self.progress
        held_out = self._held_out()
        while progress.step < OPENING and self._share() < 1:
            self._opening_step()
        self._halve()
        began, spent = time.perf_counter(), progress.seconds
        running: list[Tensor] = []
        with self._supply() as coming:
            next_line = progress.seconds + 60 * settings.every
            while self._share() < 1:
                running.append(self._step(next(coming)))
                progress.seconds = spent + time.perf_counter() - began
                if progress.seconds >= next_line or self._share() >= 1:
                    self._line(running, held_out, report)
                    running, next_line = [], progress.seconds + 60 * settings.every

    def _halve(self) -> None:
        """Keep the frozen weights in the precision in which a graphics card computes with them.

        Otherwise each step would round them again, and pass numbers twice as wide between layers.
        """
        import torch

        if self.settings.precision == "float32" or self.device.type == "cpu":
            return
        for weight in self.model.parameters():
            if not weight.requires_grad:
                weight.data = weight.data.to(torch.bfloat16)
        for module in self.model.modules():
            if hasattr(module, "cast_input_dtype_enabled"):  # peft would widen each input again
                module.cast_input_dtype_enabled = False

    def _supply(self) -> Any:
        settings, first = self.settings, self.progress.step
        if self._share() >= 1:
            return nullcontext(iter(()))
        return supply(self.teacher, settings.seed, first, settings.batch, settings.workers)

    def _share(self) -> float:
        """Return how much of the time or of the steps is spent."""
        settings = self.settings
        shares = [0.0]
        if settings.minutes:
            shares.append(self.progress.seconds / (60 * settings.minutes))
        if settings.steps is not None:
            shares.append(self.progress.step / settings.steps)
        return max(shares)

    def _opening_step(self) -> None:
        seed = seed_of(self.settings.seed, self.progress.step)
        examples = list(self.teacher.examples(SMALL, seed))
        found = self._update(examples, self.settings.rate / 100, exact=True)
        self.progress.opening.append(float(found))

    def _step(self, examples: Sequence[Example]) -> Tensor:
        warm = min(1.0, (self.progress.step + 1) / max(1, self.settings.warmup))
        rate = self.settings.rate * warm * max(0.0, 1 - self._share())
        return self._update(examples, rate, exact=False)

    def _update(self, examples: Sequence[Example], rate: float, exact: bool) -> Tensor:
        """Make a step; long and short examples are computed apart, as padding costs time."""
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total = torch.zeros((), device=self.device)
        weight = sum(one.weight for one in examples)
        for batch in batches(examples, self.tokenizer, self.device, self.together):
            self._attend(batch.ids.shape[1])
            with self._precision(exact):
                found = loss(self.model.base_model.model, batch) * (batch.weight / weight)
            torch.autograd.backward(found)
            total += found.detach()
            self.progress.tokens += batch.ids.numel()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.progress.examples += len(examples)
        return total

    def _attend(self, length: int) -> None:
        """Choose how attention is computed; plain attention keeps all scores in memory."""
        inner = self.model.base_model.model
        used = inner.config._attn_implementation
        wanted = "eager" if length <= SHORT else "sdpa"
        if self.device.type == "cpu" and used in ("eager", "sdpa") and used != wanted:
            inner.set_attn_implementation(wanted)

    def _precision(self, exact: bool) -> Any:
        import torch

        if exact or self.settings.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _held_out(self) -> list[Batch]:
        seed = VALIDATION + self.settings.seed
        examples = list(self.teacher.examples(self.settings.validate, seed))
        return list(batches(examples, self.tokenizer, self.device, self.together))

    def _line(self, running: list[Any], held_out: list[Batch], report: Report) -> None:
        """Validate, keep a checkpoint, and report."""
        import torch

        progress = self.progress
        mean = float(torch.stack(running).mean()) if running else math.nan
        with torch.no_grad(), self._precision(False):
            each = [float(loss(self.model.base_model.model, one)) for one in held_out]
        sizes = [len(one.ids) for one in held_out]
        valid = sum(a * b for a, b in zip(each, sizes, strict=True)) / sum(sizes)
        if not math.isfinite(valid) or (running and not math.isfinite(mean)):
            raise EvollmError(
                f"the loss is no longer a number at step {progress.step}: name another folder, and "
                f"lower the rate ({self.settings.rate}) or alpha ({self.settings.alpha})"
            )
        progress.losses.append((progress.step, round(progress.seconds, 1), mean, valid))
        self._keep()
        report(
            {
                "step": progress.step,
                "seconds": round(progress.seconds, 1),
                "loss": round(mean, 4),
                "validation": round(valid, 4),
                "examples": progress.examples,
                "tokens_per_second": round(progress.tokens / max(progress.seconds, 1e-9)),
            }
        )

    def _keep(self) -> None:
        from peft import get_peft_model_state_dict

        state = {
            "adapter": get_peft_model_state_dict(self.model),
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(self.progress),
            "settings": asdict(self.settings),
            "teacher": digest(self.teacher),
        }
        keep(self.folder, state)

    def _resume(self) -> None:
        from peft import set_peft_model_state_dict

        state = kept(self.folder, asdict(self.settings), digest(self.teacher), self.device)
        if state is not None:
            set_peft_model_state_dict(self.model, state["adapter"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = Progress(**state["progress"])


def adapted(model: Any, settings: TrainSettings) -> Any:
    """Return a model with an untrained adapter on every linear layer of its blocks.

    Raises:
        EvollmError: If ``peft`` is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise EvollmError(
            "training an adapter needs peft: run `pip install 'evollm[tune]'`"
        ) from None
    import torch

    torch.manual_seed(settings.seed)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha * settings.rank,  # type: ignore[arg-type]  # divided by the rank
        target_modules="all-linear",
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():  # peft asks transformers for what it now calls otherwise
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)
