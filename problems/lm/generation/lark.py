"""Lark: the dialect in which llguidance takes a grammar."""

from __future__ import annotations

from collections.abc import Mapping

from problems.lm.generation.gbnf import (
    ROOT,
    Chars,
    Choice,
    Name,
    Node,
    Repeat,
    Rules,
    Series,
    names,
)


def lark(rules: Rules) -> str:
    """Write rules in llguidance's dialect of Lark.

    A terminal of llguidance takes as many characters as it can, which may hide texts that the
    grammar allows. So all of a grammar without recursion is one terminal; otherwise each character
    is one.
    """
    used = _reached(rules, ROOT)
    single = not any(name in _reached(rules, *names(rules[name])) for name in used)
    titles = {name: f"{'R' if single else 'r'}{place}" for place, name in enumerate(sorted(used))}
    lines = [f"{titles[name]}: {_written(rules[name], titles)}" for name in sorted(used)]
    return "\n".join([f"start: {titles[ROOT]}", *lines])


def _reached(rules: Rules, *starts: str) -> set[str]:
    found, waiting = set[str](), list(starts)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += names(rules[name])
    return found


def _written(node: Node, titles: Mapping[str, str]) -> str:
    match node:
        case Chars(ranges, negated):
            inside = "".join(
                f"\\x{{{low:x}}}" if low == high else f"\\x{{{low:x}}}-\\x{{{high:x}}}"
                for low, high in ranges
            )
            return f"/[{'^' if negated else ''}{inside}]/"
        case Name(rule):
            return titles[rule]
        case Repeat(part, least, most):
            return f"({_written(part, titles)}){{{least},{'' if most is None else most}}}"
        case Series(parts):
            return f"({' '.join(_written(part, titles) for part in parts)})" if parts else '""'
        case Choice(options):
            return f"({' | '.join(_written(option, titles) for option in options)})"
