"""Whatever moment the power goes at: the store opens, nothing acknowledged is missing, nothing is half there."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from skerry.base.errors import SkerryError
from tests.support.disk.life import Life


def cut_off_everywhere(life: Life, folder: Path, share: float, torn: int | None = None) -> int:
    """At every step; how many that were."""
    count = 0
    for remaining, done in life.moments():
        image = folder / str(done)
        seed = None if torn is None else torn * 1_000_000 + done
        life.check(image, remaining, done, share, seed)
        shutil.rmtree(image)
        count += 1
    return count


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_cut_off_at_every_step_with_all_that_was_written(tmp_path: Path) -> None:
    life = Life(tmp_path / "life", seed=1)
    assert cut_off_everywhere(life, tmp_path / "cut", share=1.0) > 150


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_cut_off_at_every_step_with_nothing_that_was_not_synced(tmp_path: Path) -> None:
    life = Life(tmp_path / "life", seed=2)
    assert cut_off_everywhere(life, tmp_path / "cut", share=0.0, torn=2) > 150


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_cut_off_at_every_step_with_writes_lost_reordered_and_torn(tmp_path: Path) -> None:
    life = Life(tmp_path / "life", seed=3)
    assert cut_off_everywhere(life, tmp_path / "cut", share=0.6, torn=3) > 150


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("deaf", ["sync", "sync_folder"])
def test_a_disk_that_only_says_it_has_synced_is_found_out(tmp_path: Path, deaf: str) -> None:
    """The tests above bite: without syncs something acknowledged is missing, or the store is damaged."""
    life = Life(tmp_path / "life", seed=4, deaf=deaf)
    with pytest.raises((AssertionError, SkerryError)):
        cut_off_everywhere(life, tmp_path / "cut", share=0.0, torn=4)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_many_lives(tmp_path: Path) -> None:
    chance = random.Random(5)
    for number in range(5):
        life = Life(tmp_path / f"life-{number}", seed=chance.randrange(2**32))
        cut_off_everywhere(life, tmp_path / f"cut-{number}", 1.0)
        for torn in range(3):
            share = chance.choice([0.2, 0.5, 0.8])
            cut_off_everywhere(life, tmp_path / f"cut-{number}-{torn}", share, torn)
