"""`trigger` and `webhook`: what follows from events."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from inkdot.cli.options import DATA, Data, Json, answers, put, talk
from inkdot.domain.errors import Failure, UsageError

_Rule = Annotated[
    str, typer.Argument(metavar="RULE", help="A file with TOML or JSON, - for stdin, or the JSON itself.")
]
_Name = Annotated[str, typer.Argument(metavar="TRIGGER", help="Its name or trg_... id.")]
_Hook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its whk_... id or address.")]
_OfHook = Annotated[str | None, typer.Option("--webhook", help="Only this one: whk_... or its address.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    trigger = typer.Typer(help="Rules: when something happens, do something.", no_args_is_help=True)
    for name, command in _TRIGGER.items():
        trigger.command(name)(command)
    app.add_typer(trigger, name="trigger")
    webhook = typer.Typer(help="Tell other programs, signed as Standard Webhooks say.", no_args_is_help=True)
    for name, command in _WEBHOOK.items():
        webhook.command(name)(command)
    app.add_typer(webhook, name="webhook")


def trigger_add(rule: _Rule, data: Data = DATA, as_json: Json = False) -> None:
    """Keep a rule and watch for it from now on; one of the same name becomes its next version.

    Examples:
      inkdot trigger add hot-lead.toml

      inkdot trigger add '{"name":"Quote","when":{"kind":"click"},"actions":[{"do":"email"}]}' --json
    """
    answer = next(answers(data, "trigger_add", {"rule": rule_text(rule)}))
    if as_json:
        put(answer)
        return
    typer.echo(f"{answer['trigger']}  {answer['name']}, version {answer['version']}")
    for action in answer["rule"]["actions"]:
        if action["do"] == "webhook":
            typer.echo(f"  {action['url']} is signed with {action['secret']}")


def trigger_list(data: Data = DATA, as_json: Json = False) -> None:
    """Show all rules, and how often they fired.

    Example:
      inkdot trigger list
    """
    for item in answers(data, "trigger_list", {}):
        if as_json:
            put(item)
        else:
            state = "" if item["active"] else "  (off)"
            last = f", last {item['last']}" if item["last"] else ""
            typer.echo(f"{item['trigger']}  {item['name']}{state}: fired {item['fired']} times{last}")


def trigger_show(
    trigger: _Name,
    version: Annotated[int | None, typer.Option(help="Only this one's text, to keep or to try it again.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Show what a rule says and said, version by version.

    Examples:
      inkdot trigger show "Hot lead"

      inkdot trigger show "Hot lead" --version 2 | inkdot trigger add -
    """
    found = list(answers(data, "trigger_versions", {"trigger": trigger}))
    chosen = [item for item in found if version in (None, item["version"])]
    if not chosen:
        raise UsageError(f"There is no version {version}; there are 1 to {found[-1]['version']}.")
    for item in chosen:
        if as_json:
            put(item)
            continue
        if version is None:
            talk(f"Version {item['version']}, since {item['since']}{', in use' if item['in_use'] else ''}:")
        typer.echo(json.dumps(item["rule"], indent=2, ensure_ascii=False))


