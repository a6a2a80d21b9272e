"""The command line.

- ``commands``: What a package registers under ``evollm.problems`` to appear in the command line.
- ``config``: What a run of the command line was told, as options, in a TOML file, on record.
- ``dry_run``: What a search would ask of a model, found out without asking or evaluating.
- ``fields``: What a class of settings says of its options, by types, defaults and docstring.
- ``launch``: A configuration becomes a run, and the run a few lines of report.
- ``loading``: What a file of the user holds under a name.
- ``main``: ``evollm run``, ``resume``, ``show`` and ``models``.
- ``options``: The fields of (nested) frozen dataclasses, on the command line and in a
  configuration.
"""
