"""Run the calls of two or three threads in every order of their lines.

A race depends on the order in which the threads' lines run, and a wrong order may be
rare. This tool doesn't wait for one: it runs real threads, but only one at a time, from
one line of FILE to the next, and it decides which thread goes on.

Run: python3 orders.py FILE CALL CALL [CALL] --show EXPRESSION [--check EXPRESSION]
"""

import itertools
import os
import sys
import time
from typing import NamedTuple

from common_orders import FOR_EVER, OrdersError, Program, Run
from common_states import States
from run import Parser

Order = tuple[int, ...]
NOT_RUN = "not run"
NO_CIRCLE = sys.maxsize
MAX_CALLS = 3
MAX_RUNS = 100_000
MAX_SHOWN = 60  # A longer order is not shown in the table.
MAX_SECONDS = 60


class Ways(NamedTuple):
    """How many orders lead to an outcome, and whether it is wrong."""

    number: int
    # For each thread that can begin, the order that changes threads least often.
    orders: list[Order]
    is_wrong: bool

    @property
    def simplest(self) -> Order:
        """The order that changes threads least often; of several, the smallest."""
        switches = (sum(a != b for a, b in itertools.pairwise(o)) for o in self.orders)
        return min(zip(switches, self.orders, strict=True))[1]

    @property
    def example(self) -> str:
        """The same order, as `--order` takes it."""
        return "".join(map(str, self.simplest))


Outcomes = dict[str, Ways]


class Explorer:
    """Runs a program in every order, and counts the outcomes.

    Where two orders lead to equal states, the rest is run only once, and counted for
    both. An order that comes back to one of its own states is not followed further.
    """

    def __init__(self, program: Program) -> None:
        """Prepare to run the program; `visit` runs it."""
        self.program, self.states = program, States(program)
        self.runs, self.deadline = 0, time.monotonic() + MAX_SECONDS
        self.known: dict[int, Outcomes] = {}

    def visit(self, prefix: Order = (), path: Order = ()) -> tuple[Outcomes, int]:
        """Return the outcomes of all orders that begin with this prefix.

        The path has the number of the state before each step of the prefix. The second
        result is the step of the first state in it that an order comes back to.
        """
        if self.runs >= MAX_RUNS or time.monotonic() > self.deadline:
            self.runs = MAX_RUNS
            return {NOT_RUN: Ways(1, [()], False)}, NO_CIRCLE
        self.runs += 1
        steps = {state: step for step, state in enumerate(path)}
        choices: list[list[int]] = []
        total: Outcomes = {}
        circle = NO_CIRCLE
        saw: list[Order] = [() for _ in self.program.calls]

        def go_on(run: Run, me: int, state: int) -> int:
            before = () if self.states.keeps_variables_only(run, me) else saw[me]
            saw[me] = (*before, state)
            return me

        def choose(run: Run, ready: list[int]) -> int | None:
            nonlocal total, circle
            step = len(run.order)
            if step < len(prefix):
                return go_on(run, prefix[step], path[step])
            state = self.states.find(run, saw)
            if state in steps:
                circle = steps[state]
                if set(run.order[circle:]) >= set(ready):
                    total = {FOR_EVER: Ways(1, [()], True)}
                return None
            if state in self.known:
                total = self.known[state]
                return None
            steps[state] = step
            choices.append(ready)
            return go_on(run, ready[0], state)

        run = Run(self.program, choose)
        outcome = run.run()
        if outcome is not None:
            total = {outcome[0]: Ways(1, [()], outcome[1])}
        states = tuple(steps)
        for step in range(len(run.order) - 1, len(prefix) - 1, -1):
            parts = [(run.order[step], total)]
            for other in choices[step - len(prefix)][1:]:
                begin = (*run.order[:step], other)
                outcomes, back_to = self.visit(begin, states[: step + 1])
                parts.append((other, outcomes))
                circle = min(circle, back_to)
            total = join(parts)
            if circle == NO_CIRCLE and self.runs < MAX_RUNS:
                self.known[states[step]] = total
            elif circle >= step:
                circle = NO_CIRCLE
        return total, circle


def join(parts: list[tuple[int, Outcomes]]) -> Outcomes:
    """Return the outcomes of the orders that begin with each of these threads."""
    total: Outcomes = {}
    for me, outcomes in parts:
        for outcome, (number, orders, is_wrong) in outcomes.items():
            mine = Ways(number, [(me, *order) for order in orders], is_wrong)
            best = [mine.simplest]
            others = total.get(outcome, Ways(0, [], is_wrong))
            both = others.number + number, others.orders + best
            total[outcome] = Ways(*both, is_wrong)
    return total


def run_every_order(program: Program) -> Outcomes:
    """Return all outcomes; raise OrdersError if the program can't be run in order."""
    return Explorer(program).visit()[0]


