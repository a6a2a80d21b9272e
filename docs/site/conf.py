"""Settings of the documentation site: ``make docs`` builds it from the pages of the repository.

The source folder is the repository itself, so that a relative link leads to the same place on a
code host and in the site.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import evollm  # noqa: E402

project, author = "evollm", "The evollm contributors"
project_copyright = "the evollm contributors"
version = release = evollm.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "pages"]
root_doc = "README"
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/api/*.rst",
    "notebooks/*.ipynb",
    "tests/benchmarks/RESULTS.md",
]

nb_execution_mode = "off"  # notebooks are shown with their saved outputs
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar = True
smartquotes = False  # messages and code are quoted as they are
nitpicky = True
# Other projects, and the standard library, can't be linked to without a network.
nitpick_ignore_regex = [(r"py:.*", r"(?!(evollm|operators|problems)\.).*")]

html_theme = "furo"
html_title = "evollm"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
copybutton_exclude = ".linenos, .gp, .go"
