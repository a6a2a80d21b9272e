"""Initial trees from a model that is shown a few examples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evollm.types import JSON, Offspring, Parent
from operators.trees.genome import Tree
from operators.trees.prompting import Page, TreePrompt, reading_note


@dataclass(frozen=True)
class FirstTrees:
    """Makes an initial population by few-shot prompts, ignoring the parents.

    Attributes:
        asking: The prompts and their settings.
        examples: Example trees; may be empty.
    """

    asking: TreePrompt
    examples: tuple[Tree, ...] = ()

    @property
    def io_bound(self) -> bool:
        """True, because the call waits for a model."""
        return True

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Tree]:
        """Return up to ``n`` trees, one per valid answer."""
        if n < 1:
            return Offspring([])
        shown = [self.asking.text(tree) for tree in self.examples]
        page = Page.of(self.examples, shown, "", "Write one more tree for this task.")
        [replies] = self.asking.complete([page], n, seed)
        rejected: Counter[str] = Counter()
        genomes: list[Tree] = []
        notes: list[JSON] = []
        calls: list[list[str]] = []
        for reply in replies:
            found = self.asking.read(reply, rejected)
            if found is not None and found.tree is not None:
                genomes.append(found.tree)
                notes.append(reading_note(found))
                calls.append([reply.key])
        own: list[list[int]] = [[] for _ in genomes]
        return Offspring(genomes, notes, dict(rejected), own, n, len(genomes), calls)
