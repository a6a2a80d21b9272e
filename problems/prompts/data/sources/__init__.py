"""Where examples come from: installed packages, rules, and files in several layouts.

- ``layouts``: The layouts of publishers' files: how each one writes texts and labels.
- ``packages``: Texts from installed packages: film reviews and tweets, read from their files, never
  imported.
- ``records``: Files of records: JSON lines and separated values, each record with the line that it
  is on.
- ``sums``: Word problems of one addition each, made by rule: the data of a reasoning task.
"""
