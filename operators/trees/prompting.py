"""Prompts for decision trees, and reading of their answers."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from evollm.errors import EvollmError
from evollm.llm.base import Completion, LanguageModel, Mode, Prompt, Sampling
from evollm.llm.client.contexts import count, too_long
from evollm.types import JSON, Individual, Parent
from operators.trees.columns import Columns
from operators.trees.context import TreeContext
from operators.trees.fitting import Fit, fitted
from operators.trees.genome import MOST_NODES, Tree, leaves, splits, with_leaves
from operators.trees.json import as_json, read_json_text, schema
from operators.trees.line import grammar, write
from operators.trees.reading import Reading, read

SEEDS = 2**31
_ATTEMPTS = 4  # number of attempts to shorten prompts that are refused as too long
_TOKENS_A_NODE = 14


@dataclass(frozen=True)
class Page:
    """The part of a prompt after the context.

    Attributes:
        shown: Lines, each with a tree.
        query: Beginning of the requested line; empty for a bare tree.
        wish: The request in chat mode, one sentence.
        used: The columns that the trees test.
    """

    shown: Sequence[str] = ()
    query: str = ""
    wish: str = ""
    used: frozenset[int] = frozenset()

    @classmethod
    def of(cls, trees: Sequence[Tree], shown: Sequence[str], query: str, wish: str) -> "Page":
        """Return a page that shows trees as the given lines."""
        used = frozenset(split.feature for tree in trees for split in splits(tree))
        return cls(tuple(shown), query, wish, used)


@dataclass(frozen=True)
class TreePrompt:
    """The common part of all prompts for trees.

    The text common to all prompts comes first, so that a server can cache it. If not all columns
    fit into the model's context, prompts show those that their trees test, and as many of the most
    informative others as fit.

    Attributes:
        model: The language model.
        columns: Names of columns, categories and classes in prompts.
        context: Descriptions of the task and the columns.
        max_depth: Maximum number of splits on a path.
        form: Trees as one short ``line``, or as ``json``.
        mode: Plain continuation of a list of trees, or chat.
        hold: What the endpoint enforces: a ``grammar`` (llama.cpp's servers), a JSON
            ``schema`` (OpenAI's and others, with ``json``), or ``none``.
        temperature: Sampling temperature.
    """

    model: LanguageModel
    columns: Columns
    context: TreeContext = field(default_factory=TreeContext)
    max_depth: int = 3
    form: Literal["line", "json"] = "line"
    mode: Mode = "plain"
    hold: Literal["grammar", "schema", "none"] = "grammar"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.max_depth < 1:
            raise EvollmError(f"max_depth must be 1 or more, not {self.max_depth}")
        allowed = {"line": ("grammar", "none"), "json": ("schema", "none")}.get(self.form)
        if allowed is None:
            raise EvollmError(f"the form of trees must be line or json, not {self.form!r}")
        if self.hold not in allowed:
            raise EvollmError(
                f"hold must be {allowed[0]} or none for trees in {self.form} form, not {self.hold}"
            )

    def shown(self, parent: Parent[Tree]) -> Tree:
        """Return a parent's tree with the leaves that its evaluation fitted."""
        tree = parent.genome
        if isinstance(parent, Individual) and isinstance(parent.outcome.info, Mapping):
            return with_leaves(tree, parent.outcome.info.get("leaves", _leaf_values(tree)))
        return tree

    def written(self, parent: Parent[Tree]) -> str:
        """Return a parent's tree as shown to the model."""
        return self.text(self.shown(parent))

    def text(self, tree: Tree) -> str:
        """Return a tree in the prompts' form."""
        if self.form == "line":
            return write(tree, self.columns)
        return json.dumps(_rounded(as_json(tree, self.columns)), separators=(",", ":"))

    def prompt(self, page: Page, shown: Collection[int] | None = None) -> Prompt:
        """Return the prompt: context, form, the trees shown, and the open query.

        Args:
            page: The trees, the query and the wish.
            shown: The columns to describe; None for all.
        """
        head = [part for part in (self.context.text(shown), self._form(shown)) if part]
        query, wish = page.query, page.wish
        if self.mode == "plain":
            return "\n".join([*head, "", *page.shown, query])
        ask = f'{wish} Continue the list after "{query}".' if query else wish
        end = f"{ask} Answer with one tree in the same form, and nothing else."
        return [{"role": "user", "content": "\n".join([*head, "", *page.shown, "", end])}]

    def _form(self, shown: Collection[int] | None) -> str:
        values = "classes" if self.columns.classes else "numbers"
        columns = [c for i, c in enumerate(self.columns.columns) if shown is None or i in shown]
        labels = any(column.categories for column in columns)
        if self.form == "json":
            listed = " or in the list" if labels else ""
            return (
                f"Decision trees of at most {self.max_depth} questions in a row, as JSON: left "
                f"where feature <= threshold{listed}, else right; leaves are {values}."
            )
        listed = "; (name in{a,b} A B) is A where name is a or b, else B" if labels else ""
        if any(column.gaps for column in columns):
            listed += "; with a ? before A missing values go to A"
        return (
            f"Decision trees of at most {self.max_depth} questions in a row: (name<number A B) is "
            f"A where name <= number, else B{listed}; leaves are {values}."
        )

    def complete(
        self,
        pages: Sequence[Page],
        n: int,
        seed: int,
        *,
        logprobs: bool = False,
        depth: int | None = None,
        lead: str = "",
    ) -> list[list[Completion]]:
        """Ask for ``n`` answers to each page's prompt.

        Prompts that the model refuses as too long are shortened and sent again.

        Args:
            pages: What the prompts show.
            n: Samples per prompt.
            seed: For the model.
            logprobs: Whether the answers' tokens come with their log-probabilities.
            depth: If given, a subtree with at most this many splits on a path is requested.
            lead: Text that the grammar allows before the tree: a blank if a line is continued,
                because tokenizers join it to the next word.

        Raises:
            EvollmError: If prompts can't be made short enough for the model's context.
        """
        most = self.max_depth if depth is None else depth
        limit = getattr(self.model, "context", None)
        for _ in range(_ATTEMPTS):
            fit = self._fit(pages, most, limit)
            sampling = Sampling(
                temperature=self.temperature,
                max_tokens=fit.room,
                stop=() if self.mode == "chat" else ("\n",),
                mode=self.mode,
                schema=schema(self.columns, most, fit.shown) if self.hold == "schema" else None,
                grammar=self._grammar(most, depth is not None, lead, fit.shown),
                top_logprobs=int(logprobs),
                seed=seed % SEEDS,
            )
            replies = self.model.complete(fit.prompts, sampling, n)
            if not any(too_long(reply.error) for answers in replies for reply in answers):
                break
            limit = self._less(fit, limit)
        return replies

    def _fit(self, pages: Sequence[Page], most: int, limit: int | None) -> Fit:
        """Return the prompts, with as many columns as fit."""
        used = frozenset[int]().union(*(page.used for page in pages))
        ranked = self.context.ranked(used) if self.context.columns else []
        room = _tokens(most) * (3 if self.form == "json" else 1)

        def write(shown: Collection[int] | None) -> list[Prompt]:
            listed = None if shown is None else frozenset(shown)
            return [self.prompt(page, listed) for page in pages]

        return fitted(self.model, write, ranked, max(1, len(used)), room, limit)

    def _less(self, fit: Fit, limit: int | None) -> int:
        """Return the limit after a refusal: the one it named, or half of what was refused."""
        named: int | None = getattr(self.model, "context", None)
        if named is not None and (limit is None or named < limit):
            return named
        return (max(count(self.model, fit.prompts)) + fit.room) // 2

    def check(self) -> None:
        """Check that a prompt without trees fits into the model's context.

        Raises:
            EvollmError: If it does not fit.
        """
        self._fit([Page()], self.max_depth, getattr(self.model, "context", None))

    def _grammar(
        self, most: int, lone_leaf: bool, lead: str, shown: Collection[int] | None
    ) -> str | None:
        if self.hold != "grammar":
            return None
        rules = grammar(self.columns, most, lone_leaf, shown)
        return rules.replace("root ::= ", f'root ::= "{lead}" ', 1) if lead else rules

    def read(
        self, reply: Completion, rejected: Counter[str], depth: int | None = None
    ) -> Reading | None:
        """Return the tree in an answer; if there is none, count the reason and return None."""
        if reply.error is not None:
            rejected["unusable completion"] += 1
            return None
        most = self.max_depth if depth is None else depth
        if self.form == "line":
            found = read(reply.text, self.columns, most)
        else:
            found = read_json_text(reply.text, self.columns, most)
        if found.tree is None:
            rejected[found.fault] += 1
            return None
        return found


def reading_note(found: Reading) -> dict[str, JSON]:
    """Return the part of a child's note about its reading: repairs, thresholds out of range."""
    note: dict[str, JSON] = {}
    if found.repaired:
        note["repaired"] = True
    if found.outside:
        note["outside"] = found.outside
    return note


def _tokens(most: int) -> int:
    """Return the maximum number of tokens of a tree of a depth as one line."""
    nodes: int = min(2 ** (most + 1), MOST_NODES + 1)
    return _TOKENS_A_NODE * nodes


def _leaf_values(tree: Tree) -> list[float]:
    return [leaf.value for leaf in leaves(tree)]


def _rounded(value: Any) -> Any:
    """Return JSON with numbers rounded to four digits."""
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value
