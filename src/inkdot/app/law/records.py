"""Records of processing (Article 30 GDPR) and a draft of an impact assessment (Article 35), from the settings in force."""

from __future__ import annotations

from collections.abc import Sequence

from inkdot.app.consent import notice_of
from inkdot.app.law.regions import Region
from inkdot.domain.consent import Decision, Mode
from inkdot.settings import Settings


def records(settings: Settings, default: Decision, table: list[Region], receivers: Sequence[str]) -> str:
    """Markdown; `receivers` are the hosts and services that something is handed to."""
    raw = _after(settings.journal_days)
    addresses = {
        "full": f"in full, in the journal alone; gone {raw}",
        "cut": f"cut to /24 and /48, in the journal alone; gone {raw}",
        "none": "not kept",
    }[settings.addresses]
    rules = "\n".join(f"- {r.name}: {r.mode.name.lower()} without consent; {r.source}, {r.date}." for r in table)
    named = "nobody (health mode)" if settings.health else _NAMED[default.mode is Mode.INDIVIDUAL]
    return f"""# Record of processing: measuring opens, clicks, visits and reading

- Controller: {settings.controller or "(set `controller` in inkdot.toml)"}; contact: {settings.controller_mail or "(set `controller_mail`)"}; representative and data protection officer, if you have them: (add)
- Purpose: to know which mails, documents and pages interest the people they were meant for; to stop writing to dead addresses.
- People concerned: recipients of mails, readers of shared documents, visitors of websites.
- People named: {named}.
- People whose choice is not known: {default.sentence}.
- Data of named people: {_data(settings)}
- Data of all others: {_OTHERS[Mode.AGGREGATE if settings.health else default.mode]}
- Internet addresses: {addresses}.
- Legal basis: {_basis(settings, default)}
- Recipients: {_receivers(receivers)}
- Erasure: raw requests {raw}, events {_after(settings.events_days)}, backups {_after(settings.backups_days)}, documents that nobody can read any more {_after(settings.documents_days)}. The consent ledger and the audit log stay as proof; an erasure takes names out of them.
- Security: signed marks, a journal synced before each answer, files readable by their owner alone, an audit log sealed row by row.
- Rights: {_page(settings)}, `inkdot person export`, `inkdot person erase`, `inkdot consent withdraw`.

## Rules looked at

{rules}
"""


_NAMED = (
    "recipients who agreed",
    "recipients who did not object, and visitors of websites who are known by a link or gave their name",
)
_OTHERS = {
    Mode.OFF: "none.",
    Mode.AGGREGATE: "counts with shared marks; below five they are not shown.",
    Mode.HYGIENE: "the day of the last open, overwritten each time; for the rest counts with shared marks, below five not shown.",
    Mode.INDIVIDUAL: "of browsers that send Global Privacy Control or Do Not Track counts with shared marks; below five they are not shown.",
}  # fmt: skip


_TOLD = "phone, name, country and postcode of those of whom you told it (`inkdot person import`)"


def _data(settings: Settings) -> str:
    if settings.health:
        return f"mail address; choices with their proof; {_TOLD}; nothing of what they open or click."
    return (
        "mail address; time of opens, clicks, replies, bounces, visits and reading; program, device, network and rough place; links, "
        "pages and where visitors came from; points for interest, worked out from these; choices with their proof; "
        f"{_TOLD}."
    )


def _after(days: int) -> str:
    return f"after {days} day{'s' * (days > 1)}" if days else "on request or by hand alone (no days are set)"


def _basis(settings: Settings, default: Decision) -> str:
    agreed = (
        "consent (Article 6(1)(a) GDPR; national law on Article 5(3) ePrivacy), as written down in the consent ledger"
    )
    if settings.health:
        return "(name yours for counting without names; nobody is measured by name)"
    if default.mode is Mode.INDIVIDUAL:
        return f"of people in the ledger, {agreed}; of all others (name yours: they are measured by name without being asked)"
    return f"for measuring by name, {agreed}; for counting without names (name yours; see the rules below)"


def _receivers(receivers: Sequence[str]) -> str:
    if not receivers:
        return "none. Sub-processors: none. Transfers to other countries: none. The program opens no connection of its own."
    return (
        f"{', '.join(receivers)}, as set up here. For each of them (add: what it gets, its contract, its country and what a transfer "
        "rests on). None but these; the program opens no other connection of its own."
    )


def _page(settings: Settings) -> str:
    style = notice_of(settings).style
    told = {
        "footer": "privacy page in every marked mail",
        "header": "privacy page (its link stands in a header line of marked mails, which few programs show: see `privacy_link`)",
        "off": "privacy page (no mail carries its link: see `privacy_link`)",
    }
    return told[style]


def assessment(settings: Settings, default: Decision, receivers: Sequence[str]) -> str:
    """Markdown, to be completed by somebody who knows the sender."""
    wide = default.mode is Mode.INDIVIDUAL
    linked = notice_of(settings).style == "footer"
    open_questions = [
        *(["People are measured by name without being asked: is there a legal basis in every place they live?"] if wide else []),
        *(["No mail shows a link to the privacy page (`privacy_link`): how do people learn that they are measured?"] if not linked else []),
        *([f"{', '.join(receivers)} get data: with which contract, and in which country?"] if receivers else []),
        *(["Events have no end (`events_days = 0`): how long are they needed?"] if not settings.events_days else []),
        *(["Backups have no end (`backups_days = 0`): how long are they needed?"] if not settings.backups_days else []),
        *(['Addresses are written down in full for some days: is that needed? (`addresses = "cut"`)'] if settings.addresses == "full" else []),
        *(["No controller is named (`controller`)."] if not settings.controller else []),
        "Are employees, children or patients among the recipients? For patients use health mode.",
        "What does the data protection officer say (Article 35(2)), and where it fits the people concerned (Article 35(9))?",
        "How high is each risk above for your recipients, and what is left of it? If it stays high, ask the authority first (Article 36).",
    ]  # fmt: skip
    listed = "\n".join(f"- [ ] {question}" for question in open_questions)
    told = "footer and privacy page in every marked mail" if linked else "a privacy page, to which no mail shows a link"
    away = (
        f"handed to {', '.join(receivers)} alone, as set up here"
        if receivers
        else "no outside service, no connection of the program's own"
    )
    return f"""# Data protection impact assessment: draft

## What is done
Dots and links in mails, a tag on websites and a reader for documents tell when somebody opens, clicks and reads.
People whose choice is not known: {default.sentence}.

## Is it needed, and is there something milder?
Counts with shared marks answer most questions of interest; they are the milder means{"" if wide else ", and the default here"}.
Names are needed only to answer one person about what interested that person.

## Risks and what is done about them
| risk | what is done |
|---|---|
| somebody is watched without knowing | {told}; consent in a ledger with its wording |
| a wrong conclusion from a machine's fetch | every event says who acted and what is proven; intervals instead of one number |
| data outlive their purpose | raw requests go {_after(settings.journal_days)}; erasure reaches journal, stores and the backups that are where they were written |
| somebody reads what he should not | an audit log of every reading, export and change, sealed row by row |
| data leave the house | {away} |
| withdrawal comes too late | it silences mails already sent within seconds |

## Open questions
{listed}
"""
