"""Routes by subject: the page, labeling, search, earlier answers, classes, clips, results."""

from skal.label.web.routes import clips, finding, labeling, page, past, results, vocabulary

__all__ = ["ROUTERS"]

_MODULES = (page, labeling, finding, past, vocabulary, clips, results)
ROUTERS = tuple(module.router for module in _MODULES)
