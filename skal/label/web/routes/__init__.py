"""Routes by subject: the page, questions, Find more, review, classes, clips, results."""

from skal.label.web.routes import asking, classes, clip_media, find_more, page, results, review

__all__ = ["ROUTERS"]

_MODULES = (page, asking, find_more, review, classes, clip_media, results)
ROUTERS = tuple(module.router for module in _MODULES)
