"""The lines of one component while they are being changed: everything that is not touched stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.ical.lines import Component, Line, make

if TYPE_CHECKING:
    from collections.abc import Callable


class Sheet:
    """A component's children, in order. New properties go behind their kin, else before the sub-components."""

    def __init__(self, component: Component, eol: str) -> None:
        self._component = component
        self._children = list(component.children)
        self.eol = eol

    @property
    def is_changed(self) -> bool:
        """Return whether anything differs from the component that was given."""
        return len(self._children) != len(self._component.children) or any(
            one is not other for one, other in zip(self._children, self._component.children, strict=True)
        )

    def component(self) -> Component:
        """Return the result; the very component that was given if nothing changed."""
        return self._component.with_children(self._children) if self.is_changed else self._component

    def lines(self, name: str) -> list[Line]:
        """Return the properties of that name as they are now."""
        return [child for child in self._children if isinstance(child, Line) and child.name == name]

    def first(self, name: str) -> Line | None:
        """Return the first property of that name, or None."""
        return next(iter(self.lines(name)), None)

    def components(self, name: str) -> list[Component]:
        """Return the sub-components of that name as they are now."""
        return [child for child in self._children if isinstance(child, Component) and child.name == name]

    def replace(self, old: Line | Component, new: Line | Component | None) -> None:
        """Put ``new`` where ``old`` is, or take ``old`` away."""
        index = next(index for index, child in enumerate(self._children) if child is old)
        if new is None:
            del self._children[index]
        elif (
            isinstance(old, Line)
            and isinstance(new, Line)
            and new.raw.rstrip("\r\n") == old.raw.rstrip("\r\n")
        ):
            return
        else:
            self._children[index] = new

    def add(self, new: Line, *, after: tuple[str, ...] = ()) -> None:
        """Insert a property behind the last one of its own name, else of a name in ``after`` (best first)."""
        for name in (new.name, *after):
            for index in range(len(self._children) - 1, -1, -1):
                child = self._children[index]
                if isinstance(child, Line) and child.name == name:
                    self._children.insert(index + 1, new)
                    return
        for index, child in enumerate(self._children):
            if isinstance(child, Component):
                self._children.insert(index, new)
                return
        self._children.append(new)

    def add_component(self, new: Component) -> None:
        """Append a sub-component."""
        self._children.append(new)

    def remove(self, *names: str) -> None:
        """Take all properties of these names away."""
        self._children = [
            child for child in self._children if not (isinstance(child, Line) and child.name in names)
        ]

    def put(self, name: str, value: str, *, change: Callable[[Line], Line] | None = None) -> None:
        """Set the (escaped) value of a property, keeping its parameters; an empty value removes it."""
        line = self.first(name)
        if not value:
            self.remove(name)
        elif line is None:
            self.add(make(name, value, eol=self.eol))
        else:
            if line.value != value:
                line = line.with_value(value)
            self.replace(self.lines(name)[0], change(line) if change else line)
