"""An image in plain sight: what every matrix costs, where a frame's time goes, what is where."""

from sordino.tools.report.build import Report, make_report

__all__ = ["Report", "make_report"]