def print_outcomes(program: Program, outcomes: Outcomes) -> bool:
    """Print the outcomes; return whether an order is wrong or was not run."""
    rows = [("orders", "one of them", program.show_text)]
    for outcome, ways in sorted(outcomes.items(), key=lambda o: (o[1].is_wrong, o[0])):
        count = "?" if outcome == NOT_RUN else f"{ways.number:,}"
        mark = "   WRONG" if ways.is_wrong else ""
        is_shown = outcome != NOT_RUN and len(ways.example) <= MAX_SHOWN
        example = ways.example if is_shown else ""
        rows.append((count, example, outcome + mark))
    width = max(len(row[1]) for row in rows)
    for count, order, outcome in rows:
        print(f"{count:>9}  {order:{width}}  {outcome}")
    total = sum(ways.number for outcome, ways in outcomes.items() if outcome != NOT_RUN)
    wrong = sum(ways.number for ways in outcomes.values() if ways.is_wrong)
    print(f"{wrong:,} of {total:,} orders are wrong.")
    if NOT_RUN in outcomes:
        print(f"Stopped early, after {MAX_RUNS:,} runs or {MAX_SECONDS} seconds.")
    for name in sorted(program.not_seen):
        print(f"The lines of {name} were not split into steps.")
    return wrong > 0 or NOT_RUN in outcomes


def describe_order(run: Run, outcome: tuple[str, bool]) -> list[str]:
    """Return what each thread did, in a column of its own, with the value then."""
    program, number_width = run.program, len(str(len(run.steps)))
    heads = [f"thread {me}: {call}" for me, call in enumerate(program.calls_text)]
    width = 2 + max(map(len, [*heads, *(text for _, text, _ in run.steps)]))
    columns = "".join(f"{head:{width}}" for head in heads)
    lines = [f"{'':{number_width}} {columns}{program.show_text}"]
    for number, (me, text, value) in enumerate(run.steps, start=1):
        column = f"{' ' * width * me}{text}"
        lines.append(f"{number:{number_width}} {column:{len(columns)}}{value}")
    return [*lines, f"outcome: {outcome[0]}" + ("   WRONG" if outcome[1] else "")]


def run_order(program: Program, order: str) -> tuple[list[str], bool]:
    """Run one order; return its lines, and whether its outcome is wrong.

    When its turns are used up, the first thread that can go on does. Raises OrdersError
    if a thread can't go on at its turn.
    """

    def choose(run: Run, ready: list[int]) -> int:
        turn = len(run.order)
        if turn >= len(order):
            return ready[0]
        if order[turn] not in map(str, ready):
            raise OrdersError(
                f"--order: thread {order[turn]} can't go on at turn {turn + 1}"
            )
        return int(order[turn])

    run = Run(program, choose)
    outcome = run.run()
    assert outcome is not None
    if len(order) > len(run.order):
        raise OrdersError(f"--order: all threads end after {len(run.order)} turns")
    return describe_order(run, outcome), outcome[1]


def play(program: Program) -> bool:
    """Ask before each step which thread goes on; return whether it ends wrong."""
    order: list[int] = []
    can_go: list[int] = []
    view: list[str] = []

    def choose(run: Run, ready: list[int]) -> int | None:
        nonlocal can_go, view
        if len(run.order) < len(order):
            return order[len(run.order)]
        can_go, view = ready, [f"\n{program.show_text}: {run.look()}"]
        for me, call in enumerate(program.calls_text):
            state = "has ended" if run.ended[me] is not None else run.next[me]
            view.append(
                f"  {me}  {call}  {state}{'  (waits)' if run.waits[me] else ''}"
            )
        return None

    answer = ""
    while answer != "q":
        run = Run(program, choose)
        outcome = run.run()
        if outcome is not None:
            print("\n".join(describe_order(run, outcome)))
            print(f"Again: --order {''.join(map(str, order))}")
            return outcome[1]
        print("\n".join(view))
        choices = ", ".join(map(str, can_go))
        try:
            answer = input(f"Thread ({choices}; u: undo, q: quit)? ").strip()
        except EOFError:
            answer = "q"
        if answer == "u":
            del order[-1:]
        elif answer in map(str, can_go):
            order.append(int(answer))
    if order:
        print(f"Again: --order {''.join(map(str, order))}")
    return False


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if no order is wrong, 1 if one is, and 2 for what can't be run."""
    parser = Parser(prog="orders.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", metavar="FILE", help="the file with the functions")
    parser.add_argument("calls", metavar="CALL", nargs="+", help="such as 'add(1)'")
    parser.add_argument("--show", required=True, help="the expression to show")
    parser.add_argument("--check", default="True", help="what must be true at the end")
    parser.add_argument("--setup", default="", help="statements to run first")
    parser.add_argument("--fine", action="store_true", help="stop within a line, too")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--order", help="run one order, such as 011100")
    one.add_argument("--play", action="store_true", help="choose each step yourself")
    options = parser.parse_args(arguments)
    try:
        if len(options.calls) not in range(2, MAX_CALLS + 1):
            raise OrdersError("give two or three calls")
        wanted = {name: getattr(options, name) for name in ("check", "setup", "fine")}
        program = Program(options.file, options.calls, options.show, **wanted)
        if options.play:
            return int(play(program))
        if options.order is not None:
            lines, is_wrong = run_order(program, options.order)
            print("\n".join(lines))
            return int(is_wrong)
        return int(print_outcomes(program, run_every_order(program)))
    except OrdersError as error:
        print("orders.py:", *str(error).split(), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        # A thread may still be in the middle of a line: don't wait for it.
        sys.stdout.flush()
        os._exit(130)


if __name__ == "__main__":
    raise SystemExit(main())
