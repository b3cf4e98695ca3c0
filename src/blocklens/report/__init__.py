"""The HTML report of a study, and its figures.

`write_report(folder)` writes the page, `write_figures(folder)` every chart as a file; `charts`
holds the figures as functions for notebooks; `Section` and `Figure` are what another part of
blocklens returns to have something shown.
"""

from blocklens.report import charts
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.section import Figure, Section
from blocklens.report.study_report import write_figures, write_report

__all__ = ["Figure", "Section", "StudyFolder", "charts", "write_figures", "write_report"]
