"""Texts for forms, privacy notices, mails and documents, made from the settings that are in force. Not legal advice."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

from inkdot.app.consent import notice_of
from inkdot.domain.consent import Decision, Mode
from inkdot.mark.privacy import Notice, footer
from inkdot.settings import Settings

Websites = tuple[Mode, Mode] | None
"""The widest mode of visitors nobody asked, and of those who agreed; None where there is no website."""


class Words(NamedTuple):
    """One language."""

    box: str
    """Label of an unticked box in a form."""
    individual: str
    """What is kept of people who agreed."""
    default: dict[Mode, str]
    """What is kept of all others, or of all."""
    whom: tuple[str, str]
    """All others, and all."""
    visits: tuple[str, str, str, str]
    """Of websites: what is kept; what is counted, and kept of who agreed; what is counted; nothing."""
    kept: str
    places: tuple[str, str]
    """Where the data go: nowhere, or to somebody."""
    days: str
    day: str
    open_end: str
    addresses: dict[str, str]
    """By the setting `addresses`."""
    rights: str
    document: str
    asked: str
    """The same where only who agreed is named."""
    counted: str
    """The same where nobody may be named, whatever is agreed."""
    nobody: str
    ways: tuple[str, str, str, str]
    """How to withdraw: by the mails' link, by a mail, by a mail where no address is set; and what joins two of them."""


