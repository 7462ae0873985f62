"""Folders that stay known, within their room."""

from kuberpult_core.git.remembered import Folders
from kuberpult_core.ports import FILE, Entry, ObjectId
from kuberpult_core.tree import Listed, serialized


def folder(names: int) -> Listed:
    rows = [(f"name-{number}", Entry(FILE, ObjectId(f"{number:040x}"))) for number in range(names)]
    return Listed(serialized(rows))


def ids(count: int) -> list[ObjectId]:
    return [ObjectId(f"{number:040x}") for number in range(count)]


def test_given_more_folders_than_there_is_room_for_then_those_stay_that_are_asked_for() -> None:
    folders, hot = Folders(room=100_000), ObjectId("f" * 40)
    folders.keep(hot, folder(3))
    for name in ids(10_000):
        folders.keep(name, folder(3))
        assert folders.get(hot) is not None
    assert len(folders) < 400
    assert folders.get(ids(1)[0]) is None


def test_given_more_folders_than_are_kept_then_the_old_ones_go() -> None:
    folders = Folders(most=100)
    for name in ids(1000):
        folders.keep(name, folder(3))
    assert len(folders) <= 200
    assert folders.get(ids(1000)[-1]) is not None


def test_a_large_folder_takes_the_room_of_what_is_made_of_it() -> None:
    folders = Folders(room=1_000_000)
    for name in ids(100):
        large = folder(1000)
        assert len(large) == 1000  # all of it is looked at, and stays parsed
        folders.keep(name, large)
    assert 1 <= len(folders) <= 6
