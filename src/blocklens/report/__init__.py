"""The HTML report of a study, and its figures.

`write_report(folder)` writes the page; `charts` holds the figures as functions for notebooks;
`Section` and `Figure` are what another part of blocklens returns to have something shown.
"""

from blocklens.report import charts
from blocklens.report.folder_reading import StudyFolder
from blocklens.report.page import write_report
from blocklens.report.section import Figure, Section

__all__ = ["Figure", "Section", "StudyFolder", "charts", "write_report"]
