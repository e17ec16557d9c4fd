"""The manual page queqiao(1), made from the commands themselves: pure, commands in, roff (man(7)) out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD: Final = "CalDAV and ICS for the schedules that live in WeCom and DingTalk"
FILES: Final = (
    (
        "./config.toml",
        "The configuration, if neither \\fB\\-\\-config\\fR nor \\fB$QUEQIAO_CONFIG\\fR names one.",
    ),
    (
        "/etc/queqiao/config.toml",
        "The configuration of a service; config.example.toml documents each option.",
    ),
    ("/var/lib/queqiao/queqiao.db", "The database, unless \\fB[database] url\\fR says otherwise."),
)
ENVIRONMENT: Final = (
    ("QUEQIAO_CONFIG", "The configuration, unless \\fB\\-\\-config\\fR names one."),
    ("CREDENTIALS_DIRECTORY", "Where files with secrets are looked for first (systemd's LoadCredential=)."),
    ("HTTPS_PROXY, NO_PROXY", "How the vendors are reached."),
)
STATUSES: Final = (
    ("0", "Done."),
    ("1", "Failed."),
    ("2", "Wrong usage, or a configuration that cannot be used."),
)
SEE_ALSO: Final = "systemctl(1), journalctl(1), systemd.exec(5)"


def page(root: click.Group, version: str) -> str:
    """Return the page, the same for the same commands and version."""
    lines = [
        f'.TH QUEQIAO 1 "" "queqiao {_text(version)}" "Queqiao"',
        ".SH NAME",
        f"queqiao \\- {_text(HEAD)}",
        ".SH SYNOPSIS",
        r"\fBqueqiao\fR [\fB\-\-config\fR \fIFILE\fR] \fIVERB\fR \fR[\fIOPTION\fR]...",
        ".SH DESCRIPTION",
        *_prose(root.help or ""),
        ".PP",
        r"Every listing takes \fB\-\-json\fR: one line, one array. Verbs work while the daemon runs, except \fBrestore\fR.",
        ".SH OPTIONS",
        *_options(root, click.Context(root, info_name="queqiao")),
        ".SH VERBS",
        *_verbs(root, click.Context(root, info_name="queqiao")),
    ]
    for title, rows in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES), ("EXIT STATUS", STATUSES)):
        lines += [
            f".SH {title}",
            *(line for name, says in rows for line in (".TP", f"\\fB{_text(name)}\\fR", says)),
        ]
    lines += [".SH SEE ALSO", _text(SEE_ALSO)]
    return "\n".join(lines) + "\n"


def _verbs(group: click.Group, context: click.Context) -> Iterator[str]:
    """Yield a section for each verb, and for each verb of a group."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _verbs(command, inner)
            continue
        words = [f"\\fB{_text(word)}\\fR" for word in inner.command_path.split()[1:]]
        arguments = [
            f"\\fI{_text(x.make_metavar(inner))}\\fR" for x in command.params if isinstance(x, click.Argument)
        ]
        yield f".SS {' '.join([*words, *arguments])}"
        yield from _prose(command.help or "")
        yield from _options(command, inner)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a tagged paragraph for each option."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is None or (parameter.name == "help" and context.parent is not None):
            continue
        names, says = record
        yield ".TP"
        yield _marked(names)
        yield _text(says) or "\\&"


def _marked(names: str) -> str:
    """Return ``-v, --verbose TEXT`` with names in bold and what follows them in italics."""
    out = []
    for part in re.split(r"(, | / )", names):
        name, blank, rest = part.partition(" ")
        if not name.startswith("-"):
            out.append(part if part in {", ", " / "} else _text(part))
            continue
        out.append(f"\\fB{_text(name)}\\fR" + (f" \\fI{_text(rest)}\\fR" if blank else ""))
    return "".join(out)


def _prose(text: str) -> Iterator[str]:
    """Yield paragraphs: an empty line parts them."""
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    for index, paragraph in enumerate(_filled(paragraphs)):
        if index:
            yield ".PP"
        yield _text(paragraph)


def _filled(paragraphs: Iterable[str]) -> list[str]:
    return [paragraph for paragraph in paragraphs if paragraph]


def _text(text: str) -> str:
    """Return text that roff takes as it is: no escapes, no requests, hyphens that are typed stay what they are."""
    safe = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    safe = "".join(char if ord(char) < 128 else f"\\[u{ord(char):04X}]" for char in safe)
    return f"\\&{safe}" if safe[:1] in {".", "'"} else safe
