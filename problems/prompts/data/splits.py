"""Four disjoint sets of examples: to demonstrate, to search, to select and to test with."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256

from evollm.checks import at_least
from evollm.errors import EvollmError
from problems.prompts.data.example import Example, distinct


@dataclass(frozen=True)
class Sizes:
    """How many examples per class a split gets.

    Attributes:
        demonstrations: Examples per label to draw demonstrations from.
        search: Examples per label to score prunings on.
        select: Examples per label to compare the best prunings on.
        test: Examples per label to measure the chosen one on, at most: fewer where the data end.
    """

    demonstrations: int = 64
    search: int = 16
    select: int = 100
    test: int = 500

    def __post_init__(self) -> None:
        """Refuse negative numbers."""
        at_least(0, self, *(item.name for item in fields(self)))

    def within(self, count: int) -> "Sizes":
        """Return sizes that leave a test where a class has few examples.

        Args:
            count: How many a class has: an eighth at most is to demonstrate with, a quarter to
                search and another one to select with.
        """
        return replace(
            self,
            demonstrations=min(self.demonstrations, max(1, count // 8)),
            search=min(self.search, max(1, count // 4)),
            select=min(self.select, max(1, count // 4)),
        )


@dataclass(frozen=True)
class Provenance:
    """Which examples a split holds.

    Attributes:
        sources: The files.
        lines: Their lines, in the order of the examples.
        digest: SHA-256 of texts and answers, in hexadecimal digits.
    """

    sources: tuple[str, ...]
    lines: tuple[int, ...]
    digest: str


@dataclass(frozen=True)
class Splits:
    """Four sets of examples, proved to be disjoint when they are put together.

    Attributes:
        demonstrations: What demonstrations are drawn from.
        search: What prunings are scored on.
        select: What the best prunings are compared on.
        test: What the chosen one is measured on.

    Raises:
        EvollmError: If two of them share a text, or one text has two answers.
    """

    demonstrations: tuple[Example, ...] = ()
    search: tuple[Example, ...] = ()
    select: tuple[Example, ...] = ()
    test: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        """Prove the sets disjoint."""
        self.check()

    def __iter__(self) -> Iterator[tuple[str, tuple[Example, ...]]]:
        """Yield the name and the examples of each split."""
        return ((split.name, getattr(self, split.name)) for split in fields(self))

    def check(self) -> None:
        """Compare all texts, normalised.

        Raises:
            EvollmError: If two splits share a text, or one text has two answers.
        """
        seen: dict[str, tuple[str, Example]] = {}
        for name, examples in self:
            for example in examples:
                other, first = seen.setdefault(example.normalized, (name, example))
                here, there = f"{name} ({example.place})", f"{other} ({first.place})"
                if example.target != first.target:
                    raise EvollmError(
                        f"the text {example} has the answer {first.target!r} in {there} and "
                        f"{example.target!r} in {here}: correct one of them"
                    )
                if name != other:
                    raise EvollmError(
                        f"the text {example} is both in {there} and in {here}: remove it from one"
                    )

    @property
    def provenance(self) -> Mapping[str, Provenance]:
        """Which examples each split holds, for the record."""
        return {name: _provenance(examples) for name, examples in self}


def _provenance(examples: Sequence[Example]) -> Provenance:
    digest = sha256()
    for one in examples:
        digest.update(json.dumps([sorted(one.fields.items()), one.target]).encode() + b"\n")
    return Provenance(
        tuple(sorted({one.source for one in examples})),
        tuple(line for one in examples for line in one.lines),
        digest.hexdigest(),
    )


def cut(
    examples: Iterable[Example],
    sizes: Sizes | None = None,
    *,
    seed: int = 0,
    held_out: Iterable[Example] | None = None,
    fit: bool = False,
) -> Splits:
    """Cut examples into splits: repeats and conflicting labels out, shuffled, classes in turn.

    The splits take their examples one after the other, so they are disjoint by construction; in
    each, all classes have equally many, in turn, so that each half of a split is balanced too.

    Args:
        examples: All examples; or those for all splits but the test.
        sizes: How many per class; None for the default.
        seed: Of the shuffle, which does not depend on the order of the examples.
        held_out: The publisher's own test examples. Texts among both stay in the test only.
        fit: Whether to make do with smaller splits where a class has few examples.

    Raises:
        EvollmError: If a class has too few examples, or most texts that ``held_out`` shares have
            another label there.
    """
    pool = distinct(examples)
    tests = None if held_out is None else distinct(held_out)
    if tests is not None:
        pool = _without(pool, tests)
    queues = shuffled(pool, seed)
    short = min(map(len, queues), default=0)
    sizes = sizes or Sizes()
    wanted = asdict(sizes.within(short) if fit else sizes)
    most = wanted.pop("test")
    if short < sum(wanted.values()) + (tests is None):
        raise EvollmError(
            f"a class has {short} examples, but the splits need {sum(wanted.values())} per class "
            "and the test more: give more examples, or ask for smaller splits"
        )
    start, cuts = 0, {}
    for name, size in wanted.items():
        cuts[name] = _in_turn(queues, start, start + size)
        start += size
    if tests is not None:
        queues, start = shuffled(tests, seed), 0
    stop = min([start + most, *map(len, queues)])
    return Splits(**cuts, test=_in_turn(queues, start, stop))


def balanced(examples: Iterable[Example], per_class: int, *, seed: int = 0) -> tuple[Example, ...]:
    """Return a subset with equally many examples of each class, in turn.

    Args:
        examples: What to draw from.
        per_class: How many of each class.
        seed: Of the draw.

    Raises:
        EvollmError: If a class has fewer.
    """
    queues = shuffled(examples, seed)
    short = min(map(len, queues), default=0)
    if short < per_class:
        raise EvollmError(f"a class has {short} examples, fewer than {per_class}: ask for fewer")
    return _in_turn(queues, 0, per_class)


def shuffled(examples: Iterable[Example], seed: int) -> list[list[Example]]:
    """Return the examples of each class, shuffled by a hash: the same on every platform."""
    classes: dict[int, list[Example]] = {}
    for example in examples:
        classes.setdefault(example.label or 0, []).append(example)

    def key(example: Example) -> bytes:
        return sha256(f"{seed}\n{example.normalized}".encode()).digest()

    return [sorted(classes[label], key=key) for label in sorted(classes)]


def _in_turn(queues: Sequence[Sequence[Example]], start: int, stop: int) -> tuple[Example, ...]:
    return tuple(queue[place] for place in range(start, stop) for queue in queues)


def _without(pool: Sequence[Example], tests: Sequence[Example]) -> list[Example]:
    held = {example.normalized: example for example in tests}
    shared = [(one, held[one.normalized]) for one in pool if one.normalized in held]
    inverted = [(one, test) for one, test in shared if one.target != test.target]
    if 2 * len(inverted) > len(shared):
        one, test = inverted[0]
        raise EvollmError(
            f"{len(inverted)} of {len(shared)} shared texts have another label in "
            f"{test.source or 'the test'} than in {one.source or 'the examples'}, as {one} "
            f"({one.place}; {test.place}): correct the labels of one file"
        )
    return [one for one in pool if one.normalized not in held]
