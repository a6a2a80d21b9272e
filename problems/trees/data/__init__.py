"""Tables: data sets, frames and files as rows of numbers with their meaning.

- ``archives``: The raw rows of data sets, as text, from the installed packages that carry them.
- ``case``: A table split in three, with the problem that its training rows pose.
- ``categories``: Cells of a frame's columns as numbers: categories as codes, told apart by their
  values.
- ``dataset``: Rows as numbers, and what each column means in words.
- ``frames``: Tables of the user's own rows: frames, arrays and CSV files.
- ``samples``: What trees are fitted to and scored on.
- ``sheets``: CSV files of the user's own: separators, marks of missing values, and what columns
  hold.
- ``tables``: Data sets by name, without a network: rows of installed packages, read with our code
  books.
"""
