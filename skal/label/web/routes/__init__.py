"""Routes by subject: the page, labeling, clips, results."""

from skal.label.web.routes import clips, labeling, page, results

__all__ = ["ROUTERS"]

ROUTERS = (page.router, labeling.router, clips.router, results.router)
