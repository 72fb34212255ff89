"""The command line: `graphlab [FILE]` opens the window, the other commands work without a display and without Qt."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import graphlab

if TYPE_CHECKING:
    from graphlab.document.files import Loaded
    from graphlab.document.summary import Summary
    from graphlab.engine.op import Array
    from graphlab.engine.plan import Plan
    from graphlab.engine.run import Run

COMMANDS = ("run", "train", "export", "check", "examples", "open")
#: Samples that `run` and `check` look at.
_SAMPLES = 4
#: A relative error above this is no rounding.
TOLERANCE = 1e-4


class UserError(Exception):
    """What the user asked for cannot be done: one sentence."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:].rstrip('.')}; `{self.prog} --help` says what there is.")


def parser() -> Parser:
    """Return the parser of all commands."""
    file = "a .glab file, or the name of a built-in example"
    main = Parser(prog="graphlab", description="A debugger for neural networks that you build by drag and drop. "
                  "Without a command, opens the window: graphlab [FILE].")
    main.add_argument("--version", action="version", version=f"graphlab {graphlab.__version__}")
    commands = main.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    window = commands.add_parser("open", help="open the window, with FILE or with the start page")
    window.add_argument("file", nargs="?", help=file)
    run = commands.add_parser("run", help="run the network once; nodes, shapes, parameters, multiply-adds")
    train = commands.add_parser("train", help="train the network with a progress bar")
    train.add_argument("--epochs", type=int, help="passes over the training samples (default: the file's)")
    train.add_argument("--out", type=Path, help="where to save the trained network")
    check = commands.add_parser("check", help="compare every gradient with central differences")
    export = commands.add_parser("export", help="draw the graph as .svg, .pdf or .png")
    for command in (run, train, check, export):
        command.add_argument("file", help=file)
    export.add_argument("out", type=Path, help="OUT.svg, OUT.pdf or OUT.png")
    export.add_argument("--theme", choices=("light", "dark"), default="light", help="colours of the picture")
    examples = commands.add_parser("examples", help="list the built-in examples")
    for command in (run, train, check, examples):
        command.add_argument("--json", action="store_true", help="print JSON for other programs")
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 done but not well, 2 the user has to change something."""
    args = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if not args or (args[0] not in COMMANDS and not args[0].startswith("-")):
        args = ["open", *args]
    done: dict[str, Callable[[argparse.Namespace], int]] = {
        "open": open_window, "run": run, "train": train, "check": check, "export": export, "examples": examples}
    try:
        given = parser().parse_args(args)
        code = done[given.command](given)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except UserError as e:
        say(str(e))
        return 2
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except MemoryError:
        say("There is not enough memory for this network; a smaller batch or smaller layers need less.")
        return 2


def app() -> int:
    """Open the window: what a desktop icon starts."""
    return main(["open", *sys.argv[1:]])


def say(text: str) -> None:
    """Write a sentence to the error stream, where there is one."""
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def read(name: str) -> Loaded:
    """Read a file, or a built-in example by its name; what the file has to say goes to the error stream."""
    from graphlab.document import files
    from graphlab.document.examples import find, open_example

    try:
        if not Path(name).exists() and find(name) is not None:
            return open_example(name)
        if not Path(name).exists():
            raise UserError(f"There is no file ‘{name}’ and no example of that name; `graphlab examples` lists them.")
        loaded = files.load(Path(name))
    except files.FileError as e:
        raise UserError(str(e)) from None
    for notice in loaded.notices:
        say(notice)
    return loaded


# --- commands ---------------------------------------------------------------------------------------


def open_window(given: argparse.Namespace) -> int:
    """Open the window, or say in words why there can be none."""
    from graphlab.document.examples import find
    from graphlab.ui.display import missing_display

    if given.file and not Path(given.file).exists() and find(given.file) is None:
        words = f"{', '.join(COMMANDS[:-1])} are commands" if "." not in given.file else "check the path"
        raise UserError(f"There is no file and no example ‘{given.file}’; {words}.")
    if wrong := missing_display():
        raise UserError(wrong)
    from graphlab.ui.app import run as run_app

    return run_app(given.file)


def examples(given: argparse.Namespace) -> int:
    """List the examples."""
    from graphlab.document.examples import EXAMPLES, FULL_SIZE

    if given.json:
        print(json.dumps([{"name": e.name, "file": str(e.path), "title": e.title, "topic": e.topic,
                           "description": e.line} for e in EXAMPLES], ensure_ascii=False, indent=1))
        return 0
    width = max(len(e.name) for e in EXAMPLES)
    for topic in dict.fromkeys(e.topic for e in EXAMPLES):
        print(topic)
        for e in EXAMPLES:
            if e.topic == topic:
                print(f"  {e.name:{width}}  {e.line}")
    print(f"Full size, drawn when opened: {', '.join(e.name for e in FULL_SIZE)}")
    return 0


def prepared(loaded: Loaded) -> tuple[Plan, dict[str, Array], dict[str, Array]]:
    """Return the plan, its weights, and data (or seeded noise) for the first samples."""
    import numpy as np

    from graphlab.document.datasets import load_table
    from graphlab.engine.data import DataError
    from graphlab.engine.feeding import prepare
    from graphlab.engine.init import initial_weights
    from graphlab.engine.plan import compile
    from graphlab.engine.record import Mode, stream

    setup = loaded.document.setup
    plan = compile(loaded.document.graph)
    for problem in plan.problems:
        say(problem.message)
    weights = initial_weights(plan, setup.seed, loaded.weights)
    feeds: dict[str, Array] = {}
    if plan.inputs:
        try:
            data = prepare(plan, load_table(setup.data), setup)
            feeds = data.feeds(np.arange(min(_SAMPLES, data.table.n)))
        except DataError as e:
            say(str(e))
    batch = next((len(v) for v in feeds.values()), _SAMPLES)
    for step in plan.inputs:
        if step.path not in feeds:
            spec = plan.slots[step.outputs["y"]].spec
            noise = stream(f"{step.path}/view", Mode(seed=setup.seed)).standard_normal(spec.concrete(batch))
            feeds[step.path] = noise if spec.kind == "real" else np.zeros(
                spec.concrete(batch), np.int64 if spec.kind == "index" else np.bool_)
    return plan, weights, feeds


def run(given: argparse.Namespace) -> int:
    """Run the network once and print what there is to count."""
    from graphlab.document.summary import summarise
    from graphlab.engine.record import Mode
    from graphlab.engine.run import RunError, execute

    loaded = read(given.file)
    plan, weights, feeds = prepared(loaded)
    try:
        done = execute(plan, weights, feeds, Mode(seed=loaded.document.setup.seed))
    except RunError as e:
        raise UserError(str(e)) from None
    summary = summarise(plan)
    nodes = [{"id": s.path, "op": s.op.name(), "shape": _shape(plan, s.path, next(iter(s.outputs), "y")),
              "parameters": summary.nodes[s.path].parameters, "macs": s.macs} for s in plan.steps]
    if given.json:
        print(json.dumps({"parameters": summary.parameters, "macs": summary.macs, "nodes": nodes,
                          "problems": [p.message for p in plan.problems]}, ensure_ascii=False))
    else:
        _print_run(done, nodes, summary)
    return 1 if plan.problems else 0


def _shape(plan: Plan, path: str, output: str) -> list[int | str]:
    spec = plan.spec(path, output)
    return [] if spec is None else [d if isinstance(d, int) else str(d) for d in spec.shape]


def _print_run(done: Run, nodes: list[dict[str, Any]], summary: Summary) -> None:
    rows = [("node", "op", "shape", "parameters", "MACs")]
    rows += [(n["id"], n["op"], f"({', '.join(map(str, n['shape']))})", f"{n['parameters']:,}", f"{n['macs']:,}")
             for n in nodes]
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    for r in rows:
        print("  ".join(c.rjust(w) if i > 2 else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True))))
    print(f"parameters: {summary.parameter_arithmetic}")
    print(f"multiply-adds a sample: {summary.macs:,}")
    for step in done.plan.steps:
        value = done.value(step.path, next(iter(step.outputs), "y"))
        if step.op.category == "Losses" and value is not None:
            print(f"{step.path}: {float(value.mean()):.6g}")


def train(given: argparse.Namespace) -> int:
    """Train, with a progress bar, and save the result where asked to."""
    from graphlab.document import files
    from graphlab.document.datasets import load_table
    from graphlab.engine.data import DataError
    from graphlab.engine.init import initial_weights
    from graphlab.engine.plan import compile
    from graphlab.engine.run import RunError
    from graphlab.engine.train import Scores, Trainer
    from graphlab.progress import Bar

    loaded = read(given.file)
    if given.epochs is not None and given.epochs < 1:
        raise UserError(f"--epochs needs at least 1; it is {given.epochs}.")
    if given.out is not None and not given.out.resolve().parent.is_dir():
        raise UserError(f"There is no folder ‘{given.out.resolve().parent}’ to save ‘{given.out.name}’ in.")
    setup = loaded.document.setup
    plan = compile(loaded.document.graph)
    for problem in plan.problems:
        say(problem.message)
    try:
        trainer = Trainer(plan, initial_weights(plan, setup.seed, loaded.weights), load_table(setup.data),
                          setup if given.epochs is None else setup.replace(epochs=given.epochs))
        bar = Bar(sys.stderr)
        interrupted = False
        try:
            for progress in trainer.run(interval=0.1):
                bar.show(progress)
        except KeyboardInterrupt:
            interrupted = True
        last = trainer.progress()
        bar.close()
    except (RunError, DataError) as e:
        raise UserError(" ".join(str(e).splitlines())) from None
    if given.out is not None:
        try:
            files.save(given.out, loaded.document, last.weights)
        except files.FileError as e:
            raise UserError(str(e)) from None
    say("Stopped; what was learned so far is kept." if interrupted else last.message)
    learned, held_out = last.train or Scores(math.nan), last.validation or Scores(math.nan)
    result = {"loss": _number(learned.loss), "accuracy": _number(learned.accuracy),
              "validation_loss": _number(held_out.loss), "validation_accuracy": _number(held_out.accuracy),
              "seconds": round(last.seconds, 3), "epochs": last.epoch, "updates": last.update}
    if given.json:
        print(json.dumps(result))
    else:
        print("  ".join(f"{k.replace('_', ' ')} {v:.6g}" for k, v in result.items() if v is not None))
    return 130 if interrupted else 1 if last.path else 0


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def check(given: argparse.Namespace) -> int:
    """Compare each step's gradient with central differences."""
    from graphlab.engine.gradcheck import check_run
    from graphlab.engine.record import Mode
    from graphlab.engine.run import RunError, execute

    loaded = read(given.file)
    plan, weights, feeds = prepared(loaded)
    used = {i for s in plan.steps for i in s.inputs.values()}
    seeds = {(s.path, name): 1.0 for s in plan.steps for name, i in s.outputs.items() if i not in used}
    try:
        done = execute(plan, weights, feeds, Mode(training=True, seed=loaded.document.setup.seed), seeds=seeds)
        checks = check_run(done)
    except RunError as e:
        raise UserError(str(e)) from None
    worst = max((c.error for c in checks if not c.skipped), default=0.0)
    ops = {s.path: s.op.name() for s in plan.steps}
    if given.json:
        nodes = [{"id": c.path, "op": ops[c.path], "relative_error": _number(c.error) if not c.skipped else None,
                  "input": c.port, "skipped": c.skipped} for c in checks]
        print(json.dumps({"worst_relative_error": worst if math.isfinite(worst) else None, "nodes": nodes},
                         ensure_ascii=False))
    else:
        width = max((len(c.path) for c in checks), default=0)
        for c in checks:
            print(f"{c.path:{width}}  {c.skipped or f'{c.error:.2e}'}")
        print(f"worst relative error: {worst:.2e}")
    if worst > TOLERANCE:
        say(f"A gradient differs from central differences by {worst:.2e}; more than {TOLERANCE:g} is no rounding.")
    return 1 if worst > TOLERANCE or plan.problems else 0


def export(given: argparse.Namespace) -> int:
    """Draw the graph into a file."""
    kinds = (".svg", ".pdf", ".png")
    if given.out.suffix.lower() not in kinds:
        raise UserError(f"‘{given.out.name}’ has to end in {', '.join(kinds)}: the ending says what is drawn.")
    if not given.out.resolve().parent.is_dir():
        raise UserError(f"There is no folder ‘{given.out.resolve().parent}’ to draw ‘{given.out.name}’ in.")
    loaded = read(given.file)
    from graphlab.ui.display import missing_display

    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    if wrong := missing_display():
        raise UserError(wrong)
    from graphlab.ui.export import ExportError, export_file

    try:
        export_file(loaded.document, loaded.weights, given.out, theme=given.theme)
    except ExportError as e:
        raise UserError(str(e)) from None
    return 0
