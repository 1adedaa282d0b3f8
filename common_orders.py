"""Run the calls of several threads line by line, in an order that the caller chooses.

`orders.py` is the tool; this is what it runs with: the locks whose waiting threads it
knows, a program with its calls, and one run of it in one order.
"""

import _thread
import ast
import contextlib
import dis
import functools
import inspect
import io
import itertools
import linecache
import logging
import os
import queue
import sys
import threading
import time
import types
from asyncio import base_events, events
from collections.abc import Callable, Iterator
from multiprocessing import process
from pathlib import Path
from typing import Any, ClassVar, NoReturn

DEADLOCK, FOR_EVER, TOO_LONG = "deadlock", "goes on forever", "takes too many steps"
MAX_STEPS = 300
# Python 3.12.1 misses instructions that it should trace, or crashes.
CRASHES = (3, 12)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# A thread that takes longer for a line waits for something that the tool doesn't see.
MAX_SECONDS_FOR_A_LINE = 10
MAIN = -1
# What a thread does next, by the beginning of the instruction's name.
VERBS = {
    "read": ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_ATTR", "BINARY_"),
    "write": (
        "STORE_GLOBAL",
        "STORE_DEREF",
        "STORE_ATTR",
        "STORE_SUBSCR",
        "STORE_SLICE",
    ),
    "delete": ("DELETE_",),
    "call": ("CALL",),
}


class OrdersError(Exception):
    """What can't be run in order, in one line."""


class Abandoned(BaseException):
    """Ends a thread whose order is not run to its end."""


