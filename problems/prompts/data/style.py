"""Style transfer: three scorers of rewritten texts, and the joint score that is made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evollm.errors import EvollmError
from problems.prompts.data.chrf import chrf

Scorer = Callable[[Sequence[str], Sequence[str]], ArrayLike]
"""Takes N source texts and N rewritten ones, and returns N numbers."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StyleScores:
    """The scores of N rewritten texts.

    Attributes:
        content: How much of the source is kept, (N,), 0 to 100.
        style: The probability of the wanted style, (N,), 0 to 1.
        fluency: Whether the text is acceptable, (N,): 1 or 0, or a probability.
    """

    content: Floats
    style: Floats
    fluency: Floats

    @cached_property
    def joints(self) -> Floats:
        """Each text's content if its style and its fluency are right, else 0: (N,), 0 to 100."""
        return self.content * (self.style > 0.5) * (self.fluency > 0.5)

    @property
    def metrics(self) -> dict[str, float]:
        """The joint score, and the means of the three: content to 100, the others to 1.

        ``geometric`` is their geometric mean, 0 to 100.
        """
        content = float(self.content.mean())
        style, fluency = (float((one > 0.5).mean()) for one in (self.style, self.fluency))
        return {
            "joint": float(self.joints.mean()),
            "content": content,
            "style": style,
            "fluency": fluency,
            "geometric": float(np.cbrt(content * style * fluency * 1e4)),
        }


@dataclass(frozen=True)
class StyleJudge:
    """Scores rewritten texts with three scorers; empty texts score 0 and are not shown to them.

    Attributes:
        style: Returns the probability of the wanted style, 0 to 1.
        fluency: Returns 1 for an acceptable text and 0 for another, or a probability.
        content: Returns how much of the source is kept, 0 to 100; None for chrF.
    """

    style: Scorer
    fluency: Scorer
    content: Scorer | None = None

    def scores(self, sources: Sequence[str], texts: Sequence[str]) -> StyleScores:
        """Return the scores of one text per source.

        Args:
            sources: N texts.
            texts: What they were rewritten as.

        Raises:
            EvollmError: If a scorer returns another shape than (N,), or a number out of range.
        """
        kept = [place for place, text in enumerate(texts) if text.strip()]
        pairs = [sources[place] for place in kept], [texts[place] for place in kept]
        found = []
        for name, scorer, most in (
            ("content", self.content or similarity, 100.0),
            ("style", self.style, 1.0),
            ("fluency", self.fluency, 1.0),
        ):
            scores = np.zeros(len(texts))
            if kept:
                scores[kept] = _checked(name, scorer(*pairs), len(kept), most)
            found.append(scores)
        return StyleScores(*found)

    def best(self, sources: Sequence[str], samples: Sequence[Sequence[str]]) -> tuple[str, ...]:
        """Return the best sample for each source: the highest mean of content and style.

        Args:
            sources: N texts.
            samples: For each, what it was rewritten as, once or more; all empty gives an empty
                text.
        """
        counts = [len(texts) for texts in samples]
        flat = [text for texts in samples for text in texts]
        scores = self.scores(np.repeat(sources, counts).tolist(), flat)
        worth = scores.content + 100 * scores.style
        worth[[not text.strip() for text in flat]] = -1
        best = []
        for texts, values in zip(samples, np.split(worth, np.cumsum(counts)[:-1]), strict=True):
            text = texts[int(values.argmax())]
            best.append(text if text.strip() else "")
        return tuple(best)


def similarity(sources: Sequence[str], texts: Sequence[str]) -> list[float]:
    """Return the chrF of each text against its source, 0 to 100."""
    return [chrf(text, source) for source, text in zip(sources, texts, strict=True)]


def _checked(name: str, scores: ArrayLike, count: int, most: float) -> Floats:
    found = np.asarray(scores, dtype=np.float64)
    if found.shape != (count,):
        raise EvollmError(
            f"the scorer of {name} returned {found.shape} for {count} texts: return one number each"
        )
    odd = found[~((found >= 0) & (found <= most))]
    if odd.size:
        raise EvollmError(f"the scorer of {name} returned {odd[0]}: return 0 to {most:g}")
    return found
