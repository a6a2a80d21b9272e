"""chrF: how alike two texts are, by their character n-grams (Popović, WMT 2015).

The paper: https://aclanthology.org/W15-3049
"""

from collections import Counter

ORDER = 6
BETA = 2.0
"""How many times as much recall weighs as precision."""


def chrf(text: str, reference: str, order: int = ORDER, beta: float = BETA) -> float:
    """Return the F score of a text's character n-grams against a reference's, 0 to 100.

    White space is left out. Precision and recall are means over the lengths of n-grams that both
    texts are long enough for.

    Args:
        text: What is scored.
        reference: What it should be like.
        order: The longest n-grams.
        beta: How many times as much recall weighs as precision.
    """
    texts = "".join(text.split()), "".join(reference.split())
    orders = range(1, min(order, *map(len, texts)) + 1)
    if not orders:
        return 100.0 if texts[0] == texts[1] else 0.0
    precision = recall = 0.0
    for size in orders:
        ours, theirs = (_grams(one, size) for one in texts)
        shared = (ours & theirs).total()
        precision += shared / ours.total() / len(orders)
        recall += shared / theirs.total() / len(orders)
    if precision == 0:
        return 0.0
    weight = beta**2
    return 100 * (1 + weight) * precision * recall / (weight * precision + recall)


def _grams(text: str, size: int) -> Counter[str]:
    return Counter(text[start : start + size] for start in range(len(text) - size + 1))
