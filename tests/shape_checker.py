"""beartype as the tests use it: where a fraction is expected, a whole number is one."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
