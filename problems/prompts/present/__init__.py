"""A run for prompts described: the report, the files, and the pictures.

- ``curves``: Figures of a search for prompts: accuracy against length, the best so far, a front.
- ``difference``: A paired difference of two prompts on the same examples, with its interval.
- ``drawing``: The picture of a pruned prompt in a file.
- ``lines``: A prompt's pieces in lines that fit a page.
- ``picture``: A prompt in pieces, what was pruned marked: as plain text and as HTML.
- ``report``: The pruned prompt beside the unpruned one, how it came, and the files that hold it.
- ``transfer``: A prompt that was pruned for one model, scored with another one.
"""
