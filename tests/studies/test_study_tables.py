"""What a study says of its tables, and of options that would do nothing."""

import pytest

from blocklens import ClassOptions, Study, UserError, finetune


def test_a_table_that_is_not_there_is_named_with_those_that_are(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "heads.parquet").touch()
    with pytest.raises(UserError, match=r"haeds.*heads"):
        Study(tmp_path).table("haeds")


def test_an_option_beside_class_options_is_refused():
    with pytest.raises(UserError, match="seeds: given beside ClassOptions"):
        finetune(ClassOptions(data="reviews.csv"), seeds=1)
