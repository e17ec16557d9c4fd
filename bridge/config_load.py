"""Reads the configuration file: every problem at once, each with file, line, key, reason and cure.

Secrets are resolved here: each secret option ``X`` may stand as ``X`` or as ``X_file``. A relative file is looked
for in systemd's ``$CREDENTIALS_DIRECTORY`` first, then beside the configuration file.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from bridge.config import (
    Config,
    Database,
    DingTalkSource,
    Log,
    Options,
    Server,
    Source,
    Sync,
    Ui,
    WeComSource,
    extra_of,
    secret_names,
)
from bridge.config_forms import FORMS, Wrong, collide, has_control, is_there, nearest
from bridge.config_hints import cure_of_syntax, cure_of_unknown
from bridge.config_problems import ConfigError, Problem, as_toml, dotted, either, is_choice, wanted
from bridge.config_scan import KeyPath, key_lines, line_of
from bridge.config_warn import warnings_of

__all__ = ["ConfigError", "Inspection", "Problem", "find", "inspect", "load"]

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

FILE_BYTES_MAX: Final = 1_000_000
"""Bytes of a configuration file. Ours: a thousand sources fit."""
SECRET_BYTES_MAX: Final = 16_384
"""Bytes of a secret file. Ours: the longest secret of a vendor has under 200."""
SHOWN_CHARS_MAX: Final = 60
"""Characters of a wrong value that a problem repeats."""
PROBLEMS_MAX: Final = 100
"""Problems that are reported at once; a file with more is no configuration."""
SYSTEM_FILE: Final = Path("/etc/queqiao/config.toml")
SOURCES: Final[Mapping[str, type[WeComSource | DingTalkSource]]] = {
    "wecom": WeComSource,
    "dingtalk": DingTalkSource,
}

OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What ``check-config`` shows."""

    config: Config | None
    """None when there are problems."""
    problems: list[Problem]
    warnings: list[Problem]
    """What works, but should not stay."""


def find(
    flag: str | Path | None, *, environment: Mapping[str, str] | None = None, here: Path | None = None
) -> Path:
    """Return the file: the flag, else ``$QUEQIAO_CONFIG``, else ``./config.toml``, else the system's.

    A file that was named must exist; raises :class:`ConfigError`.
    """
    named = flag or (os.environ if environment is None else environment).get("QUEQIAO_CONFIG")
    if named:
        if is_there(Path(named)):
            return Path(named)
        source = "--config" if flag else "$QUEQIAO_CONFIG"
        raise ConfigError([_whole(Path(named), "there is no such file", f"{source} names it; mend the path")])
    candidates = ((here or Path()) / "config.toml", SYSTEM_FILE)
    for candidate in candidates:
        if is_there(candidate):
            return candidate
    cure = (
        f"copy config.example.toml to ./{candidates[0].name} or {SYSTEM_FILE}, "
        "or name one with --config or $QUEQIAO_CONFIG"
    )
    raise ConfigError([_whole(candidates[0], "there is no configuration", cure)])


def load(path: Path, *, credentials_dir: Path | None = None) -> Config:
    """Return the configuration; raises :class:`ConfigError` with all problems."""
    inspection = inspect(path, credentials_dir=credentials_dir)
    if inspection.config is None:
        raise ConfigError(inspection.problems)
    return inspection.config


def inspect(path: Path, *, credentials_dir: Path | None = None) -> Inspection:
    """Read a configuration and return everything there is to say about it; never raises for its content."""
    try:
        text = _read_text(path, FILE_BYTES_MAX)
    except Wrong as wrong:
        return _failed([_whole(path, wrong.reason, wrong.cure)])
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _failed([_syntax(path, text, error)])
    reader = _Reader(path=path, credentials_dir=credentials_dir, lines=key_lines(text))
    config = reader.config(data)
    if config is None:
        return _failed(sorted(reader.problems[:PROBLEMS_MAX], key=lambda problem: problem.line or 0))
    notes = reader.notes + [
        (path_of_key, reason, cure) for path_of_key, reason, cure in warnings_of(config, path)
    ]
    return Inspection(config=config, problems=[], warnings=[reader.problem(*note) for note in notes])


def _failed(problems: list[Problem]) -> Inspection:
    """Return an inspection without a configuration."""
    return Inspection(config=None, problems=problems, warnings=[])


def _whole(path: Path, reason: str, cure: str) -> Problem:
    """Return a problem of the file as such."""
    return Problem(file=str(path), line=None, key="", reason=reason, cure=cure)


