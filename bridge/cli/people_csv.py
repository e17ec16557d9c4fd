"""A list of people as CSV: read with every mistake at once, and written. Pure: text in, values out."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.config_forms import nearest
from bridge.engine.admin_api import NewPerson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.engine.admin_api import Row

FILE_BYTES_MAX: Final = 20_000_000
"""Bytes of a file: 50,000 people with long names stay far below."""
CELL_CHARS_MAX: Final = 1000
PROBLEMS_MAX: Final = 200
"""Mistakes that are told at once."""
OWN: Final = ("name", "email")
"""Columns that are not a source's."""
_NOT_NAME: Final = re.compile(r"[\s/:'\"*?,\\\x00-\x1f@]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One line that cannot be meant."""

    line: int
    says: str


def read(raw: bytes, sources: Sequence[str]) -> tuple[list[NewPerson], list[Mistake]]:
    """Return the people of a file, or what is wrong with it.

    The first line names the columns: ``name``, ``email``, and one for each source, whose cells are vendor ids. Cells are
    parted by commas, semicolons or tabs. Lines without any text are passed over.
    """
    if len(raw) > FILE_BYTES_MAX:
        return [], [Mistake(line=1, says=f"the file has more than {FILE_BYTES_MAX} bytes")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return [], [Mistake(line=line, says='it is not UTF-8; in Excel choose "CSV UTF-8" when saving')]
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [cell.strip().lower() for cell in next(rows)]
    except (StopIteration, csv.Error):
        return [], [Mistake(line=1, says=f"the first line names the columns: {', '.join((*OWN, *sources))}")]
    wrong = _wrong_columns(columns, sources)
    if wrong:
        return [], wrong
    return _people(rows, columns)


def _wrong_columns(columns: Sequence[str], sources: Sequence[str]) -> list[Mistake]:
    known = [*OWN, *sources]
    found = []
    if "name" not in columns:
        found.append(f"there is no column name; the first line names the columns: {', '.join(known)}")
    for index, column in enumerate(columns):
        if column not in known:
            near = nearest(column, known)
            hint = f"did you mean {near}?" if near else f"there are: {', '.join(known)}"
            found.append(f"there is no column {column!r:.40}; {hint}")
        elif column in columns[:index]:
            found.append(f"the column {column} stands twice")
    return [Mistake(line=1, says=says) for says in found]


def _people(rows: csv.Reader, columns: Sequence[str]) -> tuple[list[NewPerson], list[Mistake]]:  # type: ignore[name-defined]
    found: list[NewPerson] = []
    wrong: list[Mistake] = []
    while len(wrong) < PROBLEMS_MAX:
        line = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            wrong.append(Mistake(line=line, says=f"it is not CSV: {error}"))
            break
        held = [cell.strip() for cell in cells]
        if not any(held):
            continue
        if len(held) > len(columns) and any(held[len(columns) :]):
            wrong.append(
                Mistake(line=line, says=f"it has {len(held)} cells, and there are {len(columns)} columns")
            )
            continue
        given = dict(zip(columns, held, strict=False))
        if any(len(cell) > CELL_CHARS_MAX for cell in held):
            wrong.append(Mistake(line=line, says=f"a cell has more than {CELL_CHARS_MAX} characters"))
        elif not given.get("name"):
            wrong.append(Mistake(line=line, says="the name is missing"))
        else:
            links = tuple((name, cell) for name, cell in given.items() if name not in OWN and cell)
            found.append(NewPerson(line=line, name=given["name"], email=given.get("email", ""), links=links))
    return found, wrong


def of_directory(source: str, rows: Iterable[Row], taken: Iterable[str]) -> list[NewPerson]:
    """Return the people of a vendor's directory who are not linked yet, with names that are free.

    A name is the part of the address before the @, else the vendor's id; with a number where somebody else has it.
    """
    names = set(taken)
    found: list[NewPerson] = []
    for row in rows:
        if row["user"]:
            continue
        wanted = name_of(str(row["email"]).partition("@")[0]) or name_of(str(row["id"])) or "person"
        name, number = wanted, 2
        while name in names:
            name, number = f"{wanted}{number}", number + 1
        names.add(name)
        found.append(
            NewPerson(
                line=len(found) + 2, name=name, email=str(row["email"]), links=((source, str(row["id"])),)
            )
        )
    return found


def name_of(text: str) -> str:
    """Return what of a text may be a user name; perhaps nothing."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return _NOT_NAME.sub("-", folded).strip("-.")[:60]


def written(people: Iterable[NewPerson], sources: Sequence[str]) -> bytes:
    """Return people as a file that :func:`read` reads, and that spreadsheets open as UTF-8."""
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow([*OWN, *sources])
    for one in people:
        links = dict(one.links)
        rows.writerow([one.name, one.email, *(links.get(source, "") for source in sources)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
