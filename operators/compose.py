"""Composition: operators that combine operators by shares, uniqueness, fallbacks and chains."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from evollm.errors import EvollmError
from evollm.types import JSON, Candidate, Elementwise, Offspring, Operator, Parent, name_of
from operators.streams import Streams

SEEDS = 2**53


@dataclass(frozen=True)
class Mix:
    """Lets several operators make children, each for its share of them.

    Every child's note names the arm that made it: ``{"arm": name, "note": the arm's note}``.

    Attributes:
        arms: The operators.
        shares: Relative shares, one per arm; empty for equal ones.
        name: Name under which the mixture is recorded.
    """

    arms: Sequence[Operator[Any]]
    shares: Sequence[float] = ()
    name: str = "Mix"

    def __post_init__(self) -> None:
        if not self.arms or len(self.shares) not in (0, len(self.arms)):
            raise EvollmError(
                f"a mix of {len(self.arms)} arms with {len(self.shares)} shares must have at least "
                "one arm, and a share for each arm or none"
            )
        if self.shares and not (min(self.shares) >= 0 and sum(self.shares) > 0):
            raise EvollmError(f"shares must be at least 0 and not all 0, not {list(self.shares)}")

    @property
    def io_bound(self) -> bool:
        """Whether any arm is I/O-bound."""
        return any(getattr(arm, "io_bound", False) for arm in self.arms)

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children; each child's arm is drawn by the shares."""
        rng = np.random.default_rng(seed)
        shares = np.array(self.shares or [1.0] * len(self.arms))
        sizes = np.bincount(
            rng.choice(len(self.arms), n, p=shares / shares.sum()), minlength=len(self.arms)
        )
        made = []
        for arm, size in zip(self.arms, sizes.tolist(), strict=True):
            found = arm.vary(parents, size, int(rng.integers(SEEDS)))
            made.append(_noted(found, {"arm": name_of(arm)}))
        return joined(made, len(parents))