_ENGLISH = Words(
    "I agree that {controller} sees when I open these mails and documents and which links I use, to know what interests me. "
    "I can withdraw this at any time {way}, also for mails already sent. Getting the mails does not depend on it.",
    "If you agreed, we keep for each mail and document we send you when it is opened, which links are used and how long pages are "
    "shown, with device, program and rough place, to know what interests you.",
    {Mode.OFF: "Of {whom} we keep nothing.",
     Mode.AGGREGATE: "Of {whom} we count opens and clicks in total only, without names; counts below five are not shown.",
     Mode.HYGIENE: "Of {whom} we keep the day of the last open, overwritten each time, to stop writing to dead addresses.",
     Mode.INDIVIDUAL: "For each mail and document we send you we keep when it is opened, which links are used and how long pages are shown, with device, "
     "program and rough place, to know what interests you. You are not asked first; you can object at any time."},
    ("everybody else", "everybody"),
    (
        "On our websites we keep which pages are visited, from where and for how long, with device and rough place; without cookies, and with a name only if you came by a link in a mail to you or gave it.",
        "On our websites we count without names which pages are visited, and keep more only of visitors who agreed there.",
        "On our websites we count without names which pages are visited.",
        "On our websites we keep nothing.",
    ),
    "Raw requests are deleted {journal}; what follows from them is deleted {events}. {addresses} {places}; no decision with legal or similar effect is left to a machine.",
    ("The data stay on our own server and go to nobody", "The data stay on our own server; what follows from them is handed to {receivers}"),
    "after {days} days", "after one day", "when you ask for it or we no longer need it",
    {"full": "IP addresses are kept with the raw requests alone.", "cut": "IP addresses are kept shortened (/24, /48), with the raw requests alone.",
     "none": "IP addresses are not kept."},
    "You can see, take with you and have deleted what is kept, and withdraw, {way}. Browsers that "
    "send Global Privacy Control or Do Not Track are only counted. You may complain to a supervisory authority. Responsible: {controller}.",
    "{controller} can see when this document is opened and how long its pages are shown. You can switch that off on the page itself.",
    "Only if you agreed can {controller} see when this document is opened and how long its pages are shown. You can switch that off on the page itself.",
    "{controller} counts without names how often this document is opened and its pages are shown.",
    "the sender",
    ("by the link in every mail", "by a message to {mail}", "by a message to the sender", " or "),
)  # fmt: skip
_GERMAN = Words(
    "Ich bin einverstanden, dass {controller} sieht, wann ich diese Mails und Dokumente öffne und welche Links ich benutze, um zu wissen, "
    "was mich interessiert. Ich kann das jederzeit widerrufen, {way}, auch für schon versandte Mails. Der Empfang hängt nicht davon ab.",
    "Wenn Sie eingewilligt haben, speichern wir zu jeder Mail und jedem Dokument, wann sie geöffnet, welche Links benutzt und wie lange Seiten "
    "gezeigt werden, mit Gerät, Programm und ungefährem Ort, um zu wissen, was Sie interessiert.",
    {Mode.OFF: "Von {whom} speichern wir nichts.",
     Mode.AGGREGATE: "Von {whom} zählen wir Öffnungen und Klicks nur insgesamt, ohne Namen; Zahlen unter fünf werden nicht angezeigt.",
     Mode.HYGIENE: "Von {whom} speichern wir den Tag der letzten Öffnung, jedes Mal überschrieben, um nicht an tote Adressen zu schreiben.",
     Mode.INDIVIDUAL: "Zu jeder Mail und jedem Dokument an Sie speichern wir, wann sie geöffnet, welche Links benutzt und wie lange Seiten gezeigt "
     "werden, mit Gerät, Programm und ungefährem Ort, um zu wissen, was Sie interessiert. Wir fragen nicht vorher; Sie können jederzeit widersprechen."},
    ("allen anderen", "allen"),
    (
        "Auf unseren Websites speichern wir, welche Seiten besucht werden, woher und wie lange, mit Gerät und ungefährem Ort; ohne Cookies, und mit Namen nur, wenn Sie über einen Link in einer Mail an Sie kamen oder ihn angaben.",
        "Auf unseren Websites zählen wir ohne Namen, welche Seiten besucht werden, und speichern mehr nur von Besuchern, die dort eingewilligt haben.",
        "Auf unseren Websites zählen wir ohne Namen, welche Seiten besucht werden.",
        "Auf unseren Websites speichern wir nichts.",
    ),
    "Die Rohdaten der Anfragen werden {journal} gelöscht; was daraus gewonnen wurde, {events}. {addresses} {places}; Entscheidungen mit rechtlicher oder ähnlicher Wirkung trifft keine Maschine.",
    ("Die Daten bleiben auf unserem eigenen Server und gehen an niemanden", "Die Daten bleiben auf unserem eigenen Server; was daraus folgt, geht an {receivers}"),
    "nach {days} Tagen", "nach einem Tag", "wenn Sie es verlangen oder wir es nicht mehr brauchen",
    {"full": "IP-Adressen stehen nur bei den Rohdaten.", "cut": "IP-Adressen stehen nur bei den Rohdaten, und gekürzt (/24, /48).",
     "none": "IP-Adressen werden nicht gespeichert."},
    "Sie können sehen, mitnehmen und löschen lassen, was gespeichert ist, und widerrufen: {way}. Browser mit "
    "Global Privacy Control oder Do Not Track werden nur gezählt. Sie können sich bei einer Aufsichtsbehörde beschweren. Verantwortlich: {controller}.",
    "{controller} kann sehen, wann dieses Dokument geöffnet wird und wie lange seine Seiten gezeigt werden. Sie können das auf der Seite selbst abschalten.",
    "Nur wenn Sie eingewilligt haben, kann {controller} sehen, wann dieses Dokument geöffnet wird und wie lange seine Seiten gezeigt werden. Sie können das auf der Seite selbst abschalten.",
    "{controller} zählt ohne Namen, wie oft dieses Dokument geöffnet wird und seine Seiten gezeigt werden.",
    "der Absender",
    ("über den Link in jeder Mail", "durch eine Nachricht an {mail}", "durch eine Nachricht an den Absender", " oder "),
)  # fmt: skip
_FRENCH = Words(
    "J’autorise {controller} à voir quand j’ouvre ces messages et documents et quels liens j’utilise, pour connaître mes intérêts. Je peux retirer "
    "cet accord à tout moment {way}, même pour les messages déjà envoyés. La réception n’en dépend pas.",
    "Si vous avez accepté, nous conservons pour chaque message et document l’heure d’ouverture, les liens utilisés et la durée d’affichage des pages, "
    "avec l’appareil, le programme et un lieu approximatif, pour connaître vos intérêts.",
    {Mode.OFF: "Pour {whom}, rien n’est conservé.",
     Mode.AGGREGATE: "Pour {whom}, nous comptons seulement le total des ouvertures et des clics, sans noms ; les nombres inférieurs à cinq ne sont pas affichés.",
     Mode.HYGIENE: "Pour {whom}, nous conservons le jour de la dernière ouverture, remplacé à chaque fois, pour ne pas écrire à des adresses mortes.",
     Mode.INDIVIDUAL: "Pour chaque message et document qui vous est envoyé, nous conservons l’heure d’ouverture, les liens utilisés et la durée d’affichage "
     "des pages, avec l’appareil, le programme et un lieu approximatif, pour connaître vos intérêts. Nous ne demandons pas d’accord préalable ; vous pouvez vous opposer à tout moment."},
    ("toutes les autres personnes", "toutes les personnes"),
    (
        "Sur nos sites, nous conservons quelles pages sont visitées, depuis où et combien de temps, avec l’appareil et un lieu approximatif ; sans cookies, et avec un nom seulement si vous êtes venu par le lien d’un message reçu ou l’avez donné.",
        "Sur nos sites, nous comptons sans noms les pages visitées, et ne conservons davantage que pour les visiteurs qui l’ont accepté.",
        "Sur nos sites, nous comptons sans noms les pages visitées.",
        "Sur nos sites, rien n’est conservé.",
    ),
    "Les données brutes des requêtes sont supprimées {journal} ; ce qui en est tiré l’est {events}. {addresses} {places} ; aucune décision ayant un effet juridique ou similaire n’est automatique.",
    ("Les données restent sur notre propre serveur et ne vont à personne",
     "Les données restent sur notre propre serveur ; ce qui en est tiré est transmis à {receivers}"),
    "après {days} jours", "après un jour", "à votre demande ou quand nous n’en avons plus besoin",
    {"full": "Les adresses IP ne figurent que dans les données brutes.", "cut": "Les adresses IP ne figurent que dans les données brutes, tronquées (/24, /48).",
     "none": "Les adresses IP ne sont pas conservées."},
    "Vous pouvez voir, emporter et faire effacer ce qui est conservé, et retirer votre accord, {way}. Les navigateurs "
    "avec Global Privacy Control ou Do Not Track sont seulement comptés. Vous pouvez saisir une autorité de contrôle. Responsable : {controller}.",
    "{controller} peut voir quand ce document est ouvert et combien de temps ses pages sont affichées. Vous pouvez l’arrêter sur la page même.",
    "Seulement si vous avez accepté, {controller} peut voir quand ce document est ouvert et combien de temps ses pages sont affichées. Vous pouvez l’arrêter sur la page même.",
    "{controller} compte sans noms les ouvertures de ce document et de ses pages.",
    "l’expéditeur",
    ("par le lien de chaque message", "par un message à {mail}", "par un message à l’expéditeur", " ou "),
)  # fmt: skip
_ITALIAN = Words(
    "Accetto che {controller} veda quando apro questi messaggi e documenti e quali link uso, per sapere che cosa mi interessa. Posso revocare il consenso "
    "in ogni momento {way}, anche per i messaggi già inviati. La ricezione non dipende da esso.",
    "Se hai accettato, conserviamo per ogni messaggio e documento quando viene aperto, quali link sono usati e per quanto tempo le pagine sono mostrate, "
    "con dispositivo, programma e luogo approssimativo, per sapere che cosa ti interessa.",
    {Mode.OFF: "Di {whom} non conserviamo nulla.",
     Mode.AGGREGATE: "Di {whom} contiamo solo il totale di aperture e clic, senza nomi; i numeri inferiori a cinque non vengono mostrati.",
     Mode.HYGIENE: "Di {whom} conserviamo il giorno dell’ultima apertura, sovrascritto ogni volta, per non scrivere a indirizzi morti.",
     Mode.INDIVIDUAL: "Per ogni messaggio e documento che ti inviamo conserviamo quando viene aperto, quali link sono usati e per quanto tempo le pagine sono "
     "mostrate, con dispositivo, programma e luogo approssimativo, per sapere che cosa ti interessa. Non chiediamo un consenso preventivo; puoi opporti in ogni momento."},
    ("tutti gli altri", "tutti"),
    (
        "Sui nostri siti conserviamo quali pagine vengono visitate, da dove e per quanto tempo, con dispositivo e luogo approssimativo; senza cookie, e con un nome solo se sei arrivato dal link di un messaggio ricevuto o lo hai indicato.",
        "Sui nostri siti contiamo senza nomi quali pagine vengono visitate, e conserviamo di più solo dei visitatori che lo hanno accettato.",
        "Sui nostri siti contiamo senza nomi quali pagine vengono visitate.",
        "Sui nostri siti non conserviamo nulla.",
    ),
    "I dati grezzi delle richieste vengono cancellati {journal}; ciò che se ne ricava, {events}. {addresses} {places}; nessuna decisione con effetti giuridici o simili è automatica.",
    ("I dati restano sul nostro server e non vanno a nessuno", "I dati restano sul nostro server; ciò che se ne ricava viene trasmesso a {receivers}"),
    "dopo {days} giorni", "dopo un giorno", "quando lo chiedi o quando non ne abbiamo più bisogno",
    {"full": "Gli indirizzi IP si trovano solo nei dati grezzi.", "cut": "Gli indirizzi IP si trovano solo nei dati grezzi, troncati (/24, /48).",
     "none": "Gli indirizzi IP non vengono conservati."},
    "Puoi vedere, portare con te e far cancellare ciò che è conservato, e revocare il consenso, {way}. I browser con Global Privacy "
    "Control o Do Not Track sono solo contati. Puoi presentare reclamo a un’autorità di controllo. Titolare: {controller}.",
    "{controller} può vedere quando questo documento viene aperto e per quanto tempo le sue pagine sono mostrate. Puoi disattivarlo sulla pagina stessa.",
    "Solo se hai accettato, {controller} può vedere quando questo documento viene aperto e per quanto tempo le sue pagine sono mostrate. Puoi disattivarlo sulla pagina stessa.",
    "{controller} conta senza nomi le aperture di questo documento e delle sue pagine.",
    "il mittente",
    ("con il link in ogni messaggio", "con un messaggio a {mail}", "con un messaggio al mittente", " o "),
)  # fmt: skip
_SPANISH = Words(
    "Acepto que {controller} vea cuándo abro estos mensajes y documentos y qué enlaces uso, para saber qué me interesa. Puedo retirarlo en cualquier "
    "momento {way}, también para los ya enviados. Recibirlos no depende de ello.",
    "Si usted aceptó, guardamos de cada mensaje y documento cuándo se abre, qué enlaces se usan y cuánto tiempo se muestran las páginas, con dispositivo, "
    "programa y lugar aproximado, para saber qué le interesa.",
    {Mode.OFF: "De {whom} no guardamos nada.",
     Mode.AGGREGATE: "De {whom} contamos solo el total de aperturas y clics, sin nombres; los números inferiores a cinco no se muestran.",
     Mode.HYGIENE: "De {whom} guardamos el día de la última apertura, sustituido cada vez, para no escribir a direcciones muertas.",
     Mode.INDIVIDUAL: "De cada mensaje y documento que le enviamos guardamos cuándo se abre, qué enlaces se usan y cuánto tiempo se muestran las páginas, "
     "con dispositivo, programa y lugar aproximado, para saber qué le interesa. No pedimos un consentimiento previo; usted puede oponerse en cualquier momento."},
    ("todas las demás personas", "todas las personas"),
    (
        "En nuestros sitios web guardamos qué páginas se visitan, desde dónde y cuánto tiempo, con dispositivo y lugar aproximado; sin cookies, y con nombre solo si usted llegó por el enlace de un mensaje recibido o lo indicó.",
        "En nuestros sitios web contamos sin nombres qué páginas se visitan, y guardamos más solo de quienes lo aceptaron allí.",
        "En nuestros sitios web contamos sin nombres qué páginas se visitan.",
        "En nuestros sitios web no guardamos nada.",
    ),
    "Los datos brutos de las solicitudes se borran {journal}; lo que se obtiene de ellos, {events}. {addresses} {places}; ninguna decisión con efectos jurídicos o similares es automática.",
    ("Los datos quedan en nuestro propio servidor y no van a nadie", "Los datos quedan en nuestro propio servidor; lo que se obtiene de ellos se transmite a {receivers}"),
    "a los {days} días", "al cabo de un día", "cuando usted lo pida o ya no lo necesitemos",
    {"full": "Las direcciones IP figuran solo en los datos brutos.", "cut": "Las direcciones IP figuran solo en los datos brutos, recortadas (/24, /48).",
     "none": "Las direcciones IP no se guardan."},
    "Usted puede ver, llevarse y hacer borrar lo guardado, y retirar su consentimiento, {way}. Los navegadores con Global "
    "Privacy Control o Do Not Track solo se cuentan. Puede reclamar ante una autoridad de control. Responsable: {controller}.",
    "{controller} puede ver cuándo se abre este documento y cuánto tiempo se muestran sus páginas. Usted puede desactivarlo en la misma página.",
    "Solo si usted aceptó, {controller} puede ver cuándo se abre este documento y cuánto tiempo se muestran sus páginas. Usted puede desactivarlo en la misma página.",
    "{controller} cuenta sin nombres las aperturas de este documento y de sus páginas.",
    "el remitente",
    ("con el enlace de cada mensaje", "con un mensaje a {mail}", "con un mensaje al remitente", " o "),
)  # fmt: skip
WORDS = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "it": _ITALIAN, "es": _SPANISH}