def _syntax(path: Path, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    """Return tomllib's complaint; its message may quote the text only by position."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    reason = re.sub(r"\s*\(at .*\)$", "", str(error))
    line = int(found[1]) if found else None
    return Problem(
        file=str(path),
        line=line,
        key="",
        reason=f"not TOML: {reason[:SHOWN_CHARS_MAX]}" + (f" at column {found[2]}" if found else ""),
        cure=cure_of_syntax(
            reason, text.splitlines()[line - 1] if line and line <= text.count("\n") + 1 else ""
        ),
    )


def _read_text(path: Path, bytes_max: int) -> str:
    """Return a small UTF-8 file; raises :class:`Wrong`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode) and path.is_dir():
            msg = "it is a directory"
            raise Wrong(msg, "name a file")
        with path.open("rb") as stream:
            raw = stream.read(bytes_max + 1)
    except FileNotFoundError:
        msg = "there is no such file"
        raise Wrong(msg, "mend the path or make the file") from None
    except PermissionError:
        cure = "let the bridge's user read it (chown, chmod), or pass it with LoadCredential="
        msg = "it may not be read"
        raise Wrong(msg, cure) from None
    except OSError as error:
        msg = f"it cannot be read ({error.strerror})"
        raise Wrong(msg, "mend the path or the disk") from None
    if len(raw) > bytes_max:
        msg = f"it has more than {bytes_max} bytes"
        raise Wrong(msg, "name the right file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = "it is not UTF-8"
        raise Wrong(msg, "save it as UTF-8") from None


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Walks one document and collects problems."""

    path: Path
    credentials_dir: Path | None
    lines: dict[KeyPath, int]
    problems: list[Problem] = field(default_factory=list)
    notes: list[tuple[KeyPath, str, str]] = field(default_factory=list)
    """Warnings found on the way: (key, reason, cure)."""

    def problem(self, key: KeyPath, reason: str, cure: str) -> Problem:
        """Return a problem at a key."""
        return Problem(
            file=str(self.path), line=line_of(self.lines, key), key=dotted(key), reason=reason, cure=cure
        )

    def wrong(self, key: KeyPath, reason: str, cure: str) -> None:
        """Note a problem."""
        self.problems.append(self.problem(key, reason, cure))

    def config(self, data: dict[str, Any]) -> Config | None:
        """Read the whole document; None when something is wrong with it."""
        tables = list(Config.__struct_fields__)
        for name in data:
            if name not in tables:
                self.unknown((name,), name, tables)
        server = self.table(Server, data, "server")
        database = self.table(Database, data, "database")
        log = self.table(Log, data, "log")
        sync = self.table(Sync, data, "sync")
        ui = self.table(Ui, data, "ui")
        sources = self.sources(data.get("source", []))
        if self.problems or server is None or database is None or log is None or sync is None or ui is None:
            return None
        return Config(server=server, database=database, log=log, sync=sync, ui=ui, source=tuple(sources))

    def table(self, options: type[OptionsT], data: dict[str, Any], name: str) -> OptionsT | None:
        """Read one ``[name]`` table."""
        value = data.get(name, {})
        if isinstance(value, list):
            self.wrong((name, 0), f"[[{name}]] makes a list of it", f"write [{name}], once")
            return None
        if not isinstance(value, dict):
            self.wrong((name,), "it is a value, not a table", f"write [{name}] on a line of its own")
            return None
        values = self.options(options, value, (name,))
        if options is Server:
            self.check_server(values)
        return None if self.problems else options(**values)

    def sources(self, value: object) -> list[Source]:
        """Read all ``[[source]]`` tables."""
        if isinstance(value, dict):
            self.wrong(("source",), "[source] is one table, but there may be several", "write [[source]]")
            return []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self.wrong(("source",), "it is no list of tables", "write [[source]] on a line of its own")
            return []
        found: list[Source] = []
        first: dict[str, int] = {}
        for index, entry in enumerate(value):
            source = self.source(entry, ("source", index))
            if source is not None:
                found.append(source)
            name = entry.get("id")
            if not isinstance(name, str):
                continue
            if name in first:
                line = line_of(self.lines, ("source", first[name], "id"))
                reason = f"the id {name!r:.40} is already taken by the source on line {line}"
                self.wrong(("source", index, "id"), reason, "give each source an id of its own")
            first.setdefault(name, index)
        return found

    def source(self, entry: dict[str, Any], key: KeyPath) -> Source | None:
        """Read one ``[[source]]`` table."""
        kinds = list(SOURCES)
        kind = entry.get("kind")
        if kind is None:
            self.wrong(key, "kind is missing", f"add kind = {either(kinds)}")
            return None
        if not isinstance(kind, str) or kind not in SOURCES:
            near = nearest(kind, kinds) if isinstance(kind, str) else ""
            cure = f'did you mean "{near}"?' if near else f"write {either(kinds)}"
            self.wrong((*key, "kind"), f"there is no kind {kind!r:.40}", cure)
            return None
        rest = {name: value for name, value in entry.items() if name != "kind"}
        before = len(self.problems)
        values = self.options(SOURCES[kind], rest, key)
        self.check_callbacks(values, key)
        if values.get("sign_in") and values.get("agent_id") == 0:
            cure = "add agent_id, the AgentId of the app in WeCom's console"
            self.wrong((*key, "sign_in"), "signing in by WeCom needs agent_id", cure)
        return None if len(self.problems) > before else SOURCES[kind](**values)

    def options(self, options: type[Options], given: dict[str, Any], key: KeyPath) -> dict[str, Any]:
        """Return the values of a table's options that are right; notes a problem for each other one."""
        hints = typing.get_type_hints(options, include_extras=True)
        secrets = secret_names(options)
        known = [*options.__struct_fields__, *(f"{name}_file" for name in secrets)]
        for name in given:
            if name not in known:
                self.unknown((*key, name), name, known)
        values: dict[str, Any] = {}
        for entry in msgspec.structs.fields(options):
            name, file_name = entry.name, f"{entry.name}_file"
            from_file = name in secrets and file_name in given
            if from_file and name in given:
                reason = f"{name} and {file_name} are both given"
                self.wrong((*key, file_name), reason, "keep one of the two")
            elif from_file:
                secret = self.secret((*key, file_name), given[file_name])
                if secret is not None:
                    self.take(values, (*key, file_name), name, secret, hints[name])
            elif name in given:
                self.take(values, (*key, name), name, given[name], hints[name])
            elif entry.required:
                also = f" or {file_name}" if name in secrets else ""
                self.wrong(key, f"{name}{also} is missing", f"add {name} = …")
            else:
                self.take(values, key, name, entry.default, hints[name])
        return values

    def take(self, values: dict[str, Any], key: KeyPath, name: str, value: object, hint: Any) -> None:
        """Check one value against its type, bounds and form, and keep its normal form."""
        extra = extra_of(hint)
        is_secret = bool(extra.get("secret"))
        try:
            held: Any = msgspec.convert(value, hint)
        except msgspec.ValidationError:
            shown = "" if is_secret else f"{as_toml(value):.{SHOWN_CHARS_MAX}} is not possible: "
            words = [str(word) for word in typing.get_args(hint)] if is_choice(hint) else []
            near = nearest(value, words) if isinstance(value, str) else ""
            cure = f'did you mean "{near}"?' if near else f"change {name}"
            self.wrong(key, f"{shown}it must be {wanted(hint)}", cure)
            return
        form = FORMS.get(str(extra.get("form", "")))
        if has_control(held):
            self.wrong(key, "it holds a control character", f"write {name} anew, without copying it")
            return
        try:
            values[name] = form(held, self.path.parent) if form else held
        except Wrong as wrong:
            self.wrong(key, wrong.reason, wrong.cure)

    def secret(self, key: KeyPath, value: object) -> str | None:
        """Return the content of a secret file, without its trailing newline."""
        if not isinstance(value, str) or not value or "\0" in value:
            self.wrong(key, "it is no path", "write the name of a file, in quotes")
            return None
        places = [place for place in (self.credentials_dir, self.path.parent) if place is not None]
        tried = [place / value for place in places]
        file = next((candidate for candidate in tried if is_there(candidate)), None)
        if file is None:
            where = " or ".join(dict.fromkeys(str(candidate) for candidate in tried))
            self.wrong(key, f"there is no file {where}", "make it, or mend the path")
            return None
        try:
            text = _read_text(file, SECRET_BYTES_MAX).rstrip("\r\n")
        except Wrong as wrong:
            self.wrong(key, f"{file}: {wrong.reason}", wrong.cure)
            return None
        if not text.strip():
            self.wrong(key, f"{file} is empty", "write the secret into it")
            return None
        if "\n" in text or text != text.strip():
            reason = f"{file} holds more than one line, or blanks around the secret"
            self.wrong(key, reason, "leave only the secret in it")
            return None
        mode = file.stat().st_mode
        if mode & stat.S_IROTH:
            self.notes.append((key, f"everybody on this machine may read {file}", f"chmod o-r {file}"))
        if mode & stat.S_IWOTH:
            self.notes.append((key, f"everybody on this machine may change {file}", f"chmod o-w {file}"))
        return text

    def unknown(self, key: KeyPath, name: str, known: list[str]) -> None:
        """Note an unknown key, and what it most likely means."""
        self.wrong(key, f"there is no option {name!r:.60}", cure_of_unknown(name, known))

    def check_server(self, values: dict[str, Any]) -> None:
        """Check what no option can check alone."""
        listen, admin_listen = values.get("listen"), values.get("admin_listen")
        if listen is not None and admin_listen is not None and collide(listen, admin_listen):
            cure = "give admin_listen a port of its own"
            same = "the same address as" if listen == admin_listen else "covered by the same port of"
            self.wrong(("server", "admin_listen"), f"it is {same} listen", cure)
        body, largest = values.get("body_bytes_max"), values.get("object_bytes_max")
        if body is not None and largest is not None and largest > body:
            cure = "make body_bytes_max the larger one"
            self.wrong(("server", "object_bytes_max"), "it is larger than body_bytes_max", cure)

    def check_callbacks(self, values: dict[str, Any], key: KeyPath) -> None:
        """Check that a callback has both its token and its key."""
        pair = ("callback_token", "callback_aes_key")
        if any(name not in values for name in pair):
            return
        given = [name for name in pair if values[name]]
        if len(given) == 1 or (not given and values.get("push") == "http"):
            missing = next(name for name in pair if name not in given)
            reason = f"{missing} is missing: a callback needs a token and a key"
            self.wrong(key, reason, f"add {missing} or {missing}_file, as the vendor's console shows it")
