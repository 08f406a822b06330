"""Configuration of Sphinx. The package must be installed: its own docstrings are read."""

import pyggc

project = "pyggc"
author = "pyggc contributors"
copyright = author  # noqa: A001
version = release = pyggc.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
# The pages of the gallery are made in generated/ from the scripts in gallery/.
exclude_patterns = ["_build", "gallery"]
html_theme = "furo"
html_title = f"pyggc {release}"
default_role = "autolink"  # A link where the name is an object, emphasis where it is an argument.

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc shows the types with their shapes and ranges.
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "capture_repr": (),  # What a script prints, but not what its last line happens to return.
    "image_srcset": ["2x"],
    "thumbnail_size": (480, 320),
    "download_all_examples": False,
    "write_computation_times": False,
    "reference_url": {"pyggc": None},
    "doc_module": (),
    "backreferences_dir": None,
}

# The examples of docstrings run with the tests (make test); here run those of the pages.
doctest_test_doctest_blocks = ""

# Every example of a page starts from a folder of its own, so that one may write files.
doctest_global_setup = """
import os, tempfile
_folder = tempfile.TemporaryDirectory()
_before = os.getcwd()
os.chdir(_folder.name)
"""
doctest_global_cleanup = """
os.chdir(_before)
_folder.cleanup()
"""
