"""flow.cache: keys tell contents apart, and nothing half-written is ever taken for done."""

import os
import threading

import pytest

from fewbit.flow.cache import BuildStage, Store, atomic_write, digest, source_digest


def names(folder):
    return sorted(os.listdir(folder))


def test_atomic_write_makes_folders_and_leaves_no_draft(scratch):
    path = atomic_write(scratch / "a" / "b.txt", "é")
    assert path.read_bytes() == b"\xc3\xa9"
    atomic_write(path, b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"
    assert names(path.parent) == ["b.txt"]


def test_atomic_write_keeps_the_old_file_on_failure(scratch, monkeypatch):
    path = atomic_write(scratch / "f", "old")

    def fail(*_):
        raise OSError("disk is gone")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk is gone"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert names(scratch) == ["f"]


def test_atomic_write_is_never_seen_half_done(scratch):
    contents = [bytes([i]) * 200_000 for i in range(4)]
    path = atomic_write(scratch / "f", contents[0])
    writers = [threading.Thread(target=lambda c=c: [atomic_write(path, c) for _ in range(20)]) for c in contents]
    for writer in writers:
        writer.start()
    seen = {path.read_bytes() for _ in range(200)}
    for writer in writers:
        writer.join(timeout=30)
    assert seen <= set(contents)
    assert names(scratch) == ["f"]


def test_digest_follows_content_not_place_or_date(scratch):
    one, two = atomic_write(scratch / "one", "x"), atomic_write(scratch / "two", "x")
    os.utime(two, (0, 0))
    assert digest(one) == digest(two)
    atomic_write(two, "y")
    assert digest(one) != digest(two)


def test_digest_tells_framings_and_kinds_apart(scratch):
    file = atomic_write(scratch / "x", '"x"')
    keys = [digest(*parts) for parts in (
        ["ab", "c"], ["a", "bc"], ["abc"], [("ab", "c")], [["ab", "c"]], [b"abc"], [], [None], [""],
        ["x"], [b'"x"'], [file], [scratch], [1], [True],
    )]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_digest_of_a_folder_follows_names_and_contents(scratch):
    before = digest(scratch)
    file = atomic_write(scratch / "sub" / "a", "1")
    added = digest(scratch)
    file.rename(scratch / "sub" / "b")
    renamed = digest(scratch)
    assert len({before, added, renamed}) == 3


def test_digest_refuses_what_has_no_one_text():
    with pytest.raises(ValueError, match="A part of a key must be"):
        digest(object())


def test_source_digest_follows_python_source_only(scratch):
    code = atomic_write(scratch / "hw" / "deep" / "pe.py", "a = 1\n")
    before = source_digest("hw", root=scratch)
    atomic_write(scratch / "hw" / "notes.txt", "no code")
    assert source_digest("hw", root=scratch) == before
    atomic_write(code, "a = 2\n")
    assert source_digest("hw", root=scratch) != before
    with pytest.raises(ValueError, match="Package must be a room"):
        source_digest("nothing", root=scratch)
    assert source_digest() != source_digest("hw")


def stage_of(scratch, *inputs):
    return BuildStage(directory=scratch / "out", name="verilog", inputs=inputs)


def build(stage, text="module"):
    with stage:
        atomic_write(stage.directory / "top.v", text)
        stage.outputs = ["top.v"]


def test_stage_is_done_only_with_the_same_inputs(scratch):
    assert not stage_of(scratch, "a").done
    build(stage_of(scratch, "a"))
    again = stage_of(scratch, "a")
    assert again.done and again.outputs == ["top.v"]
    assert not stage_of(scratch, "b").done


def spoil_delete(stage):
    (stage.directory / "top.v").unlink()


def spoil_edit(stage):
    atomic_write(stage.directory / "top.v", "edited by hand")


def spoil_stamp(stage):
    atomic_write(stage.stamp, stage.stamp.read_text()[:20])


@pytest.mark.parametrize("spoil", [spoil_delete, spoil_edit, spoil_stamp])
def test_stage_is_not_done_when_its_results_are_spoiled(scratch, spoil):
    stage = stage_of(scratch, "a")
    build(stage)
    assert stage.done
    spoil(stage)
    assert not stage_of(scratch, "a").done


def test_stage_that_fails_undoes_an_earlier_success(scratch):
    build(stage_of(scratch, "a"))
    stage = stage_of(scratch, "a")
    with pytest.raises(RuntimeError, match="stopped"), stage:
        raise RuntimeError("stopped")
    assert not stage_of(scratch, "a").done


def test_stage_that_did_not_write_what_it_says_fails(scratch):
    stage = stage_of(scratch)
    with pytest.raises(FileNotFoundError), stage:
        stage.outputs = ["missing.v"]
    assert not stage_of(scratch).done


def test_stage_name_is_a_file_name(scratch):
    for name in ("", "a/b"):
        with pytest.raises(ValueError, match="Name of a stage must be"):
            BuildStage(directory=scratch, name=name, inputs=[])


def test_store_returns_what_was_put_and_takes_rubbish_for_absent(scratch):
    store = Store(directory=scratch / "kept")
    assert store["k"] is None
    store["k"] = {"lut": 3}
    assert Store(directory=scratch / "kept")["k"] == {"lut": 3}
    atomic_write(store.path("k"), '{"lut": ')
    assert store["k"] is None
