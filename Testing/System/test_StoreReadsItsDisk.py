"""The shipped store gives back what its disk holds, right after a push too: its memory proves nothing."""

import pytest
from Pushing import pushVerified

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Results import VERIFIED
from CentralSyncLib.Stores.CentralStore import SAME
from PlanningHubLib.Progress import noProgress
from Servers.ShippedStore import ShippedStore, whyNoStore
from Servers.SmallDicom import writeSmallSeries

pytestmark = pytest.mark.skipif(bool(whyNoStore()), reason=whyNoStore() or "the store is there")


def test_rotRightAfterAPushIsSeen(tmp_path):
    with ShippedStore({"an.engineer": ["engineer"]}) as shipped:
        store = shipped.client("an.engineer")
        items = [itemOf(path) for path in writeSmallSeries(tmp_path / "series")]
        assert {result.state for result in pushVerified(store, items)} == {VERIFIED}
        data = items[1].path.read_bytes()
        (kept,) = [path for path in shipped.state.rglob("*") if path.is_file() and path.read_bytes() == data]
        kept.write_bytes(data[:-100] + bytes([data[-100] ^ 4]) + data[-99:])
        answers = store.check(items, noProgress)
    assert [answers[item.sha256].outcome == SAME for item in items] == [True, False, True]
