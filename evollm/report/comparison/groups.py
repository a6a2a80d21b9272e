"""Groups: runs with the same configuration except for the seed, and what tells groups apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evollm.errors import EvollmError
from evollm.report.comparison.tracks import Track

_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Group:
    """Runs with the same configuration.

    Attributes:
        label: What tells it apart from the other groups, such as ``method=hill``.
        tracks: The runs, by seed.
        differs: The values of the settings that differ between the groups, by their short name.
    """

    label: str
    tracks: Sequence[Track]
    differs: Mapping[str, str]

    def by_seed(self) -> dict[int, Track]:
        """Return the runs by seed; empty if a seed is unknown or occurs twice."""
        found = {track.seed: track for track in self.tracks if track.seed is not None}
        return found if len(found) == len(self.tracks) else {}


def check(tracks: Sequence[Track]) -> None:
    """Check that runs can be compared.

    Raises:
        EvollmError: If their problems or units differ, or one has no evaluations.
    """
    first = tracks[0]
    for other in tracks:
        if not len(other):
            raise EvollmError(f"{other.name} has no evaluations: leave it out")
        if other.problem != first.problem:
            raise EvollmError(
                f"{first.name} and {other.name} have different problems "
                f"({_difference(first, other)}): compare runs of one problem"
            )
        if other.units != first.units:
            raise EvollmError(
                f"{first.name} and {other.name} have different units ({_units(first)} and "
                f"{_units(other)}): compare runs with the same units"
            )


def _difference(one: Track, other: Track) -> str:
    """Return the first parameter in which two problems differ."""
    names = list(dict.fromkeys([*one.problem, *other.problem]))
    name = next(name for name in names if one.problem.get(name) != other.problem.get(name))
    values = [problem.get(name, _ABSENT) for problem in (one.problem, other.problem)]
    said = " and ".join(value if len(value) <= 60 else f"{value[:57]}..." for value in values)
    return said if name == "0" else f"{name.rpartition('.')[2]} {said}"


def _units(track: Track) -> str:
    units = track.units
    return f"{units.name}{' in ' * bool(units.unit)}{units.unit}, {direction(track)}"


def direction(track: Track) -> str:
    """Return in words which values are better."""
    return f"{'larger' if track.units.maximize else 'smaller'} is better"


def distinct(tracks: Sequence[Track]) -> tuple[list[Track], list[str]]:
    """Return runs without those that repeat another one, and a sentence for each of these."""
    kept: list[Track] = []
    said = []
    for track in sorted(tracks, key=len, reverse=True):
        same = next((one for one in kept if _repeats(track, one)), None)
        if same is None:
            kept.append(track)
        else:
            said.append(f"{track.name}, which has the seed and the values of {same.name}")
    order = {id(track): place for place, track in enumerate(tracks)}
    return sorted(kept, key=lambda track: order[id(track)]), said


def _repeats(track: Track, other: Track) -> bool:
    alike = track.seed == other.seed and track.setting == other.setting
    return alike and np.array_equal(track.best, other.best[: len(track)])


def grouped(tracks: Sequence[Track]) -> list[Group]:
    """Return runs by configuration, in the order of the first run of each."""
    found: dict[tuple[tuple[str, str], ...], list[Track]] = {}
    for track in tracks:
        found.setdefault(tuple(sorted(track.setting.items())), []).append(track)
    settings = [runs[0].setting for runs in found.values()]
    names = _differing(settings)
    short = _short(names)
    told = _telling(settings, names)
    return [
        Group(
            ", ".join(f"{short[name]}={runs[0].setting[name]}" for name in told
                      if name in runs[0].setting) or "all runs",
            sorted(runs, key=lambda track: (track.seed is None, track.seed)),
            {short[name]: runs[0].setting.get(name, _ABSENT) for name in names},
        )
        for runs in found.values()
    ]  # fmt: skip


def _differing(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys whose values differ; one that some lack counts if that is all there is."""
    names = list(dict.fromkeys(name for setting in settings for name in setting))
    common = [name for name in names if all(name in setting for setting in settings)]
    partial = [name for name in names if name not in common]
    differ = [
        name
        for name in [*common, *partial]
        if len({setting[name] for setting in settings if name in setting}) > 1
    ]
    return differ if _apart(settings, differ) else differ + [n for n in partial if n not in differ]


def _telling(settings: Sequence[Mapping[str, str]], names: Sequence[str]) -> list[str]:
    """Return as few keys as tell all settings apart, or nearly: each that tells more apart."""
    told: list[str] = []
    for name in names:
        if _count(settings, [*told, name]) > _count(settings, told):
            told.append(name)
    return told


def _apart(settings: Sequence[Mapping[str, str]], names: Sequence[str]) -> bool:
    return _count(settings, names) == len(settings)


def _count(settings: Sequence[Mapping[str, str]], names: Sequence[str]) -> int:
    return len({tuple(setting.get(name) for name in names) for setting in settings})


def _short(names: Sequence[str]) -> dict[str, str]:
    """Return the last part of each key, or all of it if two have the same."""
    ends = [name.rpartition(".")[2] for name in names]
    return {
        name: end if ends.count(end) == 1 else name for name, end in zip(names, ends, strict=True)
    }
