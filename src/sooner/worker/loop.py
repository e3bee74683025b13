"""The thread of a worker's event loop, which no actor can end."""

import logging

import uvloop
from dramatiq.asyncio import EventLoopThread

log = logging.getLogger(__name__)


class LoopThread(EventLoopThread):
    """Runs the loop for as long as the process lives.

    asyncio raises SystemExit and KeyboardInterrupt of a task or callback out of the loop (asyncio.Task: "these are
    re-raised"). The task keeps the exception for its awaiter; the loop goes on with the other tasks.
    """

    def __init__(self) -> None:
        super().__init__(log)
        self.loop.close()
        self.loop = uvloop.new_event_loop()
        self.name = "loop"
        self.daemon = True

    def run(self) -> None:
        """Run until the process ends, or the loop is closed."""
        try:
            while not self.loop.is_closed():
                try:
                    self.loop.run_forever()
                    log.warning("an actor stopped the event loop: it goes on")
                except (SystemExit, KeyboardInterrupt) as error:
                    log.warning(
                        "an actor's code let %s out: the event loop goes on",
                        type(error).__name__,
                        exc_info=True,
                    )
        finally:
            self.loop.close()
