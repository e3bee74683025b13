"""The HTTP interface from a terminal: submit, watch, list, logs, cancel, retry."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from sooner.cli.live_output import LiveOutput
from sooner.cli.progress_bar import ProgressBar
from sooner.cli.terminal import as_json, say
from sooner.client import Client, NoAnswer, ProblemError
from sooner.client.steps import Document, is_final

#: Ten years, as with `delay`.
MOST_SECONDS = 315_360_000
DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


class Unusable(Exception):
    """The command line cannot be used; the message says what to write instead."""


def add_to(commands: Any) -> None:
    """Add the commands to a command line."""
    submit = _command(commands, "submit", "submit a job and follow it to its end", _submit)
    submit.add_argument("actor", metavar="ACTOR")
    submit.add_argument(
        "params",
        nargs="*",
        metavar="NAME=VALUE",
        help="a parameter: JSON, else a text; NAME=@FILE reads a file; @FILE or - (standard input) alone is the whole JSON object",
    )
    submit.add_argument(
        "--wait", type=seconds, metavar="N", help="follow for N seconds at most; 0 not at all"
    )
    submit.add_argument("--priority", choices=["high", "normal", "low"])
    submit.add_argument("--delay", type=seconds, metavar="SECONDS")
    submit.add_argument("--notify", metavar="mailto:ADDRESS", help="one mail at the job's end goes there")
    submit.add_argument("--idempotency-key", metavar="KEY")
    _of_job(commands, "watch", "follow a job to its end", _watch)
    listing = _command(commands, "list", "the newest jobs", _list)
    listing.add_argument("--state")
    listing.add_argument("--actor")
    listing.add_argument("--limit", type=limit, default=20, metavar="N")
    _of_job(commands, "logs", "what the job's code logged", _logs)
    _of_job(commands, "cancel", "cancel a job", _cancel)
    _of_job(commands, "retry", "try a failed job again", _retry)


def seconds(text: str) -> float:
    """Seconds on a command line."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to {MOST_SECONDS}")
    return number


def limit(text: str) -> int:
    """A number of jobs on a command line."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs from 1 on")
    return int(text)


def _command(
    commands: Any, name: str, help: str, run: Callable[[Client, Any], int]
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help)
    command.add_argument("--json", action="store_true", help="print JSON, for programs")
    command.set_defaults(run=run)
    return command


def _of_job(commands: Any, name: str, help: str, run: Callable[[Client, Any], int]) -> None:
    _command(commands, name, help, run).add_argument("id", metavar="ID")


def run(arguments: argparse.Namespace) -> int:
    """Run a command: 0 done, 1 error or cancelled, 2 refused; the result is the exit code."""
    try:
        with Client() as client:
            code: int = arguments.run(client, arguments)
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        # The reader has what it wanted (`… | head`), and Python writes the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except json.JSONDecodeError:
        say("what answers at SOONER_URL is not this service: its answer is no JSON", sys.stderr)
        return REFUSED
    except (ProblemError, NoAnswer, Unusable, ValueError) as error:
        say(str(error), sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def _submit(client: Client, arguments: argparse.Namespace) -> int:
    # On a terminal, progress and output are there from the beginning.
    wait = 0 if arguments.wait is None and sys.stderr.isatty() else arguments.wait
    until = None if arguments.wait is None else monotonic() + arguments.wait
    try:
        job = client.submit(
            arguments.actor,
            params(arguments.params, sys.stdin.read),
            wait=wait,
            priority=arguments.priority,
            delay=arguments.delay,
            notify=arguments.notify,
            idempotency_key=arguments.idempotency_key,
        )
    except ProblemError as error:
        if error.status == 404:
            known = ", ".join(actor["name"] for actor in client.actors())
            raise Unusable(f"{str(error).rstrip('.')}. There are: {known}.") from None
        raise
    # The service holds its answer for SYNC_WAIT_MAX_SECONDS at most.
    left = inf if until is None else until - monotonic()
    return _follow(client, job, arguments, seconds=left) if left > 0 else _tell(job, arguments)


def params(words: list[str], stdin: Callable[[], str]) -> Document:
    """The parameters that a command line names. Raises Unusable."""
    if words == ["-"] or (len(words) == 1 and words[0].startswith("@")):
        text = stdin() if words == ["-"] else _file(words[0])
        try:
            whole = _json(text)
        except ValueError as error:
            raise Unusable(f"{words[0]} is no JSON: {error}") from None
        if not isinstance(whole, dict):
            raise Unusable(f"{words[0]} holds no JSON object: the parameters by name")
        return whole
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Unusable(f"{word}: write NAME=VALUE, or @FILE or - alone for a JSON object")
        found[name] = _value(_file(value) if value.startswith("@") else value)
    return found


def _value(text: str) -> Any:
    try:
        return _json(text)
    except ValueError:
        return text


def _json(text: str) -> Any:
    """A JSON text's value. Raises ValueError for NaN and infinities too, which are no JSON, and Unusable for a text too deep."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except RecursionError:
        raise Unusable("a parameter has more levels than any service takes") from None


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is none")