def trigger_test(
    rule: Annotated[
        str, typer.Argument(metavar="RULE", help="As for `trigger add`, or the name or id of a rule kept.")
    ],
    since: Annotated[str, typer.Option(help="How far back: 7d, 12h, all, a date.")] = "7d",
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Try a rule on the past: how often would it have fired, and how often on machines? Nothing is sent.

    Example:
      inkdot trigger test hot-lead.toml --since 30d
    """
    what: dict[str, Any] = {"since": since}
    known = rule.startswith("trg_") or not (rule == "-" or rule.lstrip().startswith("{") or Path(rule).exists())
    what |= {"trigger": rule} if known else {"rule": rule_text(rule)}
    answer = next(answers(data, "trigger_test", what))
    if as_json:
        put(answer)
        return
    met, machines = answer["would_have_fired"], answer["on_machines"]
    span = "in all the time" if since == "all" else f"since {answer['since'][:16].replace('T', ' ')}"
    typer.echo(f"{answer['name']}: would have fired {met} times {span}, {machines} of them on machines.")
    held = f"; its limits hold back {answer['held_back_by_limits']}" if answer["held_back_by_limits"] else ""
    typer.echo(
        f"With its evidence ({answer['evidence']}) it fires {answer['fires']} times, for {answer['people']} people{held}."
    )
    if answer["left_aside"]:
        left = ", ".join(f"when.{name}" for name in answer["left_aside"])
        typer.echo(f"At most: {left} can be judged only in the browser and was left aside.")
    for example in answer["examples"][-5:]:
        what = example["event"] or example["message"]
        typer.echo(f"  {example['time']}  {example['human'] or 'silent':8} {example['person'] or '-'}  {what}")


def trigger_on(trigger: _Name, data: Data = DATA, as_json: Json = False) -> None:
    """Watch for a rule again.

    Example:
      inkdot trigger on "Hot lead"
    """
    _switched(data, trigger, on=True, as_json=as_json)


def trigger_off(trigger: _Name, data: Data = DATA, as_json: Json = False) -> None:
    """Keep a rule, but do not watch for it.

    Example:
      inkdot trigger off "Hot lead"
    """
    _switched(data, trigger, on=False, as_json=as_json)


def _switched(data: Path, trigger: str, *, on: bool, as_json: bool) -> None:
    answer = next(answers(data, "trigger_switch", {"trigger": trigger, "on": on}))
    put(answer) if as_json else typer.echo(f"{answer['name']} is {'on' if on else 'off'}.")


def trigger_rm(trigger: _Name, data: Data = DATA, as_json: Json = False) -> None:
    """Remove a rule. What it did stays in the delivery log.

    Example:
      inkdot trigger rm "Hot lead"
    """
    answer = next(answers(data, "trigger_rm", {"trigger": trigger}))
    put(answer) if as_json else typer.echo(f"{answer['name']} is gone.")


def webhook_add(
    url: Annotated[str, typer.Argument(help="Where to POST.")],
    types: Annotated[list[str] | None, typer.Option("--type", help="Only this type; repeat for more.")] = None,
    machines: Annotated[bool, typer.Option(help="Also what machines did, and repeats.")] = False,
    secret: Annotated[str | None, typer.Option(help="A whsec_... of your own.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Tell a program about every event from now on. Prints the secret with which it can check that it was us.

    Example:
      inkdot webhook add https://example.com/hook --type mail.clicked --type mail.replied
    """
    what = {"url": url, "types": types or [], "machines": machines, "secret": secret}
    answer = next(answers(data, "webhook_add", what))
    put(answer) if as_json else typer.echo(f"{answer['webhook']}  {answer['url']}\nsecret: {answer['secret']}")


def webhook_list(data: Data = DATA, as_json: Json = False) -> None:
    """Show all endpoints, and which are paused and why; with them, what rules send to and is paused.

    Example:
      inkdot webhook list
    """
    endpoints = list(answers(data, "webhook_list", {}))
    shown = {item["url"] for item in endpoints}
    ours = [
        {"webhook": None, "url": item["to"], "state": "paused"} | item
        for item in answers(data, "webhook_paused", {})
        if item["to"] not in shown
    ]
    for item in endpoints + ours:
        why = f": {item['reason']}" if item["reason"] else ""
        put(item) if as_json else typer.echo(f"{item['webhook'] or '-'}  {item['url']}  {item['state']}{why}")


def webhook_listen(
    forward_to: Annotated[str | None, typer.Option(help="Pass everything on to this address, headers and all.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Only this type; repeat for more.")] = None,
    once: Annotated[int, typer.Option(help="End after so many messages; 0: stay.")] = 0,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Receive webhooks here, check their signatures and print them, until Ctrl-C. The secret stays the same.

    Example:
      inkdot webhook listen --forward-to http://127.0.0.1:3000/hook
    """
    from inkdot.cli.listening import Listener

    listener = Listener(forward_to, set(types or ()), as_json=as_json, most=once)
    answer = next(answers(data, "webhook_add", {"url": listener.url, "listening": True}))
    listener.secret = answer["secret"]
    talk(f"Listening on {listener.url}; secret: {answer['secret']}")
    try:
        listener.run()
    finally:
        next(answers(data, "webhook_switch", {"webhook": answer["webhook"], "on": False}))


def webhook_trigger(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="mail.opened, mail.clicked, trigger.fired ...")],
    webhook: _OfHook = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Send a test message to the endpoints that want this type, and show what they say; exit 1 if one did not take it.

    Example:
      inkdot webhook trigger mail.opened
    """
    _shown(list(answers(data, "webhook_trigger", {"type": kind, "webhook": webhook})), as_json=as_json)


def webhook_log(
    delivery: Annotated[str | None, typer.Argument(help="One dlv_... with every try and its body.")] = None,
    state: Annotated[str | None, typer.Option(help="Only: waiting, done, failed, withdrawn.")] = None,
    webhook: _OfHook = None,
    last: Annotated[int, typer.Option(help="Only the last so many.")] = 100,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Show what was delivered to whom, what waits, and what was said; of all channels, not webhooks alone.

    Example:
      inkdot webhook log --state failed
    """
    what = {"delivery": delivery, "state": state, "webhook": webhook, "last": last}
    for item in answers(data, "webhook_log", what):
        if as_json:
            put(item)
            continue
        typer.echo(_line(item))
        for attempt in item.get("attempts", ()):
            typer.echo(f"  {attempt['time']}  {attempt['milliseconds']} ms  {attempt['said']}")


def webhook_replay(
    delivery: Annotated[str | None, typer.Argument(help="One dlv_...; without it, all of --state.")] = None,
    state: Annotated[str, typer.Option(help="Which: failed, done, withdrawn, waiting.")] = "failed",
    since: Annotated[str, typer.Option(help="How far back: 7d, 12h, all, a date.")] = "7d",
    webhook: _OfHook = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Deliver again, under the same id, so that receivers can tell; exit 1 if one did not take it.

    Examples:
      inkdot webhook replay dlv_0123456789abc

      inkdot webhook replay --state failed --since 2d
    """
    what = {"delivery": delivery, "state": state, "since": since, "webhook": webhook}
    _shown(list(answers(data, "webhook_replay", what)), as_json=as_json)


def webhook_resume(
    place: Annotated[str, typer.Argument(help="A whk_... id, an address, or `email` or `push`, as `list` shows it.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """End a pause, of an endpoint or of a place that rules send to: what waits is delivered now.

    Examples:
      inkdot webhook resume https://example.com/hook

      inkdot webhook resume email
    """
    answer = next(answers(data, "webhook_resume", {"to": place}))
    put(answer) if as_json else typer.echo(f"{answer['url']} is {answer['state']}.")


def webhook_rotate(webhook: _Hook, data: Data = DATA, as_json: Json = False) -> None:
    """Make a new secret; the old one signs too until the next rotation.

    Example:
      inkdot webhook rotate https://example.com/hook
    """
    answer = next(answers(data, "webhook_rotate", {"webhook": webhook}))
    put(answer) if as_json else typer.echo(f"secret: {answer['secret']}")


def webhook_rm(webhook: _Hook, data: Data = DATA, as_json: Json = False) -> None:
    """Remove an endpoint; what it was still to get is withdrawn.

    Example:
      inkdot webhook rm https://example.com/hook
    """
    answer = next(answers(data, "webhook_rm", {"webhook": webhook}))
    put(answer) if as_json else typer.echo(f"{answer['url']} is gone.")


def rule_text(rule: str) -> str:
    """What a RULE argument stands for."""
    if rule == "-":
        return sys.stdin.read()
    if rule.lstrip().startswith("{"):
        return rule
    try:
        return Path(rule).read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"{rule} cannot be read: {why}.") from error


def _shown(items: list[dict[str, Any]], *, as_json: bool) -> None:
    for item in items:
        put(item) if as_json else typer.echo(_line(item))
    if any(item["state"] != "done" for item in items):
        raise Failure("Not everything arrived; the reasons are above.")


def _line(item: dict[str, Any]) -> str:
    said = f"  {item['said']}" if item["said"] else ""
    return f"{item['made']}  {item['delivery']}  {item['state']:9} {item['type']:18} {item['do']:9} {item['to']}{said}"


_TRIGGER: dict[str, Callable[..., None]] = {
    "add": trigger_add, "list": trigger_list, "show": trigger_show, "test": trigger_test, "on": trigger_on, "off": trigger_off,
    "rm": trigger_rm,
}  # fmt: skip
_WEBHOOK: dict[str, Callable[..., None]] = {
    "add": webhook_add, "list": webhook_list, "listen": webhook_listen, "trigger": webhook_trigger, "log": webhook_log,
    "replay": webhook_replay, "resume": webhook_resume, "rotate": webhook_rotate, "rm": webhook_rm,
}  # fmt: skip