@dataclass(frozen=True)
class Unique:
    """Calls an operator again until its children differ from each other and from their parents.

    Attributes:
        operator: Makes the children.
        rounds: Maximum number of calls, after which there are fewer children.
        key: Maps a genome to a key; None for its text (for arrays their bytes).
    """

    operator: Operator[Any]
    rounds: int = 3
    key: Callable[[Any], Hashable] | None = None

    @property
    def name(self) -> str:
        """The operator's name, under which the children are recorded."""
        return name_of(self.operator)

    @property
    def io_bound(self) -> bool:
        """Whether the operator is I/O-bound."""
        return bool(getattr(self.operator, "io_bound", False))

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children that differ from each other and from the parents."""
        rng = np.random.default_rng(seed)
        seen = {self._key(parent.genome) for parent in parents}
        kept: list[Offspring[Any]] = []
        missing = n
        for _ in range(self.rounds):
            found = self.operator.vary(parents, missing, int(rng.integers(SEEDS)))
            fresh = list(self._fresh(found.genomes, seen))
            doubles = len(found.genomes) - len(fresh)
            kept.append(_chosen(found, fresh, {"duplicate": doubles} if doubles else {}))
            missing -= len(fresh)
            if not missing:
                break
        return joined(kept, len(parents))

    def _fresh(self, genomes: Sequence[Any], seen: set[Hashable]) -> Iterator[int]:
        """Yield the indices of genomes that have not been seen, and remember the genomes."""
        for place, genome in enumerate(genomes):
            key = self._key(genome)
            if key not in seen:
                seen.add(key)
                yield place

    def _key(self, genome: Any) -> Hashable:
        if self.key is not None:
            return self.key(genome)
        return (genome.shape, genome.tobytes()) if isinstance(genome, np.ndarray) else repr(genome)


@dataclass(frozen=True)
class Fallback:
    """Lets a second operator (the stand-in) make the children that the first one fails to make.

    The note of such a child is ``{"fallback": name, "note": the stand-in's note}``, and their
    number is counted among the rejections.

    Attributes:
        first: The operator that is asked for all children.
        second: The operator that is asked for the missing ones.
    """

    first: Operator[Any]
    second: Operator[Any]

    @property
    def name(self) -> str:
        """The first operator's name; notes mark the stand-in's children."""
        return name_of(self.first)

    @property
    def io_bound(self) -> bool:
        """Whether either is I/O-bound."""
        return any(getattr(one, "io_bound", False) for one in (self.first, self.second))

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children, the first operator's before the stand-in's."""
        made = self.first.vary(parents, n, seed)
        missing = n - len(made.genomes)
        if not missing:
            return made
        again = int(np.random.default_rng(seed).integers(SEEDS))
        stand_ins = self.second.vary(parents, missing, again)
        name = name_of(self.second)
        noted = _noted(stand_ins, {"fallback": name})
        found = joined([made, noted], len(parents))
        counted = {f"stood in for by {name}": len(stand_ins.genomes)}
        return replace(found, rejected={**found.rejected, **counted})


@dataclass(frozen=True)
class Chain:
    """Passes the children of one operator to the next, such as a crossover and a mutation.

    Attributes:
        links: The operators in order; each must accept several parents and use them in turn.
        name: Name under which the chain is recorded.
    """

    links: Sequence[Operator[Any]]
    name: str = "Chain"

    @property
    def io_bound(self) -> bool:
        """Whether any link is I/O-bound."""
        return any(getattr(link, "io_bound", False) for link in self.links)

    @property
    def elementwise(self) -> bool:
        """Whether all links can do many jobs at once."""
        return all(getattr(link, "elementwise", False) for link in self.links)

    def vary(self, parents: Sequence[Parent[Any]], n: int, seed: int) -> Offspring[Any]:
        """Return up to ``n`` children of the last link, with lineage through all links."""
        made = self.links[0].vary(parents, n, seed)
        streams = Streams([seed])
        for link in self.links[1:]:
            if not made.genomes:
                break
            between = _between(made)
            then = link.vary(between, len(between), streams.seeds()[0])
            made = _grandchildren(made, then, len(parents))
        return made

    def vary_many(
        self, parents: Sequence[Parent[Any]], n: int, seeds: Sequence[int]
    ) -> Offspring[Any]:
        """Do one job per seed, if all links can; see ``evollm.types.Elementwise``."""
        first, *rest = (cast(Elementwise[Any], link) for link in self.links)
        made = first.vary_many(parents, n, seeds)
        streams = Streams(seeds)
        for link in rest:
            then = link.vary_many(_between(made), n, streams.seeds())
            made = _grandchildren(made, then, len(parents))
        return made


def joined(parts: Sequence[Offspring[Any]], parents: int) -> Offspring[Any]:
    """Join several answers: children in order, rejections summed.

    Args:
        parts: Answers to calls with the same parents.
        parents: Number of parents.
    """
    rejected: Counter[str] = Counter()
    for part in parts:
        rejected.update(part.rejected)
    genomes = [genome for part in parts for genome in part.genomes]
    notes = [note for part in parts for note in part.notes or [None] * len(part.genomes)]
    everyone = list(range(parents))
    own = [own for part in parts for own in part.parents or [everyone] * len(part.genomes)]
    return Offspring(
        genomes,
        notes if any(note is not None for note in notes) else (),
        dict(rejected),
        own if any(list(one) != everyone for one in own) else (),
        sum(part.asked for part in parts),
        sum(part.supplied for part in parts),
        _calls(parts),
    )


def _calls(parts: Sequence[Offspring[Any]]) -> Sequence[Sequence[str]]:
    """Return the keys of the answers that each child was made from; empty if there are none."""
    if not any(part.calls for part in parts):
        return ()
    return [keys for part in parts for keys in part.calls or [()] * len(part.genomes)]


def _between(made: Offspring[Any]) -> list[Candidate[Any]]:
    """Return the children of one link as the parents of the next."""
    return [Candidate(i, genome, (), "", 0) for i, genome in enumerate(made.genomes)]


def _grandchildren(made: Offspring[Any], then: Offspring[Any], parents: int) -> Offspring[Any]:
    """Return the second answer with the lineage of the first, and the rejections of both."""
    whole = made.parents or [range(parents)] * len(made.genomes)
    places = then.parents or [range(len(made.genomes))] * len(then.genomes)
    own = [sorted({k for place in line for k in whole[place]}) for line in places]
    rejected = Counter(made.rejected)
    rejected.update(then.rejected)
    before, after = _calls([made]), _calls([then]) or [()] * len(then.genomes)
    calls = [
        [*(key for place in line for key in before[place]), *keys] if before else keys
        for line, keys in zip(places, after, strict=True)
    ]
    return Offspring(
        then.genomes,
        then.notes,
        dict(rejected),
        own,
        made.asked + then.asked,
        made.supplied + then.supplied,
        calls if any(calls) else (),
    )


def _noted(made: Offspring[Any], mark: dict[str, JSON]) -> Offspring[Any]:
    """Add a mark to every child's note."""
    notes = made.notes or [None] * len(made.genomes)
    marked = [mark if note is None else {**mark, "note": note} for note in notes]
    return replace(made, notes=marked)


def _chosen(
    made: Offspring[Any], places: Sequence[int], rejected: dict[str, int]
) -> Offspring[Any]:
    """Keep the children at some places."""
    return replace(
        made,
        genomes=[made.genomes[i] for i in places],
        notes=[made.notes[i] for i in places] if made.notes else (),
        rejected={**made.rejected, **rejected},
        parents=[made.parents[i] for i in places] if made.parents else (),
        calls=[made.calls[i] for i in places] if made.calls else (),
    )