def _file(word: str) -> str:
    try:
        return Path(word[1:]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{word[1:]} cannot be read: {error}") from None


def _watch(client: Client, arguments: argparse.Namespace) -> int:
    return _follow(client, client.document(arguments.id), arguments)


def _follow(client: Client, job: Document, arguments: argparse.Namespace, *, seconds: float = inf) -> int:
    with ProgressBar(sys.stderr) as bar, LiveOutput(client, job["id"], bar, sys.stderr) as output:
        try:
            for job in client.follow(job["id"], seconds=seconds) if not is_final(job) else ():  # noqa: B020, PLR1704 - the newest document of the same job
                bar.show(job)
        except KeyboardInterrupt:
            bar.clear()
            say(f"the job goes on: python -m sooner watch {job['id']}", sys.stderr)
            raise
    # A person has read the whole result already.
    is_read = bool(output.text) and sys.stdout.isatty() and job["result"] == output.text
    return _code(job) if is_read and not arguments.json else _tell(job, arguments)


def _tell(job: Document, arguments: argparse.Namespace) -> int:
    """Print the outcome of a job; the result is the exit code."""
    if arguments.json:
        say(as_json(job), sys.stdout)
    elif job["state"] == "done":
        say(as_json(job["result"], indent=2), sys.stdout)
    elif not is_final(job):
        say(f"{job['state']}: python -m sooner watch {job['id']}", sys.stderr)
    else:
        error = job["error"] or {"title": "The job was cancelled"}
        say(f"{job['state']}: {error.get('detail') or error['title']}", sys.stderr)
    return _code(job)


def _code(job: Document) -> int:
    return FAILED if job["state"] in ("error", "error_resolved", "cancelled") else DONE


def _list(client: Client, arguments: argparse.Namespace) -> int:
    jobs: list[Document] = []
    missing: set[str] = set()
    for job in client.jobs(on_missing=missing.update, state=arguments.state, actor=arguments.actor):
        if len(jobs) >= arguments.limit:
            break
        jobs.append(job)
    return _print_items(
        jobs,
        lambda job: f"{job['id']}  {job['state']:<14}  {_local(job['created_at'])}  {job['actor']}",
        arguments,
        sorted(missing),
    )


def _logs(client: Client, arguments: argparse.Namespace) -> int:
    return _print_items(
        client.logs(arguments.id),
        lambda line: f"{_local(line['at'])}  {line['level']:<8}  {line['logger']}: {line['message']}",
        arguments,
    )


def _print_items(
    items: list[Document],
    line: Callable[[Document], str],
    arguments: argparse.Namespace,
    missing: Sequence[str] = (),
) -> int:
    """Print a list, a line each or as JSON, and the shards that it lacks; the result is the exit code."""
    if missing:
        say(f"jobs of these shards are missing, as they do not answer: {', '.join(missing)}", sys.stderr)
    if arguments.json:
        say(as_json({"items": items, **({"missing": missing} if missing else {})}), sys.stdout)
        return DONE
    for item in items:
        say(line(item), sys.stdout)
    return DONE


def _cancel(client: Client, arguments: argparse.Namespace) -> int:
    return _acted(client.cancel(arguments.id), arguments)


def _retry(client: Client, arguments: argparse.Namespace) -> int:
    return _acted(client.retry(arguments.id), arguments)


def _acted(job: Document, arguments: argparse.Namespace) -> int:
    asked = " (asked to stop)" if job.get("cancel_requested") and not is_final(job) else ""
    say(as_json(job) if arguments.json else f"{job['state']}{asked}", sys.stdout)
    return DONE


def _local(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S}"
