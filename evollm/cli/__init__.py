"""The command line.

- ``commands``: What a package registers under ``evollm.problems`` to appear in the command line.
- ``completion``: ``evollm completion``: what lets a shell complete commands and options.
- ``config``: The settings of a run, from options, a TOML file or a record.
- ``connecting``: The configured model, or one that records its requests.
- ``dry_run``: What a search would ask a model, and at what cost, without calling or evaluating
  anything.
- ``fields``: The options that a class of settings declares by its types, defaults and docstring.
- ``launch``: Turns a configuration into a run, and prints a short report.
- ``loading``: The object that a user's file defines under a name.
- ``main``: All commands, and ``evollm run``, ``resume`` and ``models``.
- ``options``: The fields of (nested) frozen dataclasses, on the command line and in a
  configuration.
- ``records``: Commands that read the records of runs: ``show``, ``report``, ``compare`` and others.
- ``schema``: ``evollm schema``: what a configuration file may contain, as JSON schema.
- ``tune``: ``evollm tune``: a model taught to be a better operator.
- ``used``: Refuses options that would have no effect with the chosen method, kind or the like.
"""
