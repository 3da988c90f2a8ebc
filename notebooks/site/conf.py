"""Sphinx configuration: `sphinx-build -W -c notebooks/site notebooks build/site`.

The pages are notebooks/index.md, the tutorials beside it as they are stored, never run, and
those of this folder. Nothing is fetched when the site is built or read.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import galflowlab

project = "galflowlab"
author = "The galflowlab developers"
project_copyright = "The galflowlab developers, BSD-3-Clause"
version = release = galflowlab.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "commands",
    "docstrings",
    "figures",
    "formulas",
    "modules",
    "quantities",
    "repository",
]
exclude_patterns = ["**.ipynb_checkpoints", "site/static", "**/__pycache__"]

nb_execution_mode = "off"
nb_ipywidgets_js = {}  # would be fetched from elsewhere
nb_merge_streams = True
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath", "html_image"]
myst_heading_anchors = 3

add_module_names = False
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"  # beside each parameter; the signature stays short
autodoc_typehints_format = "short"
autodoc_typehints_description_target = "documented"
suppress_warnings = ["ref.python"]  # a Galaxy is that of galflowlab and of galflowlab.galaxy
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]  # a list, without links of its own
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88

html_theme = "pydata_sphinx_theme"
html_title = "galflowlab"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_sourcelink_suffix = ""  # so that the source of a tutorial is a notebook
html_show_search_summary = False  # would be fetched, which browsers refuse to files
html_domain_indices = False  # the page of the API does it
html_show_sphinx = False
html_sidebars = {page: [] for page in ("index", "site/[!at]*", "site/apps")}  # no pages below
html_context = {"default_mode": "auto"}
html_theme_options = {
    "header_links_before_dropdown": 5,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc", "sourcelink"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
