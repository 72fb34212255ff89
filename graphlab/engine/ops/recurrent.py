"""Recurrent layers: fused along time, and opened step by step into a cell with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from graphlab.engine.graph import Graph, Net, Source
from graphlab.engine.loop import Stack, ZeroState, unroll
from graphlab.engine.op import Array, Batch, Given, Op, Port, Record, ShapeError, Spec, Weight, attr, case
from graphlab.engine.ops.activations import Identity, ReLU, Sigmoid, Tanh
from graphlab.engine.ops.algebra import MatMul
from graphlab.engine.ops.maths import Add, Multiply
from graphlab.engine.ops.rectifiers import Sign
from graphlab.engine.ops.shape import Slice
from graphlab.engine.ops.special import sigmoid


class Recurrent(Op, register=False):
    """What layers along time share: x (B, T, F) to the states (B, T, h), with weights x·W and h·U side by side.

    A subclass names its states and gates and gives the cell of one step as a graph, whose inputs are x, W, U, the
    biases, and ``h_prev``; and the same in NumPy, one step forward and one backward.
    """

    category = "Recurrent"
    states: ClassVar[tuple[str, ...]] = ("h",)
    #: Gates in W, U and b, side by side.
    parts: ClassVar[int] = 1
    units: int = attr("size h of the state", default=8, min=1, max=65_536)
    biases: int = attr("bias vectors: none, one, or two as in PyTorch (one beside xW, one beside hU)",
                       default=1, min=0, max=2)
    reverse: bool = attr("read the sequence from its last step to its first", default=False)

    def ports(self) -> tuple[Port, ...]:
        first = (Port(f"{s}0", optional=True, help=f"state {s} before the first step; zeros where unwired")
                 for s in self.states)
        stored = ("W", "U", "b", "b_U")[:2 + self.biases]
        return (Port("x"), *first, *(Port(w, weight=True) for w in stored))

    def output_names(self) -> tuple[str, ...]:
        return ("seq", *self.states)

    def line(self) -> str:
        return f"{self.units} unit" + "s" * (self.units != 1) + (" · backwards in time" if self.reverse else "")

    def shape(self, x: Spec, *first: Spec | None) -> tuple[Spec, ...]:
        if x.rank != 3 or x.kind != "real":
            raise ShapeError("takes sequences shaped (B, T, F)", "x")
        if isinstance(x.shape[1], Batch) or isinstance(x.shape[2], Batch):
            raise ShapeError("needs a fixed number of steps and of features", "x", axis=1)
        state = x.with_shape(x.shape[0], self.units)
        for name, spec in zip(self.states, first, strict=True):
            if spec not in (None, state):
                raise ShapeError(f"needs a first state shaped {state}", f"{name}0")
        return (x.with_shape(x.shape[0], x.shape[1], self.units), *(state for _ in self.states))

    def weights(self, x: Spec, *first: Spec | None) -> dict[str, Weight]:
        n, h = x.shape[2], self.units
        assert isinstance(n, int)
        out = {"W": Weight((n, self.parts * h), "xavier", fan_in=n, fan_out=h),
               "U": Weight((h, self.parts * h), "xavier", fan_in=h, fan_out=h)}
        bias = Weight((self.parts * h,), "zeros", penalised=False)
        return out | dict.fromkeys(("b", "b_U")[:self.biases], bias)

    def macs(self, x: Spec, *first: Spec | None) -> int:
        _, steps, n = x.shape
        assert isinstance(steps, int)
        assert isinstance(n, int)
        return steps * (n + self.units) * self.parts * self.units

    def cell(self) -> Graph:
        """Return one time step as a graph."""
        raise NotImplementedError

    def body(self, x: Spec, *first: Spec | None) -> Graph:
        net = Net()
        steps = x.shape[1]
        assert isinstance(steps, int)
        fed = {"x": net.input("x")}
        for name, spec in zip(self.states, first, strict=True):
            begin = net.add(f"{name}0", ZeroState(size=(self.units,)), fed["x"]) if spec is None else None
            fed[f"{name}_prev"] = begin or net.input(f"{name}0")
        fed |= {p.name: net.input(p.name) for p in self.ports() if p.weight}
        made = unroll(net, self.cell(), steps, fed, ("x",), {f"{s}_prev": s for s in self.states}, self.reverse)
        net.output("seq", net.add("all_h", Stack(count=steps), *made["h"]))
        for name in self.states:
            net.output(name, made[name][0 if self.reverse else -1])
        return net.graph()

    def sums(self, net: Net) -> Source:
        """Add the sums of all gates, xW + hU and the biases, to a cell."""
        x, h, W, U = (net.input(n) for n in ("x", "h_prev", "W", "U"))
        from_x = self.product(net, "xW", x, W, net.input("b") if self.biases else None)
        from_h = self.product(net, "hU", h, U, net.input("b_U") if self.biases == 2 else None)
        return net.add("z", Add(), from_x, from_h)

    def product(self, net: Net, name: str, a: Source, b: Source, bias: Source | None) -> Source:
        """Add a·b, and a bias where there is one, to a cell."""
        made = net.add(name, MatMul(), a, b)
        return made if bias is None else net.add(f"{name}_b", Add(), made, bias)

    def gate(self, net: Net, z: Source, i: int, name: str, activation: Op) -> Source:
        """Cut one gate's share out of the sums of all gates, and squash it."""
        share = net.add(f"z_{name}", Slice(axis=1, start=i * self.units, stop=(i + 1) * self.units), z)
        return net.add(name, activation, share)

    def order(self, steps: int) -> list[tuple[int, int | None]]:
        """Return each step with the one before it, in the order in which the layer reads."""
        ts = range(steps - 1, -1, -1) if self.reverse else range(steps)
        return list(zip(ts, (None, *ts[:-1]), strict=True))

    def begin(self, f: Record, name: str) -> Array:
        """Return the first state: what is wired, or zeros."""
        first = f.get(f"{name}0")
        return np.zeros((f["x"].shape[0], self.units), f.dtype) if first is None else first

    def inputs(self, f: Record) -> Array:
        """Return what the inputs add to every step's sums: xW and all biases, (B, T, F) -> (B, T, parts·h)."""
        z: Array = f["x"] @ f["W"]
        for name in ("b", "b_U")[:self.biases]:
            z = z + f[name]
        return z

    def before(self, f: Record) -> Array:
        """Return the state h that every step started from, (B, T, h)."""
        seq = f["seq"]
        h_prev = np.empty_like(seq)
        for t, before in self.order(seq.shape[1]):
            h_prev[:, t] = self.begin(f, "h") if before is None else seq[:, before]
        return h_prev

    def gradients(self, f: Record, dz: Array, dz_U: Array, **first: Array) -> dict[str, Array]:
        """Return the gradients of the ports from those of xW + b and hU + b_U at every step, (B, T, parts·h)."""
        x, h_prev, n = f["x"], self.before(f), dz.shape[-1]
        rows, rows_U = dz.reshape(-1, n), dz_U.reshape(-1, n)  # (B, T, n) -> (B·T, n)
        out = {"x": dz @ f["W"].T, "W": x.reshape(-1, x.shape[-1]).T @ rows,
               "U": h_prev.reshape(-1, self.units).T @ rows_U}
        out |= {name: r.sum(axis=0) for name, r in (("b", rows), ("b_U", rows_U))[:self.biases]}
        return out | {f"{s}0": d for s, d in first.items() if f"{s}0" in f}

    @classmethod
    def cases(cls) -> list[Any]:
        first: dict[str, Any] = {f"{s}0": Given((Batch(), 2)) for s in cls.states}
        return [case(cls(units=2), x=(Batch(), 3, 2)), case(cls(units=1, biases=0), x=(Batch(), 1, 1), batch=1),
                case(cls(units=2, biases=2, reverse=True), x=(Batch(), 3, 1), **first)]


