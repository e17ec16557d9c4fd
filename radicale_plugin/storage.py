"""Radicale's storage over the engine. Nothing is kept here: Radicale builds two of these per application."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from radicale.storage import BaseCollection, BaseStorage

from bridge.engine.api import Login, Service
from bridge.errors import BridgeError
from radicale_plugin import context
from radicale_plugin.collection import Calendar, PlainCollection
from radicale_plugin.errno_words import as_value_error
from radicale_plugin.locks import LOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from radicale.item import Item

OPTION: Final = "queqiao_config"
"""``[storage] queqiao_config``: the bridge's own configuration file."""
ENVIRONMENT: Final = "QUEQIAO_CONFIG"

_opened: dict[str, Service] = {}
_opening = threading.Lock()


def service_of(configuration: Any) -> Service:
    """Return the engine that a Radicale configuration names; one per file and process.

    Raises RuntimeError if neither ``[storage] queqiao_config`` nor $QUEQIAO_CONFIG is set.
    """
    try:
        path = str(configuration.get("storage", OPTION))
    except KeyError:
        path = os.environ.get(ENVIRONMENT, "")
    if not path:
        msg = f"set [storage] {OPTION} to the path of the bridge's configuration file"
        raise RuntimeError(msg)
    with _opening:
        if path not in _opened:
            from bridge.daemon import compose  # only a stock Radicale needs the whole bridge

            _opened[path] = compose.open_service(path)
        return _opened[path]


class Storage(BaseStorage):
    """``[storage] type = radicale_plugin``, or built with a service by :func:`storage_with`."""

    _supports_unicode = True
    _supports_trailing_whitespace = True
    _supports_problematic_chars = True
    _is_collision_free = True

    def __init__(self, configuration: Any, service: Service | None = None) -> None:
        super().__init__(configuration)
        self.service = service_of(configuration) if service is None else service

    # ---- reading -----------------------------------------------------------------------------------------

    def discover(
        self,
        path: str,
        depth: str = "0",
        child_context_manager: Callable[[str, str | None], AbstractContextManager[None]] | None = None,
        user_groups: set[str] = frozenset(),  # type: ignore[assignment]  # Radicale's signature
    ) -> Iterator[Item | BaseCollection]:
        """Yield the object that ``path`` names and, at a depth, its children; nothing if it is not there."""
        del user_groups
        parts = context.segments(path)
        wrap = child_context_manager or _no_wrap
        if not parts:
            yield PlainCollection("")
            if depth != "0":
                yield from _wrapped(wrap, "/", map(PlainCollection, self._known_users()))
        elif len(parts) == 1:
            if self._has_user(parts[0]):
                yield PlainCollection(parts[0])
                if depth != "0":
                    yield from _wrapped(wrap, path, self._calendars(parts[0]))
        else:
            yield from self._discover_in_calendar(parts, depth, wrap)

    def _discover_in_calendar(
        self, parts: tuple[str, ...], depth: str, wrap: Callable[..., AbstractContextManager[None]]
    ) -> Iterator[Item | BaseCollection]:
        view = self.service.collection(parts[0], parts[1])
        if view is None:
            return
        calendar = Calendar(self.service, view, _actor(parts[0]))
        if len(parts) == 2:  # user and slug
            yield calendar
            if depth != "0":
                for item in calendar.get_all():
                    with wrap(f"/{calendar.path}", item.href):
                        yield item
        elif len(parts) == 3:  # user, slug, href
            found = calendar.get(parts[2])
            if found is not None:
                yield found

    def _calendars(self, user: str) -> Iterator[Calendar]:
        for view in self.service.collections(user):
            yield Calendar(self.service, view, _actor(user))

    def _known_users(self) -> list[str]:
        """Return whose principals may be listed: the asker's own, nobody else's."""
        user = _user.get()
        return [user] if user else []

    def _has_user(self, user: str) -> bool:
        """Return whether there is such a principal; never fails.

        Radicale asks before every request, where a failure would be a bare 500. If the database cannot answer,
        what follows will say so properly.
        """
        ask = context.current()
        if ask is not None and ask.login.user == user:
            return True
        try:
            return self.service.has_user(user)
        except Exception:  # noqa: BLE001  # see above: whatever it is, the next look-up raises it again
            return True

    # ---- writing -----------------------------------------------------------------------------------------

    def move(self, item: Item, to_collection: BaseCollection, to_href: str) -> None:
        """Move an object; Radicale has checked Overwrite."""
        source = item.collection
        if not isinstance(source, Calendar) or not isinstance(to_collection, Calendar) or item.href is None:
            msg = "[Errno 13] objects move from calendar to calendar"
            raise ValueError(msg)
        try:
            self.service.move(
                source.view.id,
                item.href,
                to_collection.view.id,
                to_href,
                _actor(source.view.user),
                overwrite=True,
            )
        except BridgeError as error:
            raise as_value_error(error) from error

    def create_collection(
        self,
        href: str,
        items: Iterable[Item] | None = None,
        props: Mapping[str, str] | None = None,
    ) -> tuple[BaseCollection, dict[str, Item], list[str]]:
        """Make a calendar. A principal exists or not, and a whole calendar is never replaced."""
        parts = context.segments(href)
        if props is None and items is None:
            return PlainCollection("/".join(parts)), {}, []
        if items is not None:
            msg = "a whole calendar is never replaced; put single objects"
            raise ValueError(msg)
        if len(parts) != 2 or (props or {}).get("tag") != "VCALENDAR":  # user and slug
            msg = "[Errno 13] only calendars can be made, and only below their owner"
            raise ValueError(msg)
        wanted = {key: value for key, value in (props or {}).items() if key != "tag"}
        try:
            view = self.service.make_calendar(parts[0], parts[1], wanted, _actor(parts[0]))
        except BridgeError as error:
            raise as_value_error(error) from error
        return Calendar(self.service, view, _actor(parts[0])), {}, []

    @contextmanager
    def acquire_lock(self, mode: str, user: str = "", *args: Any, **kwargs: Any) -> Iterator[None]:
        """Let writers of one object take turns; readers and writers of other objects never wait."""
        del args
        mark = _user.set(str(kwargs.get("actor") or user or ""))
        try:
            with ExitStack() as held:
                if mode == "w":
                    paths = {str(kwargs.get(name) or "") for name in ("path", "to_path")} - {""}
                    held.enter_context(LOCKS.holding(paths or {f"/{user}/"}))
                yield
        finally:
            _user.reset(mark)

    def verify(self) -> bool:
        """Return True: there are no files to check here; ``queqiao verify`` looks at the database."""
        return True


_user: ContextVar[str] = ContextVar("queqiao_stock_user", default="")


def _actor(owner: str) -> Login:
    """Return who acts: the authenticated login, or what a stock Radicale said when it took its lock."""
    ask = context.current()
    return ask.login if ask is not None else Login(user=_user.get() or owner)


@contextmanager
def _no_wrap(_path: str, _href: str | None) -> Iterator[None]:
    yield


def _wrapped(
    wrap: Callable[..., AbstractContextManager[None]], path: str, children: Iterable[BaseCollection]
) -> Iterator[BaseCollection]:
    for child in children:
        with wrap(path, child.path.rsplit("/", 1)[-1]):
            yield child


def storage_with(service: Service) -> Callable[[Any], Storage]:
    """Return a value for ``[storage] type``: a factory around an engine that is already open."""

    def build(configuration: Any) -> Storage:
        return Storage(configuration, service)

    return build
