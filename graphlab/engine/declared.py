"""How a kind of thing is declared once, as a frozen class of attributes: ops, optimisers, schedules, data sets.

From the class come its form, its JSON and its entry in the family's registry.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, dataclass_transform


@dataclass(frozen=True)
class Attribute:
    """One field of a form: what it means, its default and its limits."""

    name: str
    type: Any
    default: Any
    help: str
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()

    def problem(self, value: object) -> str:
        """Say in a sentence what is wrong with a value, or nothing."""
        if not fits(value, self.type):
            return f"{self.name} must be {describe(self.type)}; it is {value!r}"
        if self.choices and value not in self.choices:
            return f"{self.name} must be one of {', '.join(self.choices)}; it is {value!r}"
        numbers = value if isinstance(value, tuple) else (value,)
        for v in numbers:
            if isinstance(v, bool) or not isinstance(v, int | float):
                continue
            if isinstance(v, float) and not math.isfinite(v):
                return f"{self.name} must be a finite number; it is {v}"
            if self.min is not None and v < self.min:
                return f"{self.name} must be at least {self.min:,}; it is {v:,}"
            if self.max is not None and v > self.max:
                return f"{self.name} must be at most {self.max:,}; it is {v:,}"
        return ""


def fits(value: object, hint: Any) -> bool:
    """Tell whether a value has the declared type: whole numbers are numbers, on and off are not."""
    if hint is int or hint is float:
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)
        if not isinstance(value, tuple):
            return False
        if inner[-1:] == (...,):
            return all(fits(v, inner[0]) for v in value)
        return len(value) == len(inner) and all(map(fits, value, inner))
    return not isinstance(hint, type) or isinstance(value, hint)


def describe(hint: Any) -> str:
    """Name a declared type as people do."""
    one = {int: "a whole number", float: "a number", bool: "on or off", str: "a text"}
    many = {int: "whole numbers", float: "numbers", bool: "switches", str: "texts"}
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)
        return f"a list of {many.get(inner[0], 'values')}" if inner[-1:] == (...,) else f"a list of {len(inner)} values"
    return one.get(hint) or f"a {getattr(hint, '__name__', 'value')}"


def attr(
    help: str, *, default: Any, min: float | None = None, max: float | None = None, choices: Iterable[str] = (),
) -> Any:
    """Declare an attribute: what it means, its default and its limits."""
    return field(default=default, metadata={"help": help, "min": min, "max": max, "choices": tuple(choices)})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attr,))
class Declared:
    """The base of everything declared. A family's base has its own ``family``; a subclass enters it by its name."""

    family: ClassVar[dict[str, Any]] = {}
    title: ClassVar[str] = ""
    also: ClassVar[tuple[str, ...]] = ()
    #: Where the formula comes from.
    source: ClassVar[str] = ""

    def __init_subclass__(cls, register: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)
        if not cls.__dict__.get("title"):
            cls.title = cls.__name__
        if register:
            have = cls.family.get(cls.__name__)
            if have is not None and have.__module__ != cls.__module__:
                raise TypeError(f"{have.__module__} and {cls.__module__} both declare {cls.__name__}")
            cls.family[cls.__name__] = cls

    @classmethod
    def name(cls) -> str:
        """Return the name that files and the registry use."""
        return cls.__name__

    @classmethod
    def sentence(cls) -> str:
        """Return the first line of the docstring: what it does, in one sentence."""
        return (cls.__doc__ or "").strip().split("\n")[0]

    @classmethod
    @cache
    def attributes(cls) -> tuple[Attribute, ...]:
        """Return the attributes in the order of their declaration."""
        hints = typing.get_type_hints(cls)
        return tuple(
            Attribute(f.name, hints[f.name], f.default, f.metadata.get("help", ""), f.metadata.get("min"),
                      f.metadata.get("max"), f.metadata.get("choices", ()))
            for f in dataclasses.fields(cls))  # type: ignore[arg-type]

    def values(self) -> dict[str, Any]:
        """Return the attributes' values by name."""
        return {a.name: getattr(self, a.name) for a in self.attributes()}

    def replace(self, **values: Any) -> typing.Self:
        """Return the same with other attribute values."""
        return dataclasses.replace(self, **values)  # type: ignore[type-var]

    def problems(self) -> list[str]:
        """Say what is wrong with the attributes, a sentence each."""
        return [p for a in self.attributes() if (p := a.problem(getattr(self, a.name)))]

    def line(self) -> str:
        """Return the one line that matters on the card, such as ``300 units``."""
        return ""

    def formula(self) -> str:
        """Return the formula as LaTeX, in the convention the attributes choose."""
        return ""