#: Name → the op, φ itself, and its slope from φ's value.
PHI: dict[str, tuple[Op, Callable[[Array], Array], Callable[[Array], Any]]] = {
    "tanh": (Tanh(), np.tanh, lambda h: 1 - h * h),
    "relu": (ReLU(), lambda z: np.maximum(z, 0), lambda h: h > 0),
    "linear": (Identity(), lambda z: z, lambda h: 1.0),
    "sign": (Sign(), lambda z: np.where(z >= 0, 1.0, -1.0).astype(z.dtype), lambda h: 0.0),
}


class RNN(Recurrent):
    """Mixes each input with the state before it: the simplest memory, with the same weights at every step.

    Parameters: h(F + h) + h with one bias. An output layer, such as o_t = softmax(V h_t), is a node after it. Some
    notes write U for the matrix of the input and W for that of the state; here W meets x, as in other layers.
    """

    also = ("simple RNN", "Elman", "recurrent", "vanilla")
    source = "Elman 1990"
    activation: str = attr("φ, what the sum goes through; sign is flat, so that nothing before it can learn",
                           default="tanh", choices=tuple(PHI))

    def formula(self) -> str:
        phi = {"tanh": r"\tanh", "relu": r"\mathrm{ReLU}", "linear": "", "sign": r"\mathrm{sign}"}[self.activation]
        bias = "".join((" + b", " + b_U")[:self.biases])
        return rf"h_t = {phi}\left(x_t W + h_{{t-1}} U{bias}\right)"

    def line(self) -> str:
        return f"{super().line()} · {self.activation}"

    def cell(self) -> Graph:
        net = Net()
        net.output("h", net.add("hidden", PHI[self.activation][0], self.sums(net)))
        return net.graph()

    def forward(self, f: Record, x: Array, *others: Array) -> tuple[Array, ...]:
        z_x = self.inputs(f)  # (B, T, F) @ (F, h) -> (B, T, h)
        seq, h, U, (_, phi, _) = np.empty_like(z_x), self.begin(f, "h"), f["U"], PHI[self.activation]
        for t, _ in self.order(z_x.shape[1]):
            seq[:, t] = h = phi(z_x[:, t] + h @ U)
        return seq, h

    def backward(self, f: Record, dseq: Array, dh: Array) -> dict[str, Array]:
        seq, U, slope = f["seq"], f["U"], PHI[self.activation][2]
        dz = np.empty_like(seq)
        for t, _ in reversed(self.order(seq.shape[1])):
            dz[:, t] = (dh + dseq[:, t]) * slope(seq[:, t])
            dh = dz[:, t] @ U.T
        return self.gradients(f, dz, dz, h=dh)

    @classmethod
    def cases(cls) -> list[Any]:
        return [*super().cases(), case(cls(units=2, activation="relu"), x=(Batch(), 3, 2)),
                case(cls(units=2, activation="sign"), x=(Batch(), 3, 2)),
                case(cls(units=2, activation="linear", reverse=True), x=(Batch(), 3, 2))]


