"""What prompts are pruned for: tasks, their examples, and how answers are scored.

- ``answers``: What a written answer says: the number that it ends on, and the sentence that it
  begins with.
- ``builtin``: Tasks by name that work without a network: film reviews, tweets, pairs of reviews,
  and sums.
- ``chrf``: chrF: how alike two texts are, by their character n-grams.
- ``example``: An example: the texts for a template's slots, what the answer is, and where it came
  from.
- ``files``: The user's own files: examples as JSON lines or separated values, and tasks of their
  own.
- ``labels``: Label words, and how files write the labels that they stand for.
- ``options``: Which task: the options of ``evollm run prompts`` that name one, and the task itself.
- ``publishers``: Data sets in the layouts that their publishers use, from a folder that the user
  gives.
- ``scores``: Scores of labels, and what is made of them: margins, pools of the best, and the final
  choice.
- ``sources``: Where examples come from: installed packages, rules, and files in several layouts.
- ``splits``: Four disjoint sets of examples: to demonstrate, to search, to select and to test with.
- ``style``: Style transfer: three scorers of rewritten texts, and the joint score that is made of
  them.
- ``task``: A task: what is asked, how demonstrations are written, and the examples.
- ``template``: A text with slots: where the slots are, and how they are filled.
"""
