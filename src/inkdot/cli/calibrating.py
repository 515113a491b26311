"""`doc calibrate`: find out how a program loads documents, so that its dots can tell of pages, or are known not to."""

from __future__ import annotations

import contextlib
import datetime as dt
import html
import json
import mimetypes
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from inkdot.cli.dotting import mark_for
from inkdot.cli.options import DATA, Data, Json, answers, put, talk
from inkdot.domain.consent import Mode
from inkdot.domain.contact import normal_address
from inkdot.domain.errors import Failure, UsageError

_KIT = "calibration.json"
_ALONE_SECONDS = 15.0
_WHO = "calibration@inkdot.invalid"
_STEPS = (
    "Start 'inkdot serve' if it does not run. Open each file in the program in question, leave its first page alone for 20 "
    "seconds, then turn the pages one by one, about three seconds each. If the program asks whether to allow pictures or editing, "
    "allow it. Then: inkdot doc calibrate --learn"
)


def add_to(doc: typer.Typer) -> None:
    """Register the command in the group `doc`."""
    doc.command()(calibrate)


def calibrate(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Documents of your own, like a pptx.")
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out-dir", help="Where the kit goes.")] = Path("calibration"),
    learn: Annotated[bool, typer.Option("--learn", help="Judge what came from the kit, and keep it.")] = False,
    data: Data = DATA,
    public_url: Annotated[str | None, typer.Option(help="How the program reaches the street door.")] = None,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS:PORT", help="Offer the kit there for download, until Ctrl-C.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find out how a program loads documents: make the kit, open it there, then learn from what came.

    What is learnt goes into programs.toml in the data folder, and counts from then on for all reports.

    Examples:
      inkdot doc calibrate --out-dir kit

      inkdot doc calibrate --host 0.0.0.0:8808 --public-url http://192.0.2.7:8080

      inkdot doc calibrate --learn
    """
    if learn:
        _learn(data, as_json=as_json)
        return
    from inkdot.mark.document.kit import KINDS, document

    made = {}
    with tempfile.TemporaryDirectory(prefix="inkdot-") as plain:
        for kind in () if files else KINDS:
            (Path(plain) / f"calibration.{kind}").write_bytes(document(kind))
        out_dir.mkdir(parents=True, exist_ok=True)
        for source in files or sorted(Path(plain).iterdir()):
            target = out_dir / source.name
            if source.resolve() == target.resolve():
                raise UsageError(f"{target} would be overwritten; choose another folder with --out-dir.")
            # It is nobody's document, so nobody's consent is asked.
            marked = mark_for(source, normal_address(_WHO), target, "pages", data, public_url, Mode.INDIVIDUAL)
            made[marked.document] = str(target)
    (data / _KIT).write_text(json.dumps(made))
    if as_json:
        put({"files": made})
    else:
        for path in made.values():
            typer.echo(path)
        talk(_STEPS)
    if host is not None:
        _offer([Path(path) for path in made.values()], host)


def _offer(kit: list[Path], host: str) -> None:
    """Let a machine that has the program fetch the kit with its browser; a file that was downloaded may be opened with more care."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    address, colon, port = host.rpartition(":")
    if not colon or not port.isdecimal():
        raise UsageError(f"{host!r} is no place to offer the kit; write it like 0.0.0.0:8808.")
    files = {f"/{quote(path.name)}": path for path in kit}
    links = "".join(f'<li><a href="{name}">{html.escape(path.name)}</a></li>' for name, path in files.items())
    page = f"<!doctype html><meta charset=utf-8><title>Calibration</title><p>{html.escape(_STEPS)}</p><ul>{links}</ul>".encode()

    class Kit(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                return self._answer(200, "text/html; charset=utf-8", page)
            if self.path not in files:
                return self._answer(404, "text/plain", b"There is no such file in the kit.\n")
            kind = mimetypes.guess_type(self.path)[0] or "application/octet-stream"
            return self._answer(200, kind, files[self.path].read_bytes(), ("Content-Disposition", "attachment"))

        def _answer(self, status: int, kind: str, body: bytes, *more: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *more):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Who fetched what is nobody's business."""

    try:
        server = ThreadingHTTPServer((address.strip("[]"), int(port)), Kit)
    except (OSError, OverflowError) as error:
        raise Failure(f"The kit cannot be offered at {host} ({error}); choose another port with --host.") from error
    for name in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore Ctrl-C
        signal.signal(name, signal.default_int_handler)
    with server:
        talk(f"The kit is offered at http://{address}:{server.server_address[1]}/ until Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.1)


def _learn(data: Path, *, as_json: bool) -> None:
    from inkdot.understand.loading import FILE

    kit = data / _KIT
    if not kit.exists():
        raise UsageError("There is no kit yet: 'inkdot doc calibrate' makes it.")
    found = [row for number, path in json.loads(kit.read_text()).items() for row in _of_document(data, number, path)]
    own = data / FILE
    before = own.read_text() if own.exists() else ""
    now = dt.datetime.now(dt.UTC).date().isoformat()
    told = [row for row in found if row["client"] and row["loads"] != "unknown"]
    more = "".join(
        f'\n[[program]]\nclient = {json.dumps(row["client"])}\nkind = "{row["kind"]}"\nloads = "{row["loads"]}"\n'
        f'source = "measured here on {now}: {row["fetched"]} of {row["dots"]} pages were loaded"\n'
        for row in told
    )
    if more:
        own.write_text(before + more)
    if as_json:
        put({"programs": found})
        return
    for row in found:
        kept = "" if row in told else "; not kept: it does not tell enough"
        typer.echo(f"{row['client'] or 'a program without a name'}, {row['kind']}: {row['loads']}{kept}")
    if not found:
        talk(
            "Nothing was loaded yet. A program that loads nothing cannot be tracked by dots; share documents by a link."
        )


def _of_document(data: Path, number: str, path: str) -> Iterator[dict[str, Any]]:
    """What each program that opened one document of the kit did."""
    from inkdot.understand.loading import Load, learnt

    answer = next(iter(answers(data, "report_document", {"document": number})))
    for visit in answer["visits"]:
        loads = [Load(x["page"], dt.datetime.fromisoformat(x["at"]).timestamp()) for x in visit["loaded"]]
        yield {
            "client": visit["client"],
            "kind": Path(path).suffix.lstrip(".").lower(),
            "loads": str(learnt(loads, answer["dots"], _ALONE_SECONDS)),
            "fetched": len(loads),
            "dots": answer["dots"],
        }
