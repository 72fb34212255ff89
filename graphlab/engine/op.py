"""What an operation is: one frozen class that declares everything the app knows about it.

From the class come the palette entry, the form, JSON, shape errors, counts, the formula, the
explanation of every number, and the tests. An op holds no arrays and never raises for a user's
mistake other than `ShapeError`.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from graphlab.engine.declared import Attribute, Declared, attr
from graphlab.engine.expr import Expr, Index
from graphlab.engine.record import Array, Record
from graphlab.engine.spec import Batch, Fix, Kind, Shape, ShapeError, Spec

if TYPE_CHECKING:
    from graphlab.engine.graph import Graph

__all__ = [
    "Array", "Attribute", "Batch", "Case", "Fix", "Given", "Kind", "Op", "Port", "Record", "ShapeError", "Spec",
    "Weight", "attr", "case", "registry",
]

Gradients = Mapping[str, Array]


def registry() -> Mapping[str, type[Op]]:
    """Return every declared op by its name."""
    return types.MappingProxyType(Op.family)


@dataclass(frozen=True)
class Port:
    """An input of an op.

    A ``weight`` that nobody wires reads the store at ``path.name``; a ``memory`` is such a value that no
    gradient moves (a running mean). An ``optional`` input may stay unwired; the op then receives None.
    """

    name: str
    weight: bool = False
    memory: bool = False
    optional: bool = False
    help: str = ""

    @property
    def data(self) -> bool:
        """Whether the port takes a wire by nature, rather than a stored value."""
        return not (self.weight or self.memory)


@dataclass(frozen=True)
class Weight:
    """A stored tensor of an op: its shape and the name of the initialiser that fills it.

    ``fan_in`` and ``fan_out`` are the numbers of connections that initialisers scale by (0: from the shape).
    """

    shape: tuple[int, ...]
    init: str = "he"
    fan_in: int = 0
    fan_out: int = 0
    penalised: bool = True


@dataclass(frozen=True)
class Given:
    """How a test draws one input: its shape, kind and range.

    ``apart`` keeps values from lying closer than that to each other and to 0 (for kinks and ties);
    ``simplex`` makes the last axis positive and sum to one; ``diagonal`` is added to the diagonal of matrices;
    ``boxes`` sorts a last axis of four into left < right and top < bottom.
    """

    shape: Shape
    kind: Kind = "real"
    low: float = -2.0
    high: float = 2.0
    apart: float = 0.0
    simplex: bool = False
    one_hot: bool = False
    diagonal: float = 0.0
    boxes: bool = False


@dataclass(frozen=True)
class Case:
    """An op with the inputs that every generic test runs it on. Unnamed optional inputs stay unwired."""

    op: Op
    inputs: Mapping[str, Given]
    training: bool = False
    batch: int = 2


def case(op: Op, *, training: bool = False, batch: int = 2, **inputs: Given | Shape) -> Case:
    """Make a `Case`; a bare shape means real numbers in −2…2."""
    given = {k: v if isinstance(v, Given) else Given(tuple(v)) for k, v in inputs.items()}
    return Case(op, given, training, batch)


class Op(Declared, register=False):
    """The base of all operations. A subclass is a frozen dataclass of attributes, registered by its name."""

    family: ClassVar[dict[str, type[Op]]] = {}
    category: ClassVar[str] = "Maths"
    outputs: ClassVar[tuple[str, ...]] = ("y",)
    #: What the gradient does instead of the true derivative, where there is none worth having.
    surrogate: ClassVar[str] = ""

    # --- what the op looks like -------------------------------------------------------------

    def ports(self) -> tuple[Port, ...]:
        """Return the inputs in order; they may depend on the attributes."""
        return (Port("x"),)

    def output_names(self) -> tuple[str, ...]:
        """Return the outputs' names in order; they may depend on the attributes."""
        return self.outputs

    # --- what it needs and gives ---------------------------------------------------------------

    def shape(self, *specs: Any) -> Spec | tuple[Spec, ...]:
        """Return the outputs' specs from those of the data ports (None where optional and unwired).

        Raises `ShapeError` where they do not fit.
        """
        raise NotImplementedError

    def weights(self, *specs: Any) -> dict[str, Weight]:
        """Return the stored tensors (weights and memories) that these inputs ask for, by port."""
        return {}

    def macs(self, *specs: Any) -> int:
        """Return the multiply-add operations for one sample."""
        return 0

    # --- what it does -----------------------------------------------------------------------------

    def forward(self, f: Record, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from the ports' arrays: one array, or a tuple in the order of the outputs."""
        raise NotImplementedError

    def backward(self, f: Record, *args: Any, **kwargs: Any) -> Gradients:
        """Return the gradients of the inputs by port, from one gradient an output."""
        raise NotImplementedError

    def explain(self, f: Record, index: Index, output: str = "y") -> Expr:
        """Return the arithmetic of one number of an output, or of an array that forward kept."""
        raise NotImplementedError

    def explain_gradient(self, f: Record, port: str, index: Index) -> Expr | None:
        """Return the textbook's own form of ∂L/∂input of one number, with upstream as ``Ref(…, grad=True)``.

        None leaves it to the chain rule, which derives it from `explain`.
        """
        return None

    def users(self, f: Record, port: str, index: Index) -> Iterable[tuple[str, Index]]:
        """Return the output numbers that one input number enters; every one of them unless an op knows better."""
        for name, value in f.outputs.items():
            for at in itertools.product(*map(range, value.shape)):
                yield name, at

    def body(self, *specs: Any) -> Graph | None:
        """Return the same computation as a graph of simpler ops, whose Inputs are named like the ports."""
        return None

    @classmethod
    def composite(cls) -> bool:
        """Whether the op has a body only: it is always flattened."""
        return cls.forward is Op.forward

    @classmethod
    def cases(cls) -> Iterable[Case]:
        """Return the configurations and shapes that every generic test runs."""
        return ()


def overrides(cls: type[Op], method: Callable[..., Any]) -> bool:
    """Tell whether an op declares its own version of a method of `Op`."""
    return getattr(cls, method.__name__) is not method
