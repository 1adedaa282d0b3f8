"""Tell whether two runs of a program are in equal states, and so go on alike.

`orders.py` goes on from equal states only once. Where this module can't be sure that
states are equal, it takes them for different ones.
"""

import ast
import io
import pickle
import queue
import re
import threading
import types
from typing import Any

import common_orders
from common_orders import Lock, Program, Run

LIBRARY = (threading.__file__, queue.__file__)  # They wait only in `acquire`.
# What keeps an iterator, an exception or a value that no variable holds.
KEEPERS = (
    *(ast.Try, ast.TryStar, ast.Match, ast.Yield, ast.YieldFrom, ast.ListComp),
    *(ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.AsyncFor, ast.AsyncWith),
)


class States:
    """The states of a program's runs, each with a number.

    A state is what all variables hold, and where each thread is. Some threads also keep
    what no variable holds, such as the iterator of a loop. Their state is all that they
    have seen since they last kept only variables.
    """

    def __init__(self, program: Program) -> None:
        """Find out where the program's threads keep only variables."""
        self.program = program
        self.numbers: dict[object, int] = {}
        # The lines at which a thread keeps only variables, and those at which it does
        # so while it waits for, or is in, what they call.
        self.begin: set[int] = set()
        self.call: dict[int, tuple[str, ...]] = {}
        statements = [n for n in ast.walk(program.tree) if isinstance(n, ast.stmt)]
        lines = [node.lineno for node in statements]
        self.with_lines = {n.lineno for n in statements if isinstance(n, ast.With)}
        functions = [node for node in statements if isinstance(node, ast.FunctionDef)]
        changed = {name for f in functions for name in find_changed(f)}
        for function in functions:
            if any(keeps_more(node, function, changed) for node in ast.walk(function)):
                continue
            inside = [n for n in ast.walk(function) if isinstance(n, ast.stmt)]
            for statement in inside:
                line = statement.lineno
                if lines.count(line) == 1 and not isinstance(statement, ast.For):
                    self.begin.add(line)
                    self.call[line] = find_callees(statement)

    def find(self, run: Run, saw: list[tuple[int, ...]]) -> int:
        """Return the number of a run's state.

        For each thread that keeps more than variables, saw has the states that it has
        gone on from.
        """
        names = {k: v for k, v in run.names.items() if k != "__builtins__"}
        parts: list[Any] = [run.clock, names, run.ended, run.waits, run.timed_out]
        for me in range(len(run.ended)):
            if not self.keeps_variables_only(run, me):
                parts.append(saw[me])
            for frame in find_frames(run, me):
                # A thread stops at a `with` line when it enters and when it leaves.
                is_exact = self.program.fine or frame.f_lineno in self.with_lines
                place = frame.f_lasti if is_exact else -1
                parts += [id(frame.f_code), frame.f_lineno, place]
                parts.append(dict(frame.f_locals))
        saved = io.BytesIO()
        try:
            StatePickler(saved, protocol=5).dump(parts)
            state: object = saved.getvalue()
        except Exception:  # Something can't be pickled, so no other state is equal.
            state = tuple(run.order)
        return self.numbers.setdefault(state, len(self.numbers))

    def keeps_variables_only(self, run: Run, me: int) -> bool:
        """Return whether all that a thread keeps is in variables."""
        if run.raised[me]:
            return False
        callee = ""  # The name of the function that a frame calls, from the inside out.
        for index, frame in enumerate(find_frames(run, me)):
            code, line = frame.f_code, frame.f_lineno
            if code.co_filename not in LIBRARY:
                if (
                    code.co_filename != self.program.path
                    or code.co_cellvars + code.co_freevars
                ):
                    return False
                if index == 0 and not run.waits[me]:
                    if run.fresh[me] is not frame or line not in self.begin:
                        return False
                elif callee not in self.call.get(line, ()):
                    return False
            callee = code.co_name if code.co_filename not in LIBRARY else "*"
        return True


def find_frames(run: Run, me: int) -> list[types.FrameType]:
    """Return the frames of a thread, but those of the tool and of the CALL."""
    ours = (common_orders.__file__, run.program.calls_text[me])
    frame, frames = run.frames[me], []
    while frame is not None:
        if frame.f_code.co_filename not in ours:
            frames.append(frame)
        frame = frame.f_back
    return frames


