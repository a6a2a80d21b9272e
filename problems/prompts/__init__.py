"""PromptQuine: prompts pruned by evolution.

- ``choice``: Who is scored after a search, and which prompt it comes to.
- ``classes``: What a classifier is given: texts for the slots, labels of any kind, and their words.
- ``classifier``: PromptQuine as a scikit-learn classifier: a pruned prompt with fit and predict.
- ``command``: ``evollm run prompts``: PromptQuine and its controls on the command line.
- ``data``: Tasks for prompts: examples, templates, labels, scores.
- ``evidence``: What each example scored with a prompt: means with their errors, from a record.
- ``fitness``: The fitness of pruned prompts: how well a model answers with them.
- ``forecast``: What a run would take in tokens and seconds.
- ``methods``: Ways to prune a prompt.
- ``options``: The options of the command, and the settings that they stand for.
- ``predicting``: Prediction with a pruned prompt: what a classifier does once it has one.
- ``present``: A run for prompts described: the report, the files, and the pictures.
- ``pruned``: What a search for a pruned prompt came to: the prompt, and the evidence.
- ``readers``: Models that read prompts, and what is made of their answers.
- ``reference``: The reference code's rules, as far as they are followed.
- ``saved``: A pruned prompt as a file: all that is needed to use it again.
- ``system``: PromptQuine for users: a search for the pruned prompt that works best.
- ``tokens``: A prompt as tokens: which of them can be pruned, and what a mask leaves.
"""

from typing import TYPE_CHECKING

from evollm.lazy import lazily

if TYPE_CHECKING:
    from problems.prompts.classifier import PromptClassifier
    from problems.prompts.saved import PrunedPrompt
    from problems.prompts.system import PromptQuine

__all__ = ["PromptClassifier", "PromptQuine", "PrunedPrompt"]

__getattr__ = lazily(
    __name__,
    {
        "PromptClassifier": "problems.prompts.classifier",
        "PromptQuine": "problems.prompts.system",
        "PrunedPrompt": "problems.prompts.saved",
    },
)
