"""Routes by subject: the page, labeling, earlier answers, classes, clips, results."""

from skal.label.web.routes import asking, clip_media, page, past, results, vocabulary

__all__ = ["ROUTERS"]

ROUTERS = tuple(module.router for module in (page, asking, past, vocabulary, clip_media, results))
