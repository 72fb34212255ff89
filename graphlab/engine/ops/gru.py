"""The gated recurrent unit, in the forms that textbooks and systems disagree on."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphlab.engine.graph import Constant, Graph, Net, Source
from graphlab.engine.op import Array, Batch, Record, attr, case
from graphlab.engine.ops.activations import Sigmoid, Tanh
from graphlab.engine.ops.maths import Add, Multiply, Subtract
from graphlab.engine.ops.recurrent import Recurrent
from graphlab.engine.ops.shape import Slice
from graphlab.engine.ops.special import sigmoid


class GRU(Recurrent):
    """Carries a state along time that one gate mixes with a candidate and another hides from it.

    Parameters: 3(h(F + h) + h) with one bias.
    """

    also = ("gated recurrent unit", "recurrent", "gates")
    source = "Cho et al. 2014; reset after the product: PyTorch, cuDNN"
    parts = 3
    z: str = attr("what the update gate z does: keeps the old state, z·h + (1 − z)·candidate, or takes the new one",
                  default="keeps", choices=("keeps", "takes"))
    reset: str = attr("r hides the state before it is multiplied by U (textbooks), or the product (PyTorch)",
                      default="before", choices=("before", "after"))
    gates: str = attr("order of the gates side by side in W, U and b; r: reset, z: update, n: candidate",
                      default="rzn", choices=("rzn", "zrn"))

    def line(self) -> str:
        return f"{super().line()} · reset {self.reset} · z {self.z}"

    def formula(self) -> str:
        b, c = (" + b_%s" if self.biases else ""), (" + c_%s" if self.biases == 2 else "")

        def gate(k: str) -> str:
            sums = rf"x_t W_{k} + h_{{t-1}} U_{k}" + "".join(t % k for t in (b, c) if t)
            return rf"\sigma({sums})"

        b_n, c_n = (t % "n" if t else "" for t in (b, c))
        product = (rf"(r_t \odot h_{{t-1}})\, U_n{c_n}" if self.reset == "before"
                   else rf"r_t \odot (h_{{t-1}} U_n{c_n})")
        old, new = ("z_t", "(1-z_t)") if self.z == "keeps" else ("(1-z_t)", "z_t")
        return (rf"r_t = {gate('r')},\quad z_t = {gate('z')},\quad \tilde{{h}}_t = \tanh(x_t W_n{b_n} + {product}),"
                rf"\quad h_t = {old} \odot h_{{t-1}} + {new} \odot \tilde{{h}}_t")

    def cell(self) -> Graph:
        net = Net()
        x, h, W, U = (net.input(n) for n in ("x", "h_prev", "W", "U"))
        b = net.input("b") if self.biases else None
        b_U = net.input("b_U") if self.biases == 2 else None
        from_x = self.product(net, "xW", x, W, b)
        from_h = self.product(net, "hU", h, U, b_U)

        def sums(k: str, name: str) -> Source:
            return net.add(f"z_{name}", Add(), self.cut(net, f"xW_{k}", from_x, k), self.cut(net, f"hU_{k}", from_h, k))

        r = net.add("reset", Sigmoid(), sums("r", "reset"))
        z = net.add("update", Sigmoid(), sums("z", "update"))
        if self.reset == "after":
            hidden = net.add("hidden", Multiply(), r, self.cut(net, "hU_n", from_h, "n"))
        else:
            U_n = self.cut(net, "U_n", U, "n")
            b_n = None if b_U is None else self.cut(net, "b_U_n", b_U, "n")
            hidden = self.product(net, "rhU", net.add("hidden", Multiply(), r, h), U_n, b_n)
        candidate = net.add("candidate", Tanh(), net.add(
            "z_candidate", Add(), self.cut(net, "xW_n", from_x, "n"), hidden))
        rest = net.add("rest", Subtract(), net.add("one", Constant()), z)
        old, new = (z, rest) if self.z == "keeps" else (rest, z)
        kept, written = net.add("kept", Multiply(), old, h), net.add("written", Multiply(), new, candidate)
        net.output("h", net.add("state", Add(), kept, written))
        return net.graph()

    def cut(self, net: Net, name: str, source: Source, k: str) -> Source:
        """Add the slice of one gate's columns to a cell."""
        i = self.gates.index(k) * self.units
        return net.add(name, Slice(start=i, stop=i + self.units), source)

    def share(self, z: Array, k: str) -> Array:
        """Return the columns of one gate, as a view."""
        i = self.gates.index(k) * self.units
        return z[..., i:i + self.units]

    def product_of_state(self, f: Record, h: Array, r: Array) -> Array:
        """Return what the state adds to the candidate's sum, apart from a bias that `inputs` has added already."""
        U_n = self.share(f["U"], "n")
        if self.reset == "before":
            return np.asarray((r * h) @ U_n)
        return np.asarray(r * (h @ U_n + self.late_bias(f)))

    def late_bias(self, f: Record) -> Array:
        """Return the part of the second bias that the reset gate hides; zero where there is none."""
        return self.share(f["b_U"], "n") if self.biases == 2 else np.zeros(self.units, f.dtype)

    def forward(self, f: Record, x: Array, *others: Array) -> tuple[Array, ...]:
        z_x = self.inputs(f)  # (B, T, F) @ (F, 3h) -> (B, T, 3h)
        if self.reset == "after":
            self.share(z_x, "n")[...] -= self.late_bias(f)  # the reset gate hides this one as well
        (batch, steps, _), h, U = z_x.shape, self.begin(f, "h"), f["U"]
        seq, gates = np.empty((batch, steps, self.units), z_x.dtype), np.empty_like(z_x)
        for t, _ in self.order(steps):
            here = gates[:, t]
            here[...] = sigmoid(z_x[:, t] + h @ U)
            r, z = self.share(here, "r"), self.share(here, "z")
            n = np.tanh(self.share(z_x[:, t], "n") + self.product_of_state(f, h, r))
            self.share(here, "n")[...] = n
            h = z * h + (1 - z) * n if self.z == "keeps" else (1 - z) * h + z * n
            seq[:, t] = h
        f.keep(gates=gates)
        return seq, h

    def backward(self, f: Record, dseq: Array, dh: Array) -> dict[str, Array]:
        gates, U, h_prev = f["gates"], f["U"], self.before(f)
        U_n, late = self.share(U, "n"), self.late_bias(f)
        dz, dz_U = np.empty_like(gates), np.empty_like(gates)  # of xW + b, and of hU + b_U
        for t, _ in reversed(self.order(gates.shape[1])):
            r, z, n = (self.share(gates, k)[:, t] for k in "rzn")
            h, dh = h_prev[:, t], dh + dseq[:, t]
            old, new = (z, 1 - z) if self.z == "keeps" else (1 - z, z)
            dn = dh * new * (1 - n * n)
            dupdate = dh * ((h - n) if self.z == "keeps" else (n - h)) * z * (1 - z)
            dh = dh * old
            if self.reset == "before":
                back = dn @ U_n.T
                dreset, dlate = back * h, dn
                dh = dh + back * r
            else:
                dreset, dlate = dn * (h @ U_n + late), dn * r
                dh = dh + dlate @ U_n.T
            dreset = dreset * r * (1 - r)
            for k, d in (("r", dreset), ("z", dupdate)):
                self.share(dz, k)[:, t] = self.share(dz_U, k)[:, t] = d
                dh = dh + d @ self.share(U, k).T
            self.share(dz, "n")[:, t], self.share(dz_U, "n")[:, t] = dn, dlate
        out = self.gradients(f, dz, dz_U, h=dh)
        if self.reset == "before":  # U_n multiplies what the gate let through, not the state itself
            through = (self.share(gates, "r") * h_prev).reshape(-1, self.units)
            self.share(out["U"], "n")[...] = through.T @ self.share(dz, "n").reshape(-1, self.units)
        return out

    @classmethod
    def cases(cls) -> list[Any]:
        return [*super().cases(), case(cls(units=2, reset="after"), x=(Batch(), 3, 2)),
                case(cls(units=2, reset="after", z="takes", biases=2, gates="zrn"), x=(Batch(), 3, 2)),
                case(cls(units=2, z="takes", biases=2, gates="zrn"), x=(Batch(), 2, 1), h0=(Batch(), 2))]
