"""Files of a galaxy on their way to the browser of whoever looks at a served page."""

import tempfile

import numpy as np
import pytest
from galflowlab_widgets import export

from galflowlab.tables import EXTENSIONS, read_table


@pytest.fixture
def download(monkeypatch, tmp_path):
    """As a page of Voila gets it, with what it is sent."""
    monkeypatch.setenv("VOILA_BASE_URL", "/")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = export.way_out()
    made.sent = []
    monkeypatch.setattr(made, "send", lambda *message: made.sent.append(message))
    return made


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_file_is_sent_whole_and_none_is_kept(download, suite, tmp_path, monkeypatch, extension):
    monkeypatch.setattr(export, "_PART", 10_000)
    stars = suite[0].stars
    assert download.take(f"a{extension}", stars, {"seed": 1}) == f"sending a{extension}"
    assert list(tmp_path.iterdir()) == []
    message, (content,) = download.sent.pop()
    while len(content) < message["size"]:
        asked = {"number": message["number"], "start": len(content)}
        download._handle_custom_msg(asked, [])
        content += download.sent.pop()[1][0]
    download._handle_custom_msg({"number": message["number"], "start": 1}, [])
    assert download.sent == []  # it is not kept in memory either
    path = tmp_path / message["name"]
    path.write_bytes(content)
    table, header = read_table(path)
    assert header == {"seed": 1}
    for name in stars.colnames:
        assert np.array_equal(table[name], stars[name])


def test_a_file_that_is_too_large_is_refused(download, suite, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_LARGEST", 1000)
    with pytest.raises(ValueError, match=r"at most 0\.001 MB, got 0 MB; choose fewer stars"):
        download.take("a.fits", suite[0].stars, {})
    assert download.sent == list(tmp_path.iterdir()) == []
