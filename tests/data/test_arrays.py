"""Arrays on disk: whole or not there."""

from __future__ import annotations

import multiprocessing
import pickle

import pytest
import torch

from zoo.data.arrays import ArrayStore

ARRAYS = {
    "pixels": torch.arange(60, dtype=torch.uint8).view(3, 4, 5),
    "floats": torch.linspace(-1, 1, 7),
    "half": torch.linspace(-1, 1, 6).bfloat16().view(2, 3),
}


def filled(folder):
    store = ArrayStore(folder)
    for key, array in ARRAYS.items():
        store.put(key, array)
    return store


def test_what_is_put_is_got_by_this_store_and_another(tmp_path):
    for store in (filled(tmp_path), ArrayStore(tmp_path), pickle.loads(pickle.dumps(filled(tmp_path)))):
        for key, array in ARRAYS.items():
            found = store.get(key)
            assert found.dtype == array.dtype
            assert torch.equal(found, array)
        assert store.get("nothing") is None
        assert "pixels" in store


def test_changing_what_was_got_changes_no_file(tmp_path):
    filled(tmp_path).get("floats").zero_()
    assert torch.equal(ArrayStore(tmp_path).get("floats"), ARRAYS["floats"])


def test_a_damaged_array_is_not_there(tmp_path):
    filled(tmp_path)
    (data,) = tmp_path.glob("*/*.bin")
    content = bytearray(data.read_bytes())
    content[5] ^= 1
    data.write_bytes(content)
    store = ArrayStore(tmp_path)
    assert store.get("pixels") is None
    assert "pixels" not in store
    assert torch.equal(store.get("floats"), ARRAYS["floats"])
    store.put("pixels", ARRAYS["pixels"])
    assert torch.equal(ArrayStore(tmp_path).get("pixels"), ARRAYS["pixels"])


@pytest.mark.parametrize("lost", [1, 10, 40])
def test_a_line_or_an_array_that_was_cut_off_is_not_there(tmp_path, lost):
    filled(tmp_path)
    (index,) = tmp_path.glob("*/*.index")
    index.write_bytes(index.read_bytes()[:-lost])
    store = ArrayStore(tmp_path)
    assert "half" not in store
    assert torch.equal(store.get("floats"), ARRAYS["floats"])
    (data,) = tmp_path.glob("*/*.bin")
    data.write_bytes(data.read_bytes()[:70])
    assert ArrayStore(tmp_path).get("floats") is None


def put(folder, number):
    ArrayStore(folder).put(str(number), torch.full((1000,), float(number)))


def test_several_processes_put_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(put, [(tmp_path, number) for number in range(12)])
    store = ArrayStore(tmp_path)
    assert all(store.get(str(number)).eq(number).all() for number in range(12))


def test_a_store_sees_what_others_put_meanwhile(tmp_path):
    first = ArrayStore(tmp_path)
    filled(tmp_path)
    assert first.get("floats") is None
    first.refresh()
    assert torch.equal(first.get("floats"), ARRAYS["floats"])


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    store = ArrayStore(tmp_path / "file")
    store.put("floats", ARRAYS["floats"])
    assert store.full
    assert store.get("floats") is None