class LSTM(Recurrent):
    """Carries a cell state c along time that three gates clear, write and read.

    The textbook's W·[h, x] is the same as x·W + h·U: its rows for x are W here, its rows for h are U.
    Parameters: 4(h(F + h) + h) with one bias.
    """

    also = ("long short-term memory", "recurrent", "gates")
    source = "Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000"
    states = ("h", "c")
    parts = 4
    gates: str = attr("order of the gates side by side in W, U and b; i: input, f: forget, g: candidate, o: output",
                      default="ifgo", choices=("ifgo", "figo", "iofg"))

    def formula(self) -> str:
        def sums(k: str) -> str:
            return rf"x_t W_{k} + h_{{t-1}} U_{k}" + (f" + b_{k}" if self.biases else "")

        return (rf"i_t = \sigma({sums('i')}),\quad f_t = \sigma({sums('f')}),\quad \tilde{{c}}_t = \tanh({sums('g')}),"
                rf"\quad o_t = \sigma({sums('o')}),\quad c_t = f_t \odot c_{{t-1}} + i_t \odot \tilde{{c}}_t,"
                r"\quad h_t = o_t \odot \tanh c_t")

    def cell(self) -> Graph:
        net = Net()
        z = self.sums(net)
        c_prev = net.input("c_prev")
        i, f, g, o = (
            self.gate(net, z, self.gates.index(k), name, Tanh() if k == "g" else Sigmoid())
            for k, name in (("i", "input"), ("f", "forget"), ("g", "candidate"), ("o", "output")))
        kept = net.add("kept", Multiply(), f, c_prev)
        written = net.add("written", Multiply(), i, g)
        state = net.add("state", Add(), kept, written)
        net.output("c", state)
        net.output("h", net.add("hidden", Multiply(), o, net.add("squashed", Tanh(), state)))
        return net.graph()

    def forward(self, f: Record, x: Array, *others: Array) -> tuple[Array, ...]:
        z_x = self.inputs(f)  # (B, T, F) @ (F, 4h) -> (B, T, 4h)
        (batch, steps, _), n = z_x.shape, self.units
        gates, cells, seq = (np.empty((batch, steps, m), z_x.dtype) for m in (4 * n, n, n))
        h, c, U = self.begin(f, "h"), self.begin(f, "c"), f["U"]
        for t, _ in self.order(steps):
            z = z_x[:, t] + h @ U
            gates[:, t] = sigmoid(z)
            self.share(gates, "g")[:, t] = np.tanh(self.share(z, "g"))
            i, forget, g, o = (self.share(gates, k)[:, t] for k in "ifgo")
            c = forget * c + i * g
            h = o * np.tanh(c)
            cells[:, t], seq[:, t] = c, h
        f.keep(gates=gates, cells=cells)
        return seq, h, c

    def backward(self, f: Record, dseq: Array, dh: Array, dc: Array) -> dict[str, Array]:
        gates, cells, U = f["gates"], f["cells"], f["U"]
        dz = np.empty_like(gates)
        for t, before in reversed(self.order(gates.shape[1])):
            c_prev = self.begin(f, "c") if before is None else cells[:, before]
            i, forget, g, o = (self.share(gates, k)[:, t] for k in "ifgo")
            squashed = np.tanh(cells[:, t])
            dh = dh + dseq[:, t]
            dc = dc + dh * o * (1 - squashed**2)
            self.share(dz, "i")[:, t] = dc * g * i * (1 - i)
            self.share(dz, "f")[:, t] = dc * c_prev * forget * (1 - forget)
            self.share(dz, "g")[:, t] = dc * i * (1 - g**2)
            self.share(dz, "o")[:, t] = dh * squashed * o * (1 - o)
            dc = dc * forget
            dh = dz[:, t] @ U.T
        return self.gradients(f, dz, dz, h=dh, c=dc)

    def share(self, z: Array, gate: str) -> Array:
        """Return the columns of one gate, as a view."""
        k = self.gates.index(gate) * self.units
        return z[..., k:k + self.units]
