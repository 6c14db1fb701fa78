"""Token files: the documents and nothing else, made once, whole or not at all."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from manyicl.errors import CorpusError, ModelError, RunError
from manyicl.pretraining import token_file
from manyicl.pretraining.corpus import SPLITS, Source, read_documents, split_of
from manyicl.pretraining.token_file import tokenize


@pytest.fixture
def source(tmp_path):
    documents = [f"Parcel {i} arrived\nlate, thank you é." for i in range(60)]
    path = tmp_path / "parcels.txt"
    path.write_text("\n\n".join([*documents, "<|end|> is text here"]), encoding="utf-8")
    return Source("parcels", path, path.stat().st_size)


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def cut_at(ids, mark):
    """Return the runs of ids that stand before the marks; the last id must be a mark."""
    if len(ids) == 0:
        return []
    assert ids[-1] == mark
    return [run.tolist() for run in np.split(ids, np.flatnonzero(ids == mark) + 1)[:-1]]


def test_every_document_stands_in_its_split_with_its_end_mark(source, tokenizer, tmp_path):
    found = tokenize(source, tokenizer, tmp_path / "t", held_out_one_in=5)
    expected = {split: [] for split in SPLITS}
    for text in read_documents(source):
        expected[split_of(text, 5)].append(text)
    assert all(expected.values())
    for split in SPLITS:
        ids = found.load(split)
        assert isinstance(ids, np.memmap)
        assert ids.dtype == np.uint16
        runs = cut_at(ids, tokenizer.eos_token_id)
        assert [tokenizer.decode(run[:-1]) for run in runs] == expected[split]
        counts = found.counts[split]
        assert (counts.tokens, counts.documents) == (len(ids), len(runs))
        assert counts.bytes == sum(len(text.encode()) for text in expected[split])
    names = ["parcels.held_out.npy", "parcels.json", "parcels.train.npy"]
    assert files(tmp_path / "t") == names


def test_a_tokenizer_that_truncates_or_adds_marks_changes_nothing(source, tmp_path):
    from builders import metaspace_tokenizer

    tokenizer = metaspace_tokenizer()
    plain = tokenize(source, tokenizer, tmp_path / "a").load("train")
    assert tokenizer.bos_token_id not in plain
    tokenizer("text", truncation=True, max_length=3)
    again = tokenize(source, tokenizer, tmp_path / "b").load("train")
    np.testing.assert_array_equal(plain, again)
    # The backend itself is as it was.
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 3


def test_batches_do_not_change_the_tokens(source, tokenizer, tmp_path, monkeypatch):
    whole = tokenize(source, tokenizer, tmp_path / "a", held_out_one_in=5)
    monkeypatch.setattr(token_file, "BATCH_CHARS", 40)
    small = tokenize(source, tokenizer, tmp_path / "b", held_out_one_in=5)
    assert small.counts == whole.counts
    for split in SPLITS:
        assert small.path(split).read_bytes() == whole.path(split).read_bytes()


def test_large_vocabularies_take_four_bytes(source, tmp_path):
    from builders import byte_level_tokenizer

    tokenizer = byte_level_tokenizer()
    tokenizer.add_tokens([f"<extra {i}>" for i in range((1 << 16) - len(tokenizer))])
    assert tokenize(source, tokenizer, tmp_path / "a").load("train").dtype == np.uint16
    tokenizer.add_tokens(["<one more>"])
    assert tokenize(source, tokenizer, tmp_path / "a").load("train").dtype == np.uint32


def test_files_are_reused_while_all_matches_and_made_anew_otherwise(source, tokenizer, tmp_path):
    from builders import byte_level_tokenizer

    folder = tmp_path / "t"
    first = tokenize(source, tokenizer, folder)

    def made_anew(*args, **kwargs):
        before = [first.path(split).stat().st_ino for split in SPLITS]
        found = tokenize(*args, **kwargs)
        return before != [found.path(split).stat().st_ino for split in SPLITS], found

    assert made_anew(source, tokenizer, folder) == (False, first)
    assert made_anew(source, byte_level_tokenizer(), folder)[0] is False  # equal is the same
    assert made_anew(source, tokenizer, folder, part_chars=20)[0]
    assert made_anew(source, tokenizer, folder)[0]
    other = byte_level_tokenizer()
    other.add_tokens(["Parcel"])
    assert made_anew(source, other, folder)[0]
    assert made_anew(source, tokenizer, folder)[0]
    with source.path.open("a") as file:
        file.write("\n\nOne more.")
    anew, found = made_anew(source, tokenizer, folder)
    assert anew
    assert sum(c.documents for c in found.counts.values()) == 62


@pytest.mark.parametrize("harm", ["no record", "broken record", "short", "changed", "no file"])
def test_harmed_files_are_made_anew(source, tokenizer, tmp_path, harm):
    found = tokenize(source, tokenizer, tmp_path / "t")
    path, record = found.path("train"), tmp_path / "t" / "parcels.json"
    good = path.read_bytes()
    if harm == "no record":
        record.unlink()
    elif harm == "broken record":
        record.write_text("{")
    elif harm == "short":
        path.write_bytes(good[:-10])
    elif harm == "changed":
        path.write_bytes(good[:-2] + b"\1\1")
    else:
        path.unlink()
    assert tokenize(source, tokenizer, tmp_path / "t") == found
    assert path.read_bytes() == good
    assert json.loads(record.read_text())["splits"]["train"]["tokens"] == len(found.load("train"))


def test_an_interrupted_run_leaves_nothing_half(source, tokenizer, tmp_path, monkeypatch):
    folder = tmp_path / "t"
    old = tokenize(source, tokenizer, folder)
    kept = {name: (folder / name).read_bytes() for name in files(folder)}
    monkeypatch.setattr(token_file, "BATCH_CHARS", 40)
    calls = iter(range(100))

    def stop(text, one_in):
        if next(calls) == 20:
            raise KeyboardInterrupt
        return split_of(text, one_in)

    monkeypatch.setattr(token_file, "split_of", stop)
    with pytest.raises(KeyboardInterrupt):
        tokenize(source, tokenizer, folder, part_chars=30)
    assert {name: (folder / name).read_bytes() for name in files(folder)} == kept
    assert tokenize(source, tokenizer, folder) == old


def test_a_stop_between_the_files_never_mixes_old_and_new(source, tokenizer, tmp_path, monkeypatch):
    folder = tmp_path / "t"
    tokenize(source, tokenizer, folder)
    replaced = []

    def stop(a, b):
        if replaced:
            raise KeyboardInterrupt
        replaced.append(b)
        os.rename(a, b)

    with monkeypatch.context() as patch:
        patch.setattr(token_file.os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            tokenize(source, tokenizer, folder, part_chars=30)
    assert files(folder) == ["parcels.held_out.npy", "parcels.train.npy"]
    expected = tokenize(source, tokenizer, tmp_path / "other")
    assert tokenize(source, tokenizer, folder).counts == expected.counts


def test_a_source_may_have_no_held_out_document(tokenizer, tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("A single document.")
    for _ in range(2):
        found = tokenize(Source("one", path, 18), tokenizer, tmp_path / "t")
        assert found.load("held_out").shape == (0,)
        assert found.counts["held_out"].documents == 0


def test_what_cannot_be_encoded_or_written(source, tokenizer, tmp_path):
    from builders import byte_level_tokenizer

    blank = tmp_path / "blank.txt"
    blank.write_text("\n\n")
    with pytest.raises(CorpusError, match="holds no document"):
        tokenize(Source("blank", blank, 2), tokenizer, tmp_path / "t")
    assert files(tmp_path / "t") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file.*cannot be written"):
        tokenize(source, tokenizer, tmp_path / "file")
    with pytest.raises(ModelError, match="no EOS token"):
        tokenize(source, byte_level_tokenizer(eos_token=None), tmp_path / "t")
    slow = cast(Any, SimpleNamespace(name_or_path="slow"))
    with pytest.raises(ModelError, match="not a fast tokenizer"):
        tokenize(source, slow, tmp_path / "t")
