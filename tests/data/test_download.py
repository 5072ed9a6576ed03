import os
from functools import partial

import pytest

from turncoat.data import download as module
from turncoat.data import files
from turncoat.data.download import download
from turncoat.data.source import DataFile

CONTENT = bytes(range(256)) * 2000


@pytest.fixture
def get(site, cache, checksum):
    """Download the site's file, published with this checksum unless another is given."""

    def run(published: str | None = checksum("sha256", CONTENT), progress=None):
        return download(DataFile("a.bin", published, site.url), cache, "set", progress, pause=0.0)

    site.content = CONTENT
    return run


def left(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_download_arrives_whole_and_reports_its_progress(get, cache):
    seen = []
    path = get(progress=lambda *now: seen.append(now))
    assert path.read_bytes() == CONTENT
    assert left(cache) == ["a.bin"]
    assert seen[-1] == ("a.bin", len(CONTENT), len(CONTENT))


def test_a_broken_download_resumes_where_it_stopped(get, site, cache):
    site.cut_after = [100_000, 50_000]
    assert get().read_bytes() == CONTENT
    assert site.seen == [None, "bytes=100000-", "bytes=150000-"]
    assert left(cache) == ["a.bin"]


def test_a_broken_download_restarts_if_the_server_cannot_resume(get, site):
    site.cut_after, site.ranges = [100_000], False
    assert get().read_bytes() == CONTENT
    assert site.seen == [None, "bytes=100000-"]


def test_nothing_is_left_of_a_download_that_never_ends(get, site, cache, refusal):
    site.cut_after = [10, 10, 10, 10]
    message = refusal(get)
    assert "could not be downloaded" in message
    assert "the connection ended after 40 of" in message
    assert left(cache) == []


def test_nothing_is_left_of_a_download_with_the_wrong_checksum(get, cache, checksum, refusal):
    message = refusal(partial(get, checksum("git", b"other")))
    assert "wrong checksum" in message
    assert "not kept" in message
    assert "turncoat data fetch set" in message
    assert left(cache) == []


def test_a_wrong_download_does_not_replace_a_file(get, cache, checksum, refusal):
    cache.mkdir()
    (cache / "a.bin").write_bytes(b"old")
    refusal(partial(get, checksum("md5", b"other")))
    assert (cache / "a.bin").read_bytes() == b"old"


def test_an_interrupted_download_leaves_nothing(get, cache):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(progress=stop)
    assert left(cache) == []


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (503, 4), (429, 4)])
def test_a_server_that_refuses(status, requests, get, site, cache, refusal):
    site.status = status
    message = refusal(get)
    assert site.url in message
    assert len(site.seen) == requests
    assert left(cache) == []


def test_a_server_that_is_not_there(cache, refusal):
    nowhere = DataFile("a.bin", None, "http://127.0.0.1:9/file")
    assert "check the connection" in refusal(download, nowhere, cache, "set", pause=0.0)
    assert left(cache) == []


def test_a_folder_that_cannot_be_made(tmp_path, site, refusal):
    (tmp_path / "file").write_text("in the way")
    file = DataFile("a.bin", None, site.url)
    assert "cannot be written" in refusal(download, file, tmp_path / "file", "set", pause=0.0)


def test_a_file_without_an_address(cache, refusal):
    assert "by hand" in refusal(download, DataFile("a.npz", None), cache, "set")


def test_trust_on_first_use_records_and_then_holds(get, site, cache, refusal):
    path = get(None)
    assert left(cache) == ["a.bin", "a.bin.sha256"]
    assert files.digest(path, "sha256") in files.record_of(path).read_text()
    path.unlink()
    get(None)
    site.content = CONTENT + b"changed"
    message = refusal(partial(get, None))
    assert "a.bin.sha256 if you trust the new version" in message
    assert path.read_bytes() == CONTENT


def test_what_a_killed_process_left_is_swept_away(get, cache):
    cache.mkdir()
    stale, fresh = cache / ".a.bin.1.part", cache / ".a.bin.2.part"
    stale.write_bytes(b"x")
    fresh.write_bytes(b"x")
    os.utime(stale, (0, 0))
    get()
    assert left(cache) == [".a.bin.2.part", "a.bin"]


def test_a_server_that_sends_another_range_is_not_believed(get, site, monkeypatch):
    site.cut_after = [100_000]
    honest = module._request
    asked = iter([0, 5, 0])  # the second request asks for byte 5 on, though 100,000 bytes are held
    monkeypatch.setattr(module, "_request", lambda file, held, version: honest(file, next(asked), version))
    assert get().read_bytes() == CONTENT
    assert site.seen == [None, "bytes=5-", None]
