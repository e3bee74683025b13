"""The thread of a worker's event loop: nothing that an actor raises or does ends the loop."""

import logging

import uvloop
from dramatiq.asyncio import EventLoopThread

log = logging.getLogger(__name__)


class LoopThread(EventLoopThread):
    """Runs the loop for as long as the process lives.

    asyncio lets SystemExit and KeyboardInterrupt out of any task or callback, and so out of the loop (asyncio.Task: "these are
    re-raised"). The task itself keeps the exception for whoever awaits it; the loop goes on with what else is ready.
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
