"""A list of people from a CSV file: one mail address in each row, and words to fill in."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from inkdot.domain.contact import Address, normal_address
from inkdot.domain.details import checked_detail
from inkdot.domain.errors import BadAddress, UsageError, unreadable
from inkdot.mark.fill import Values, column_name

_ADDRESS = ("email", "e_mail", "mail", "address", "email_address", "to")
_MOST_FAULTS = 5
_DETAILS = {
    "phone": ("phone", "phone_number", "telephone", "mobile", "telefon"),
    "first_name": ("first_name", "firstname", "given_name", "fn", "vorname"),
    "last_name": ("last_name", "lastname", "surname", "family_name", "ln", "nachname"),
    "country": ("country", "country_code", "land"),
    "postcode": ("postcode", "postal_code", "zip", "zip_code", "plz"),
}
"""How columns call what is kept of people."""


class Person(NamedTuple):
    """One row."""

    address: Address
    values: Values
    line: int


class People(NamedTuple):
    """A file, read."""

    rows: list[Person]
    """Each address once; the first row counts."""
    columns: list[str]
    twice: int
    """Rows left out because their address stood there before."""


def read_people(path: Path) -> People:
    """Read a file with a header line, in UTF-8, separated by commas, semicolons or tabs. Raises UsageError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            separator = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=separator, strict=True)
            begun, table = 1, []
            for cells in reader:
                table.append((begun, cells))
                begun = reader.line_num + 1
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not in UTF-8; save it as 'CSV UTF-8' and try again.") from None
    except csv.Error as error:
        raise UsageError(
            f"{path} cannot be read from line {begun} on ({error}); a quote that opens a value must close it."
        ) from error
    rows = [(line, [cell.strip() for cell in cells]) for line, cells in table if any(cell.strip() for cell in cells)]
    columns = [column_name(cell) for cell in rows[0][1]] if rows else []
    if twice := next((name for name in columns if name and columns.count(name) > 1), None):
        raise UsageError(f"{path} has two columns {twice!r}; give one of them another name.")
    named = next((name for name in _ADDRESS if name in columns), None)
    if named is None:
        raise UsageError(f"{path} has no column 'email'; its first line must name the columns, like: email,name.")
    return _checked(path, columns, named, rows[1:])


def _checked(path: Path, columns: list[str], named: str, rows: list[tuple[int, list[str]]]) -> People:
    found: dict[Address, Person] = {}
    faults, twice = [], 0
    for line, cells in rows:
        if fault := _fault(columns, cells):
            faults.append(f"line {line}: {fault}")
            continue
        values = dict(zip(columns, [*cells, *([""] * (len(columns) - len(cells)))], strict=False))
        try:
            address = normal_address(values[named])
        except BadAddress:
            faults.append(f"line {line}: {values[named]!r} is no mail address")
            continue
        twice += address in found
        found.setdefault(address, Person(address, values | {"email": address}, line))
    _raise(path, faults)
    if not found:
        raise UsageError(f"{path} names nobody.")
    return People(list(found.values()), columns, twice)


def _fault(columns: list[str], cells: list[str]) -> str | None:
    """What is wrong with a row as such: a name with a comma in it would put every value behind it into the wrong column."""
    if any(cells[len(columns) :]):
        return (
            f"{len(cells)} values for {len(columns)} columns; a value with the separator in it needs quotes around it"
        )
    if any("\0" in cell for cell in cells):
        return "a NUL stands in it"
    return None


def details_of(path: Path, people: People) -> tuple[dict[Address, dict[str, str]], list[str]]:
    """What is to be kept of each person, and the columns that are not. Raises UsageError."""
    columns = {name: next((c for c in called if c in people.columns), None) for name, called in _DETAILS.items()}
    used = {name: column for name, column in columns.items() if column}
    if not used:
        raise UsageError(f"{path} says nothing that is kept; name columns {', '.join(_DETAILS)}.")
    found: dict[Address, dict[str, str]] = {}
    faults = []
    for person in people.rows:
        try:
            found[person.address] = {
                name: checked_detail(name, person.values[column])
                for name, column in used.items()
                if person.values[column]
            }
        except UsageError as error:
            faults.append(f"line {person.line}: {str(error).rstrip('.')}")
    _raise(path, faults)
    return found, [c for c in people.columns if c and c not in {*used.values(), *_ADDRESS}]


def must_fill(path: Path, people: People, names: Mapping[str, bool]) -> list[str]:
    """Raises UsageError unless each placeholder without a spare word has a column, and a word in each row.

    Returns the placeholders that have no column and live by their spare word alone.
    """
    unknown = [name for name in names if name not in people.columns and name != "email"]
    if any(names[name] for name in unknown):
        raise UsageError(
            f"The mail asks for {', '.join('{{' + n + '}}' for n in unknown)}; {path} has the columns {', '.join(people.columns)}."
        )
    needed = [name for name, needed in names.items() if needed]
    faults = [f"line {p.line}: nothing for {{{{{n}}}}}" for p in people.rows for n in needed if not p.values[n]]
    if faults:
        faults.append("a spare word in the mail helps, like {{name|friend}}")
    _raise(path, faults)
    return unknown


def _raise(path: Path, faults: list[str]) -> None:
    if faults:
        more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise UsageError(f"{path}: {'; '.join(faults[:_MOST_FAULTS])}{more}.")
