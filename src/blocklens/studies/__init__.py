"""Studies: everything that is measured of one encoder on one set of texts, in one folder."""

from blocklens.studies.runner import Study, study
from blocklens.studies.study_options import LearnedOptions, StudyOptions

__all__ = ["LearnedOptions", "Study", "StudyOptions", "study"]
