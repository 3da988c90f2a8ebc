"""The examples of all docstrings give what they say."""

import doctest
import importlib
import pkgutil

import galflowlab_widgets
import pytest

import galflowlab

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def modules():
    for package in (galflowlab, galflowlab_widgets):
        yield package.__name__
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield found.name


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in modules():
        for test in finder.find(importlib.import_module(name), name):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.filterwarnings("ignore::galflowlab.FewStarsWarning")
@pytest.mark.parametrize("example", list(examples()))
def test_example(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example.globs = {"__name__": "__main__"}  # what a reader has, not what the module imported
    told = []
    failed, tried = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=told.append)
    assert tried
    assert not failed, "".join(told)


def test_the_main_functions_have_examples():
    have = {param.values[0].name for param in examples()}
    for thing in (
        galflowlab.EDF,
        galflowlab.fit,
        galflowlab.load,
        galflowlab.read,
        galflowlab.prepare,
        galflowlab.mocks.make_galaxy,
    ):
        assert f"{thing.__module__}.{thing.__qualname__}" in have
