"""``evollm run prompts``: PromptQuine and its controls on a task, or on examples of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evollm.errors import EvollmError
from problems.prompts.data.options import prompt_of, task_of
from problems.prompts.options import Options, judge_of, method_of, objective_of, settled

if TYPE_CHECKING:
    from evollm.cli.commands import Connect
    from problems.prompts.readers.reader import Reader
    from problems.prompts.system import PromptQuine


class Prompts:
    """The command."""

    help = "prune the tokens of an in-context prompt: PromptQuine and its controls"
    options = Options

    def system(self, options: Options, connect: Connect) -> PromptQuine:
        """Return the system that the options describe; see ``evollm.cli.commands.Command``."""
        from problems.prompts.system import PromptQuine

        options = settled(options)
        task = task_of(options)
        return PromptQuine(
            prompt=prompt_of(options, task),
            task=task,
            method=method_of(options),
            shots=options.shots,
            demonstrations=options.demonstrations,
            objective=objective_of(options, task),
            mode=options.mode,
            merged=options.merged,
            halving=options.halving,
            equally=options.equally,
            judge=judge_of(options, task),
            like_reference=options.like_reference,
            model=reader(options, connect),
        )


COMMAND = Prompts()


def reader(options: Options, connect: Connect) -> Reader:
    """Return what reads prompts: a model in this process, or an endpoint's.

    Raises:
        EvollmError: If a package is missing, or a tokenizer is named where none is needed or not
            where it is.
    """
    from problems.lm.extra import require
    from problems.prompts.readers.local import LocalReader

    if (name := connect.local) is not None:
        if options.tokenizer is not None or options.chat:
            raise EvollmError(
                f"--tokenizer and --chat are for an endpoint, and {name} is read in this process: "
                "leave them out"
            )
        require()
        return LocalReader(None if name == "offline" else name, options.lm)
    if options.tokenizer is None:
        raise EvollmError(
            "an endpoint's model needs its tokenizer, which cuts the prompt into tokens: give "
            "--tokenizer hf:OWNER/MODEL, a folder or a tokenizer.json"
        )
    from problems.prompts.readers.endpoint import EndpointReader

    return EndpointReader(
        connect(), options.tokenizer, top=options.top, chat=options.chat, settings=options.lm
    )
