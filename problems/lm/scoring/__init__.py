"""Scores of label words after prompts, and the likelihood of texts, computed fast.

- ``head``: A model whose output matrix has only the rows that are needed, in single precision.
- ``labels``: Label words as ids.
- ``layout``: Texts laid out in rows.
- ``likelihood``: How likely a model finds texts, or their ends.
- ``passes``: Passes through a model that give the logits at positions of texts.
- ``scorer``: Scores of label words after texts.
"""

from problems.lm.scoring.labels import Label, Rule, label_ids
from problems.lm.scoring.likelihood import log_likelihoods
from problems.lm.scoring.scorer import LabelScorer

__all__ = ["Label", "LabelScorer", "Rule", "label_ids", "log_likelihoods"]
