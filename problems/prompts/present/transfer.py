"""A prompt that was pruned for one model, scored with another one."""

from dataclasses import dataclass
from typing import Any

from evollm.errors import EvollmError
from problems.lm.settings import LMSettings
from problems.prompts.evidence import Score
from problems.prompts.methods.baselines import Unpruned
from problems.prompts.present.difference import Difference
from problems.prompts.pruned import Pruned
from problems.prompts.system import PromptQuine


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a prompt works with a model that it was not pruned for.

    Attributes:
        model: The name of that model.
        metric: What the scores are.
        pruned: The pruned prompt's score on the test examples.
        unpruned: The unpruned prompt's.
        difference: Between the two, example by example.
    """

    model: str
    metric: str
    pruned: Score
    unpruned: Score
    difference: Difference

    def __str__(self) -> str:
        return (
            f"{self.metric} with {self.model}: pruned {self.pruned}, unpruned {self.unpruned}, "
            f"difference {self.difference.text()}"
        )


def transfer(found: Pruned, model: Any, lm: LMSettings | None = None) -> Transfer:
    """Score a pruned prompt and the unpruned one with another model, on the test examples.

    Both reach it as text, since another tokenizer knows other tokens.

    Args:
        found: What a search came to.
        model: Who reads, as ``PromptQuine`` takes it.
        lm: How a model in this process is loaded.

    Raises:
        EvollmError: If the task has no test examples, or the model can't read the prompts or the
            label words.
    """
    examples = found.system.task.splits.test
    if not examples:
        raise EvollmError(
            f"the task {found.system.task.name} has no test examples: give some, so that another "
            "model can be scored"
        )
    metric = found.system.task.headline
    scores, name = [], ""
    for text in (found.text, found.system.template.text):
        other = PromptQuine(model, text, found.system.task, method=Unpruned(), lm=lm)
        other.problem.prepare()
        judged = other.problem.judged(other.problem.prompt.whole, examples)
        scores.append(Score.of(judged.values[metric].tolist()))
        name = other.reader.name
    pruned, whole = scores
    return Transfer(name, metric, pruned, whole, Difference.of(whole.values, pruned.values))
