"""The examples of the public functions, run as they stand in the documentation."""

import doctest
import inspect

import pytest

import blocklens

SHOWN = [
    name
    for name in blocklens.__all__
    if inspect.isfunction(getattr(blocklens, name)) or name == "Encoder"
]


@pytest.mark.parametrize("name", SHOWN)
def test_the_example_of_a_public_function_says_what_it_does(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = [
        test
        for test in doctest.DocTestFinder(recurse=False).find(
            getattr(blocklens, name), name, globs={}
        )
        if test.examples
    ]
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not said, "".join(said)
