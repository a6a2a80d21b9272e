"""What prompts are pruned for: tasks, their examples, and how answers are scored.

- ``answers``: What a written answer says: the number that it ends on, and the sentence that it
  begins with.
- ``builtin``: Tasks by name that work without a network: film reviews, tweets, pairs of reviews,
  and sums.
- ``example``: An example: the texts for a template's slots, what the answer is, and where it came
  from.
- ``labels``: Label words, and how files write the labels that they stand for.
- ``packages``: Texts from installed packages: film reviews and tweets, read from their files, never
  imported.
- ``records``: Files of records: JSON lines and separated values, each record with the line that it
  is on.
- ``splits``: Four disjoint sets of examples: to demonstrate, to search, to select and to test with.
- ``sums``: Word problems of one addition each, made by rule: the data of a reasoning task.
- ``task``: A task: what is asked, how demonstrations are written, and the examples.
- ``template``: A text with slots: where the slots are, and how they are filled.
"""