def find_changed(function: ast.FunctionDef) -> set[str]:
    """Return the `names`, `.attributes` and `containers[]` that a function changes."""
    changed = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            changed.update(node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            changed.add(f"{find_last_name(node.func.value)}[]")
        elif isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            if isinstance(node, ast.Attribute) and function.name != "__init__":
                changed.add(f".{node.attr}")
            elif isinstance(node, ast.Subscript):
                changed.add(f"{find_last_name(node.value)}[]")
    return changed


def find_last_name(node: ast.expr) -> str:
    """Return the name of a variable or an attribute, or the empty string."""
    return str(getattr(node, "id", getattr(node, "attr", "")))


def keeps_more(node: ast.AST, function: ast.FunctionDef, changed: set[str]) -> bool:
    """Return whether a thread in this function may keep more than variables."""
    if isinstance(node, ast.For):
        numbers = re.fullmatch(r"range\([\d, ]+\)", ast.unparse(node.iter))
        return numbers is None or is_set_elsewhere(node.target, function)
    if isinstance(node, ast.With):
        returns = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
        managers = [part for item in node.items for part in ast.walk(item.context_expr)]
        inside = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        local = {name.id for name in inside if isinstance(name.ctx, ast.Store)}
        is_changed = any(is_one_of(part, changed | local) for part in managers)
        return is_changed or any(part.value for part in returns)
    return isinstance(node, KEEPERS)


def is_one_of(manager: ast.AST, changed: set[str]) -> bool:
    """Return whether a part of a manager is a call, or may be changed."""
    name = ""
    if isinstance(manager, ast.Name):
        name = manager.id
    elif isinstance(manager, ast.Attribute):
        name = f".{manager.attr}"
    elif isinstance(manager, ast.Subscript):
        name = f"{find_last_name(manager.value)}[]"
    return isinstance(manager, ast.Call) or name in changed


def is_set_elsewhere(target: ast.expr, function: ast.FunctionDef) -> bool:
    """Return whether a loop's variable may be set by anything but the loop."""
    name = getattr(target, "id", None)
    sets = 0
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return True
        if isinstance(node, ast.Name) and node.id == name:
            sets += not isinstance(node.ctx, ast.Load)
    return name is None or sets > 1


def find_callees(node: ast.stmt) -> tuple[str, ...]:
    """Return what a statement may call or wait for, with all it has in variables.

    It is the name of a function, `*` for the standard library, or nothing for a lock.
    """
    if isinstance(node, ast.With):
        return "", "*"
    value = getattr(node, "test", getattr(node, "value", None))
    value = value.operand if isinstance(value, ast.UnaryOp) else value
    if isinstance(node, ast.AugAssign) or not isinstance(value, ast.Call):
        return ()
    arguments = [*value.args, *(keyword.value for keyword in value.keywords)]
    is_plain = all(isinstance(part, ast.Name | ast.Constant) for part in arguments)
    targets = getattr(node, "targets", [])
    others = [part for n in (*targets, value.func) for part in ast.walk(n)]
    if not is_plain or any(isinstance(part, ast.Call) for part in others):
        return ()
    return "", "*", find_last_name(value.func)


class StatePickler(pickle.Pickler):
    """Pickles what a run depends on, so that equal states have equal bytes."""

    def reducer_override(self, value: Any) -> Any:
        """Return how to pickle a value; raise TypeError if it may hold more."""
        own = getattr(value, "__module__", "") == "__orders__"
        if isinstance(value, Lock):
            return tuple, ((value.owner, value.count),)
        if isinstance(value, BaseException):
            raise TypeError("an exception has a cause and a traceback")
        if own and isinstance(value, types.FunctionType):
            if value.__closure__:
                raise TypeError("a closure's variables may be those of another one")
            defaults = value.__defaults__, value.__kwdefaults__, vars(value)
            return list, ((id(value.__code__), *defaults),)
        if own and isinstance(value, type):
            names = [name for name in vars(value) if not name.startswith("__")]
            return list, ((value.__qualname__, *((n, vars(value)[n]) for n in names)),)
        if isinstance(value, types.ModuleType | property):
            return str, (str(value),)
        return NotImplemented
