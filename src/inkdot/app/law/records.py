"""Records of processing (Article 30 GDPR) and a draft of an impact assessment (Article 35), from the settings in force."""

from __future__ import annotations

from inkdot.app.law.regions import Region
from inkdot.domain.consent import Decision, Mode
from inkdot.settings import Settings


def records(settings: Settings, default: Decision, table: list[Region]) -> str:
    """Markdown."""
    ends = f"after {settings.events_days} days" if settings.events_days else "on request or by hand (events_days is 0)"
    addresses = {
        "full": "in the journal alone", "cut": "cut to /24 and /48, in the journal alone", "none": "not kept",
    }[settings.addresses]  # fmt: skip
    rules = "\n".join(f"- {r.name}: {r.mode.name.lower()} without consent; {r.source}, {r.date}." for r in table)
    named = (
        "nobody (health mode)" if settings.health else "recipients who agreed, and those of whom the region allows it"
    )
    return f"""# Record of processing: measuring opens, clicks, visits and reading

- Controller: {settings.controller or "(set `controller` in inkdot.toml)"}; contact: {settings.controller_mail or "(set `controller_mail`)"}
- Purpose: to know which mails, documents and pages interest the people they were meant for; to stop writing to dead addresses.
- People named: {named}.
- People whose choice is not known: {default.sentence}.
- Data of named people: mail address; time of opens, clicks and reading; program, device and rough place; links; choices with their proof.
- Data of all others: counts with shared marks; below five they are not shown.
- Internet addresses: {addresses}.
- Legal basis: consent (Article 6(1)(a) GDPR; national law on Article 5(3) ePrivacy), as written down in the consent ledger.
- Recipients: none. Sub-processors: none. Transfers to other countries: none. The program opens no connection of its own.
- Erasure: raw requests after {settings.journal_days} days, events {ends}, backups {f"after {settings.backups_days} days" if settings.backups_days else "by hand"}.
- Security: signed marks, a journal synced before each answer, files readable by their owner alone, an audit log sealed row by row.
- Rights: privacy page in every marked mail, `inkdot person export`, `inkdot person erase`, `inkdot consent withdraw`.

## Rules looked at

{rules}
"""


def assessment(settings: Settings, default: Decision) -> str:
    """Markdown, to be completed by somebody who knows the sender."""
    wide = default.mode is Mode.INDIVIDUAL
    open_questions = [
        *(["People are measured by name without being asked: is there a legal basis in every place they live?"] if wide else []),
        *(["Events have no end (`events_days = 0`): how long are they needed?"] if not settings.events_days else []),
        *(['Addresses are written down in full for some days: is that needed? (`addresses = "cut"`)'] if settings.addresses == "full" else []),
        *(["No controller is named (`controller`)."] if not settings.controller else []),
        "Are employees, children or patients among the recipients? For patients use health mode.",
    ]  # fmt: skip
    listed = "\n".join(f"- [ ] {question}" for question in open_questions)
    return f"""# Data protection impact assessment: draft

## What is done
Dots and links in mails, a tag on websites and a reader for documents tell when somebody opens, clicks and reads.
People whose choice is not known: {default.sentence}.

## Is it needed, and is there something milder?
Counts with shared marks answer most questions of interest; they are the milder means and the default where the rules ask for it.
Names are needed only to answer one person about what interested that person.

## Risks and what is done about them
| risk | what is done |
|---|---|
| somebody is watched without knowing | footer and privacy page in every marked mail; consent in a ledger with its wording |
| a wrong conclusion from a machine's fetch | every event says who acted and what is proven; intervals instead of one number |
| data outlive their purpose | raw requests go after {settings.journal_days} days; erasure reaches journal, stores and backups |
| somebody reads what he should not | an audit log of every reading, export and change, sealed row by row |
| data leave the house | no outside service, no connection of the program's own; proved in a network namespace |
| withdrawal comes too late | it silences mails already sent within seconds |

## Open questions
{listed}
"""