class Lock:
    """Do what `threading.Lock` does, and let the run know which thread waits."""

    reentrant = False

    def __init__(self) -> None:
        """Make a lock that nobody holds."""
        self.owner: int | None = None
        self.count = 0

    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:
        """Acquire the lock; return False if it is held, after timeout seconds."""
        run, me = Run.current, Run.thread_id()
        if self.reentrant and self.owner == me:
            self.count += 1
            return True
        while self.owner is not None and not run.abandoned:
            if not blocking or timeout == 0:
                return False
            if me == MAIN:
                raise OrdersError("an expression needs a lock that a thread holds")
            if not run.wait_for(self, me, timeout):
                return False
        self.owner, self.count = me, 1
        return True

    def release(self) -> None:
        """Release the lock; raise RuntimeError if this thread can't."""
        is_free = self.owner is None or (self.reentrant and not self._is_owned())
        if is_free and not Run.current.abandoned:
            raise RuntimeError("release unlocked lock")
        self.count -= 1
        if self.count <= 0:
            self.owner = None

    def locked(self) -> bool:
        """Return whether a thread holds the lock."""
        return self.owner is not None

    def __enter__(self) -> bool:
        """Acquire the lock."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        self.release()

    # The standard library calls these.

    def _at_fork_reinit(self) -> None:
        self.owner, self.count = None, 0

    def _is_owned(self) -> bool:
        return self.owner == Run.thread_id()

    def _recursion_count(self) -> int:
        return self.count if self._is_owned() else 0

    def _release_save(self) -> int:
        count, self.owner, self.count = self.count, None, 0
        return count

    def _acquire_restore(self, count: int) -> None:
        self.acquire()
        self.count = count


class RLock(Lock):
    """Do what `threading.RLock` does, and let the run know which thread waits."""

    reentrant = True


def refuse(what: str) -> Callable[..., NoReturn]:
    """Return a function that raises OrdersError, as it would start unseen threads."""

    def refused(*_: object, **__: object) -> NoReturn:
        Run.refused = f"{what} can't be run in order"
        raise OrdersError(Run.refused)

    return refused


REFUSED: tuple[tuple[Any, str, Any], ...] = (
    (threading.Thread, "start", refuse("a thread or a pool inside a call")),
    (process.BaseProcess, "start", refuse("a process")),
    *([(os, "fork", refuse("a process"))] if hasattr(os, "fork") else []),
    (events, "new_event_loop", refuse("asyncio")),
    (base_events.BaseEventLoop, "run_forever", refuse("asyncio")),
)
REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (threading, "Lock", Lock),
    (threading, "_allocate_lock", Lock),
    (threading, "RLock", RLock),
    (threading, "_time", lambda: Run.current.clock),
    (queue, "time", lambda: Run.current.clock),
    (queue, "SimpleQueue", vars(queue)["_PySimpleQueue"]),
    (time, "sleep", lambda _: None),
)


@contextlib.contextmanager
def replaced(attributes: tuple[tuple[Any, str, Any], ...]) -> Iterator[None]:
    """Replace attributes in this block, where nothing is printed or logged."""
    saved = [(owner, name, getattr(owner, name)) for owner, name, _ in attributes]
    disabled = logging.root.manager.disable
    logging.disable()
    try:
        for owner, name, value in attributes:
            setattr(owner, name, value)
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        for owner, name, value in saved:
            setattr(owner, name, value)
        logging.disable(disabled)


class Program:
    """A file, the calls of its threads, and the expressions to show and to check.

    With fine, a thread also stops within a line, before it reads or writes what may be
    shared. Raises OrdersError if the file, a call or an expression can't be used.
    """

    def __init__(  # noqa: PLR0913 (they are the tool's options)
        self,
        file: str,
        calls: list[str],
        show: str,
        *,
        check: str = "True",
        setup: str = "",
        fine: bool = False,
    ) -> None:
        """Compile all of it, and run the file once."""
        if fine and sys.version_info[:2] == CRASHES:
            raise OrdersError("--fine can't be run on Python 3.12, which may crash")
        self.calls_text, self.show_text, self.fine = calls, show, fine
        self.not_seen, what = set[str](), file
        try:
            self.path = str(Path(file).resolve())
            self.folder = str(Path(self.path).parent)
            self.tree = ast.parse(Path(file).read_text(encoding="utf-8-sig"))
            self.code = compile(self.tree, self.path, "exec")
            self.setup = compile(setup, what := "--setup", "exec")
            self.show = compile(show, what := "--show", "eval")
            self.check = compile(check, what := "--check", "eval")
            self.calls = [compile(call, what := call, "eval") for call in calls]
            what = file
            sys.path.insert(0, self.folder)
            # First with the real locks, which are then those of the modules it imports.
            with replaced(REFUSED):
                self.names = self.load()
            for what in calls:
                call = ast.parse(what, mode="eval").body
                if not isinstance(call, ast.Call):
                    raise TypeError("not a call")
                function = eval(ast.unparse(call.func), self.names)
                if inspect.iscoroutinefunction(function):
                    raise TypeError("asyncio can't be run in order")
        except OrdersError:
            raise
        except (Exception, SystemExit) as error:
            text = error.strerror if isinstance(error, OSError) else error
            raise OrdersError(f"{what}: {type(error).__name__}: {text}") from None
        self.wholes = find_wholes(self.tree)
        globals_ = [
            node for node in ast.walk(self.tree) if isinstance(node, ast.Global)
        ]
        self.rebound = {name for node in globals_ for name in node.names}

    def load(self) -> dict[str, Any]:
        """Run the file and the setup, and return their names."""
        names = {"__name__": "__orders__", "__file__": self.path}
        for what, code in ((self.path, self.code), ("--setup", self.setup)):
            try:
                exec(code, names)
            except OrdersError:
                raise
            except (Exception, SystemExit) as error:
                text = f"{type(error).__name__}: {error}"
                raise OrdersError(f"{what}: {text}") from None
        return names

    @functools.cache  # noqa: B019 (a program is kept until the end)
    def find_access(self, line: int, column: int, end: int, instruction: str) -> str:
        """Return what a thread reads, writes or calls there, or the empty string."""
        verbs = (v for v, prefixes in VERBS.items() if instruction.startswith(prefixes))
        verb, source = next(verbs, ""), linecache.getline(self.path, line).encode()
        text = source[column:end].decode()
        try:
            node = ast.parse(text, mode="eval").body
        except SyntaxError:
            return ""
        is_call = isinstance(node, ast.Call)
        first = node.func if isinstance(node, ast.Call) else node
        is_path = isinstance(first, ast.Attribute | ast.Subscript)
        while isinstance(first, ast.Attribute | ast.Subscript):
            first = first.value
        value = self.names.get(first.id) if isinstance(first, ast.Name) else None
        is_shared = is_path or (isinstance(first, ast.Name) and not is_named(value))
        # In `stock["book"]`, the program reads `stock` only on the way, and in
        # `stock.pop()` the method. It doesn't matter when, unless the name is rebound.
        is_on_the_way = verb == "read" and source[end : end + 1] in b".[("
        is_on_the_way = is_on_the_way and getattr(node, "id", "") not in self.rebound
        if not is_shared or is_on_the_way or isinstance(value, types.ModuleType):
            return ""
        return f"{verb} {text}" if verb and is_call == (verb == "call") else ""


def is_named(value: object) -> bool:
    """Return whether a value has a name of its own, and is no data."""
    return isinstance(value, type | types.FunctionType | types.BuiltinFunctionType)


def find_wholes(tree: ast.Module) -> dict[int, int]:
    """Return the first line of each line that is part of a statement of several lines.

    A comprehension counts as several lines: Python 3.12 and newer trace its turns.
    """
    wholes = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            head = getattr(node, "test", getattr(node, "value", None)) or node
            inside = ast.walk(head) if not body or head is not node else []
            is_turned = any(isinstance(part, COMPREHENSIONS) for part in inside)
            if end > node.lineno or is_turned:
                wholes.update(dict.fromkeys(range(node.lineno, end + 1), node.lineno))
    return wholes


class Run:
    """One order of the lines of a program's calls.

    The function choose gets the run and the threads that can go on. It returns one of
    them, or None to end the run.
    """

    current: ClassVar[Any] = None
    refused: ClassVar[str] = ""
    local: ClassVar[threading.local] = threading.local()

    def __init__(
        self, program: Program, choose: Callable[["Run", list[int]], int | None]
    ) -> None:
        """Prepare the run; `run` runs it."""
        self.program, self.choose = program, choose
        self.abandoned, self.is_running = False, False
        self.clock, self.order = 0.0, list[int]()
        self.steps: list[tuple[int, str, str]] = []  # thread, what it did, value then
        threads = range(len(program.calls))
        self.turns = [_thread.allocate_lock() for _ in threads]
        self.back = _thread.allocate_lock()
        for turn in (*self.turns, self.back):
            turn.acquire()
        self.frames: list[Any] = [None for _ in threads]  # where each thread stopped
        self.next = ["" for _ in threads]  # what it does next
        self.fresh: list[Any] = [None for _ in threads]  # frame at the start of a line
        self.inside: dict[types.FrameType, int] = {}  # its statement of several lines
        self.raised = [False for _ in threads]
        self.waits: list[tuple[Lock, float | None] | None] = [None for _ in threads]
        self.timed_out = [False for _ in threads]
        self.ended: list[str | None] = [None for _ in threads]  # "" or an exception

    @classmethod
    def thread_id(cls) -> int:
        """Return the number of this thread, or MAIN."""
        return int(getattr(cls.local, "thread_id", MAIN))

    # The threads call these.

    def run_call(self, me: int) -> None:
        """Make the call of this thread, and note how it ended."""
        self.local.thread_id = me
        self.turns[me].acquire()
        ended = ""
        try:
            sys.settrace(self.trace)
            eval(self.program.calls[me], self.names)
        except BaseException as error:
            ended = f"{type(error).__name__}: {error}".replace("\n", " ")
        finally:
            sys.settrace(None)
        self.frames[me], self.ended[me] = None, ended
        self.back.release()

    def pause(self, me: int) -> None:
        """Give the turn back and wait for the next; raise Abandoned if none comes."""
        self.back.release()
        self.turns[me].acquire()
        self.fresh[me] = None
        if self.abandoned:
            raise Abandoned

    def wait_for(self, lock: Lock, me: int, timeout: float | None) -> bool:
        """Wait for a lock that is held; return False after timeout seconds."""
        until = None if timeout is None or timeout < 0 else self.clock + timeout
        self.waits[me], self.timed_out[me] = (lock, until), False
        self.frames[me] = sys._getframe(1)
        self.pause(me)
        self.waits[me] = None
        return not self.timed_out[me]

    def trace(self, frame: types.FrameType, event: str, _: object) -> Any:
        """Stop this thread before each line, or before each access."""
        code, program, me = frame.f_code, self.program, self.thread_id()
        if code.co_filename != program.path:
            folder, name = os.path.split(code.co_filename)
            if folder == program.folder and code.co_filename != __file__:
                program.not_seen.add(name)
            return None
        if code.co_name.endswith(("comp>", "expr>")) and not program.fine:
            return None
        frame.f_trace_opcodes = program.fine
        self.raised[me] = self.raised[me] or event == "exception"
        text = ""
        if event == "line":
            whole = program.wholes.get(frame.f_lineno, 0)
            if whole and self.inside.get(frame) == whole:
                return self.trace
            self.inside[frame], self.fresh[me] = whole, frame
            text = (
                "" if program.fine else linecache.getline(program.path, frame.f_lineno)
            )
        elif event == "opcode":
            places = itertools.islice(code.co_positions(), frame.f_lasti // 2, None)
            line, end_line, column, end = next(places)
            if line == end_line and None not in (line, column, end):
                name = dis.opname[code.co_code[frame.f_lasti]]
                text = program.find_access(line, column, end, name)
        if text:
            self.frames[me], self.next[me] = frame, text.strip()
            self.pause(me)
        return self.trace

    # The main thread calls these.

    def run(self) -> tuple[str, bool] | None:
        """Run the order; return its outcome and whether that is wrong.

        Returns None if the function choose ended the run. Raises OrdersError if the
        program can't be run in order.
        """
        Run.current, Run.refused = self, ""
        with replaced((*REFUSED, *REPLACED)):
            self.names = self.program.load()
            for me in range(len(self.ended)):
                _thread.start_new_thread(self.run_call, (me,))
            try:
                for me in range(len(self.ended)):
                    self.resume(me)
                return self.run_steps()
            finally:
                self.abandoned = True
                for me, ended in enumerate(self.ended):
                    # After Ctrl-C, one may be in the middle of a line: leave them all.
                    if ended is None and not self.is_running:
                        self.turns[me].release()
                        self.back.acquire(timeout=MAX_SECONDS_FOR_A_LINE)

    def resume(self, me: int) -> None:
        """Let a thread go on until it stops again; raise OrdersError if it doesn't."""
        self.is_running = True
        self.turns[me].release()
        if not self.back.acquire(timeout=MAX_SECONDS_FOR_A_LINE):
            where = self.next[me]
            raise OrdersError(
                f"thread {me} waits for what this tool can't see: {where}"
            )
        self.is_running = False
        if self.refused:
            raise OrdersError(self.refused)

    def ready(self) -> list[int]:
        """Return the threads that can go on; if none can, let the time of one end."""
        waits = [
            (me, self.waits[me]) for me, ended in enumerate(self.ended) if ended is None
        ]
        ready = [me for me, wait in waits if wait is None or wait[0].owner is None]
        timed = [(wait[1], me) for me, wait in waits if wait and wait[1] is not None]
        if not ready and timed:
            until, me = min(timed)
            self.clock, self.timed_out[me] = max(self.clock, until), True
            ready = [me]
        return ready

    def run_steps(self) -> tuple[str, bool] | None:
        """Run one step after the other; return what `run` returns."""
        while ready := self.ready():
            if len(self.order) == MAX_STEPS:
                return TOO_LONG, True
            me = self.choose(self, ready)
            if me is None:
                return None
            if me not in ready:
                raise OrdersError("the calls don't run the same lines each time")
            self.order.append(me)
            text, waited = self.next[me], self.waits[me]
            self.resume(me)
            if self.waits[me]:
                text += "  (waits)"
            elif waited:
                text += "  (time is up)" if self.timed_out[me] else "  (goes on)"
            self.steps.append((me, text, self.look()))
        if None in self.ended:
            return DEADLOCK, True
        errors = [f"thread {me} {text}" for me, text in enumerate(self.ended) if text]
        try:
            is_wrong = bool(errors) or not eval(self.program.check, self.names)
        except (Exception, SystemExit) as error:
            raise OrdersError(f"--check: {type(error).__name__}: {error}") from None
        return "; ".join([self.look(), *errors]), is_wrong

    def look(self) -> str:
        """Return the value of the expression to show, or its exception."""
        try:
            return str(eval(self.program.show, self.names)).replace("\n", " ")
        except (Exception, SystemExit) as error:
            return f"{type(error).__name__}: {error}"
