"""Write the pages of the API reference: one for each public module, from its ``__all__``.

Names are grouped by the module that they are defined in, under the first line of its
docstring, so that a new name is in the reference as soon as it is public.
"""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import skal

_ENTRY = re.compile(r"^   (\w+)$|^\.\. py:data:: (\w+)$", re.MULTILINE)


def public_modules():
    """Return the names of skal's public modules, the command line left out."""
    rooms = (info.name for info in pkgutil.iter_modules(skal.__path__))
    names = [f"skal.{room}" for room in rooms if room[0] != "_" and room != "cli"]
    return sorted([*names, "skal.strategies.checks", "skal.strategies.functions"])


def members_of_classes():
    """Return the members of every public class, by its full name; see `members_of`."""
    return {name: members_of(name) for name in _class_pages().values()}


def members_of(class_name):
    """Return the members that a class's page documents, and those that it links to.

    Members of a public base that the class takes as they are have one text, on the page of the
    base. What other packages, scikit-learn's mixins and its metadata routing bring is left out.

    Parameters
    ----------
    class_name : str
        Full name of a public class.

    Returns
    -------
    own : list of str
        Names of the methods and properties documented on the class's page.
    inherited : list of str
        Names of those documented on the page of a base, from the module on.
    """
    module, _, name = class_name.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    pages, own, inherited = _class_pages(), [], []
    for member in sorted(dir(cls)):
        base = next((base for base in cls.__mro__ if member in vars(base)), None)
        if member[0] == "_" or base is None or not _is_documented(base, member):
            continue
        if base is cls or base not in pages:
            own.append(member)
        else:
            inherited.append(f"{pages[base].removeprefix(module + '.')}.{member}")
    return own, inherited


def _class_pages():
    """Return the full names of the public classes."""
    found = {}
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in module.__all__:
            if inspect.isclass(getattr(module, name)):
                found[getattr(module, name)] = f"{module_name}.{name}"
    return found


def _is_documented(base, member):
    """Tell whether a member is skal's own, and not a part that every estimator has."""
    from sphinx.pycode import ModuleAnalyzer

    if not base.__module__.startswith("skal."):
        return False
    # Parameters are set as everywhere in scikit-learn, unless a class itself says more.
    if member in ("get_params", "set_params") and base not in _class_pages():
        return False
    value = vars(base)[member]
    if isinstance(value, property):
        return bool(value.__doc__)
    function = inspect.unwrap(getattr(value, "fn", getattr(value, "__func__", value)))
    if inspect.isfunction(function):  # scikit-learn's set_score_request and the like are not
        return member != "get_metadata_routing" and function.__module__.startswith("skal.")
    comments = ModuleAnalyzer.for_module(base.__module__).find_attr_docs()
    return (base.__qualname__, member) in comments


def entries(page):
    """Return the names that a page documents."""
    return [name or data for name, data in _ENTRY.findall(page)]


def render(module_name):
    """Return the page of a module as reStructuredText."""
    module = importlib.import_module(module_name)
    lines = [module_name, "=" * len(module_name), "", f".. module:: {module_name}", ""]
    lines += [inspect.getdoc(module), ""]
    homes = _by_home(module)
    for home in sorted(homes, key=lambda home: _rank(home, module_name)):
        if home != module_name:
            heading = _heading(home)
            lines += [heading, "-" * len(heading), ""]
        lines += _group(module, homes[home], home)
    return "\n".join(lines)


def render_parameters():
    """Return the page of the keys of a parameter file, as `Params` declares them."""
    from skal.experiment.params.parameters import Params

    title = "Keys of a parameter file"
    lines = [title, "=" * len(title), ""]
    lines += ["What ``skal run`` and ``skal compare`` take, in a file or as options; see", ""]
    lines[-2] += " :doc:`/guide/experiments`."
    for key, field in Params.model_fields.items():
        default = "none" if field.default is None else f"``{field.default!r}``"
        allowed = field.json_schema_extra["allowed"]
        lines += [f"``{key}``", f"    {field.description}", ""]
        lines += [f"    Allowed: {allowed}. Default: {default}.", ""]
    return "\n".join(lines)


def write(folder):
    """Write all pages, and take away those of names that are gone."""
    folder = Path(folder)
    (folder / "objects").mkdir(parents=True, exist_ok=True)
    wanted = set()
    pages = {name: render(name) for name in public_modules()} | {"keys": render_parameters()}
    for name, text in pages.items():
        page = folder / f"{name}.rst"
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
        wanted.add(page)
        wanted |= {folder / "objects" / f"{name}.{entry}.rst" for entry in entries(text)}
    for page in {*folder.glob("*.rst"), *folder.glob("objects/*.rst")} - wanted:
        page.unlink()


def _by_home(module):
    homes = {}
    for name in module.__all__:
        homes.setdefault(_home(module, name), []).append(name)
    return homes


def _home(module, name):
    """Return the name of the module that defines a name."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        # A package of modules, such as the networks, is one group.
        depth = module.__name__.count(".") + 2
        return ".".join(value.__module__.split(".")[:depth])
    for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
        home = importlib.import_module(f"{module.__name__}.{info.name}")
        if info.name[0] != "_" and name in getattr(home, "__all__", []):
            return home.__name__
    return module.__name__


def _rank(home, module_name):
    return home != module_name, home.split(".")[-1].startswith("_"), _heading(home).lower()


def _heading(home):
    first = inspect.getdoc(importlib.import_module(home)).splitlines()[0]
    return first.rstrip(".").split(": ")[0]


def _group(module, names, home):
    objects = [n for n in names if callable(getattr(module, n))]
    lines = []
    if objects:
        lines += [".. autosummary::", "   :toctree: objects", "   :nosignatures:", ""]
        lines += [*(f"   {name}" for name in objects), ""]
    for name in sorted(set(names) - set(objects)):
        lines += [f".. py:data:: {name}", f"   :value: {getattr(module, name)!r}", ""]
        lines += [*(f"   {line}" for line in _comment(home, name)), ""]
    return lines


def _comment(home, name):
    """Return the ``#:`` comment of a constant."""
    from sphinx.pycode import ModuleAnalyzer

    return ModuleAnalyzer.for_module(home).find_attr_docs().get(("", name), [])
