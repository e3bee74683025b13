"""Random blocks: each is given out once, whoever asks."""

import os
from concurrent.futures import ThreadPoolExecutor

from sooner.process.entropy import MANY, Blocks


def test_blocks_have_their_size_and_never_come_twice() -> None:
    blocks = Blocks(8)
    drawn = [blocks() for _ in range(3 * MANY)]
    assert {len(block) for block in drawn} == {8}
    assert len(set(drawn)) == len(drawn)


def test_threads_never_get_the_same() -> None:
    blocks = Blocks(8)
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(lambda _: blocks(), range(20 * MANY)))
    assert len(set(drawn)) == len(drawn)


def test_a_forked_process_gets_none_of_its_parents() -> None:
    blocks = Blocks(8)
    blocks()
    receiving, sending = os.pipe()
    if (child := os.fork()) == 0:
        os.write(sending, b"".join(blocks() for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(receiving, 800)
    os.close(receiving)
    os.close(sending)
    theirs = {told[start : start + 8] for start in range(0, len(told), 8)}
    assert len(theirs) == 100
    assert theirs.isdisjoint(blocks() for _ in range(MANY))