def texts(
    settings: Settings, default: Decision, language: str, receivers: Sequence[str] = (), websites: Websites = None
) -> dict[str, str]:
    """The texts of one language; `default` is what may be kept of people whose choice is not known, `receivers` are given something.

    In health mode the box is empty: nothing that anybody agreed to would be done.
    """
    words, asks = WORDS[language], default.mode is not Mode.INDIVIDUAL
    named = [] if settings.health or not asks else [words.individual]
    facts = {
        "controller": settings.controller or words.nobody,
        "way": _ways(words, settings),
        "whom": words.whom[not named],
        "journal": _after(words, settings.journal_days),
        "events": _after(words, settings.events_days) if settings.events_days else words.open_end,
        "addresses": words.addresses[settings.addresses],
        "places": words.places[bool(receivers)].format(receivers=", ".join(receivers)),
    }
    paragraph = " ".join([*named, words.default[default.mode], *_visits(words, websites), words.kept, words.rights])
    told = words.counted if settings.health else words.asked if asks or settings.reader_ask_first else words.document
    document = told.format(**facts)
    box = "" if settings.health else words.box.format(**facts)
    ticked = f'<label><input type="checkbox" name="consent" value="yes"> {html.escape(box)}</label>'
    shown = footer(Notice("footer", language), default.mode, "#").decode()
    return {
        "form_box": box,
        "form_html": ticked if box else "",
        "privacy_paragraph": paragraph.format(**facts),
        "mail_footer": html.unescape(shown),
        "document_notice": document[0].upper() + document[1:],
    }


def _after(words: Words, days: int) -> str:
    return words.day if days == 1 else words.days.format(days=days)


def _visits(words: Words, websites: Websites) -> list[str]:
    if websites is None:
        return []
    unasked, agreed = websites
    kept, more, counted, nothing = words.visits
    if unasked is Mode.INDIVIDUAL:
        return [kept]
    return [more if agreed is Mode.INDIVIDUAL else counted if unasked > Mode.OFF else nothing]


def _ways(words: Words, settings: Settings) -> str:
    """A link in a header line is none that people see."""
    by_link, by_mail, by_word, either = words.ways
    ways = [by_link] if notice_of(settings).style == "footer" else []
    if settings.controller_mail or not ways:
        ways.append((by_mail if settings.controller_mail else by_word).format(mail=settings.controller_mail))
    return either.join(ways)
