"""Routes by subject: the page, labeling, earlier answers, classes, clips, results."""

from skal.label.web.routes import clips, labeling, page, past, results, vocabulary

__all__ = ["ROUTERS"]

ROUTERS = tuple(module.router for module in (page, labeling, past, vocabulary, clips, results))
