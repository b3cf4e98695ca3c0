"""What a study says of its own tables."""

import pytest

from blocklens import Study, UserError


def test_a_table_that_is_not_there_is_named_with_those_that_are(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "heads.parquet").touch()
    with pytest.raises(UserError, match=r"haeds.*heads"):
        Study(tmp_path).table("haeds")
