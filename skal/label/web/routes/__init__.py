"""Routes by subject: the page, labeling, search, earlier answers, classes, clips, results."""

from skal.label.web.routes import asking, clip_media, finding, page, past, results, vocabulary

__all__ = ["ROUTERS"]

_MODULES = (page, asking, finding, past, vocabulary, clip_media, results)
ROUTERS = tuple(module.router for module in _MODULES)
