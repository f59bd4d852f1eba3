"""Settings of Sphinx. ``make docs`` builds the pages without a network and allows no warning."""

import inspect
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import reference_pages

import skal

project = "skal"
author = "the skal developers"
copyright = f"2026, {author}"
version = release = skal.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "examples/README.rst"]
templates_path = ["_templates"]

# `name` in a docstring is a link where there is such a name, and plain code elsewhere.
default_role = "py:obj"
add_function_parentheses = False
nitpicky = False

autosummary_generate = True
autosummary_context = {"members_of": reference_pages.members_of_classes()}
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "reference/generated/backreferences",
    "doc_module": ("skal",),
    "remove_config_comments": True,
    "write_computation_times": False,
    "download_all_examples": False,
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "pydata_sphinx_theme"
html_title = "skal"
html_logo = html_favicon = "../skal/label/web/static/icon.svg"  # that of the labeling page
html_static_path = ["_static"]
html_css_files = ["skal.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "skal"},
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def _skip_member(app, what, name, obj, skip, options):
    """Leave out the members that have no text of their own on the page of a class."""
    page = app.env.current_document.docname.rpartition("/")[2]
    members = app.config.autosummary_context["members_of"].get(page)  # None outside class pages
    return True if members is not None and name not in members[0] else None


def _constructor_signature(app, what, name, obj, options, signature, return_annotation):
    """Show the parameters of ``__init__`` where autodoc sees only a ``__new__`` that takes all."""
    if what == "class" and signature == "(*args, **kwargs)":
        signature = str(inspect.signature(obj))
    return signature, return_annotation


def _escape_fitted_names(app, what, name, obj, options, lines):
    """Keep ``n_features_in_`` in a type from being read as a link of reStructuredText."""
    for i, line in enumerate(lines):
        if "`" not in line:
            lines[i] = re.sub(r"(?<=[a-z0-9])_(?=[,)])", r"\\_", line)


def setup(app):
    """Write the reference before Sphinx looks for pages."""
    app.connect("autodoc-process-docstring", _escape_fitted_names, priority=100)
    app.connect("autodoc-skip-member", _skip_member)
    app.connect("autodoc-process-signature", _constructor_signature)
    reference_pages.write(DOCS / "reference" / "generated")
