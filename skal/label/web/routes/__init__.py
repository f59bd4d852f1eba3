"""What the server answers, by subject: the page, labeling, clips, results."""

from skal.label.web.routes import clips, labeling, page, results

__all__ = ["ROUTERS"]

#: The routers of all subjects.
ROUTERS = (page.router, labeling.router, clips.router, results.router)
