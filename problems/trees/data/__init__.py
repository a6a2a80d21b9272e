"""Tables: data sets, frames and files as rows of numbers with their meaning.

- ``archives``: The raw rows of data sets, as text, from the installed packages that carry them.
- ``case``: A table parted in three, with the problem that its training rows pose.
- ``categories``: Text columns of a pandas frame as codes, the same ones whenever they come again.
- ``dataset``: Rows as numbers, and what each column means in words.
- ``frames``: Tables of the user's own rows: frames, arrays and CSV files.
- ``samples``: What trees are fitted to and scored on.
- ``tables``: Data sets by name, without a network: rows of installed packages, read with our code
  books.
"""
