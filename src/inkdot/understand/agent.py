"""What program a request comes from: mail client or browser, system, device - as far as its name tells.

Names of proxies and machines are never read for a system: they wear costumes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from ua_parser import parse

from inkdot.domain.evidence import Field, Reason, Status

MOST_CHARACTERS = 512
_ABSURD, _BEGINNING = 2_048, 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Agent(NamedTuple):
    """What an agent string and client hints say."""

    client: Field
    os: Field
    os_version: Field
    device: Field
    mail: bool = False
    """A program made for mail."""
    documents: bool = False
    """A program made for documents."""


_SILENT = Field(None, Status.UNKNOWN, Reason.AGENT_SILENT)
NO_AGENT = Agent(*(Field(None, Status.UNKNOWN, Reason.NO_AGENT),) * 4)

_OF_PARSER = {
    "Mac OS X": "macOS", "Chrome OS": "ChromeOS", "Ubuntu": "Linux", "Fedora": "Linux", "Debian": "Linux",
    "Windows Phone": "Windows Phone", "Tizen": "Tizen", "HarmonyOS": "HarmonyOS", "Web0S": "webOS",
}  # fmt: skip
_DESKTOP = {"Windows", "macOS", "Linux", "ChromeOS", "FreeBSD", "OpenBSD"}


class _MailClient(NamedTuple):
    sign: str
    client: str
    os: str | None = None
    device: str | None = None


# Programs that name themselves. Systems stand here where the name implies them and the agent does not say so.
# Sources: fixtures of uap-core and device-detector (pim), Microsoft's documents on Outlook's agents.
_MAIL_CLIENTS = (
    _MailClient("Thunderbird/", "Thunderbird"), _MailClient("Icedove/", "Icedove"), _MailClient("Postbox/", "Postbox"),
    _MailClient("SeaMonkey/", "SeaMonkey"), _MailClient("MacOutlook/", "Outlook", "macOS", "desktop"),
    _MailClient("Outlook-iOS-Android/", "Outlook", None, "mobile"), _MailClient("Outlook-iOS/", "Outlook", "iOS"),
    _MailClient("Outlook-Android/", "Outlook", "Android"), _MailClient("Microsoft Outlook", "Outlook", "Windows", "desktop"),
    _MailClient("ms-office", "Outlook", "Windows", "desktop"), _MailClient("MSOffice", "Outlook", "Windows", "desktop"),
    _MailClient("Microsoft Office Outlook/", "Outlook"), _MailClient("Microsoft Office/", "Outlook", "Windows", "desktop"), _MailClient("Airmail", "Airmail"),
    _MailClient("eM Client", "eM Client", None, "desktop"), _MailClient("eMClient", "eM Client", None, "desktop"),
    _MailClient("Mailbird", "Mailbird", "Windows", "desktop"), _MailClient("Mailspring", "Mailspring", None, "desktop"),
    _MailClient("BlueMail", "BlueMail"), _MailClient("Foxmail", "Foxmail", None, "desktop"),
    _MailClient("Superhuman", "Superhuman"), _MailClient("Lotus-Notes", "Lotus Notes", None, "desktop"),
    _MailClient("NaverMailApp", "Naver Mail", None, "mobile"), _MailClient("Android-Gmail", "Gmail", "Android", "mobile"),
    _MailClient("The Bat!", "The Bat!", "Windows", "desktop"), _MailClient("Evolution/", "Evolution", "Linux", "desktop"),
    _MailClient("Barca", "Barca", "Windows", "desktop"), _MailClient("Claws Mail", "Claws Mail", None, "desktop"),
)  # fmt: skip

_OFFICE_PROGRAM = re.compile(r"Microsoft (?:Office )?(Word|Excel|PowerPoint|OneNote|Visio)\b")
_OFFICE_SYSTEM = re.compile(r"\((Mac OS|iOS|Windows)/([\d.]+); (Desktop|Tablet|Phone)")
_OFFICE = re.compile(r"ms-office|MSOffice|^Microsoft Office/")
"""Outlook if it fetches what stands in a mail; in a document it may be any of them."""
_OTHER_OFFICES = ("LibreOffice", "OpenOffice", "ONLYOFFICE", "Collabora")
_OFFICE_SYSTEMS = {"Mac OS": "macOS", "iOS": "iOS", "Windows": "Windows"}
_OFFICE_DEVICES = {"Desktop": "desktop", "Tablet": "tablet", "Phone": "mobile"}
_WINDOWS = {"6.1": "7", "6.2": "8", "6.3": "8.1"}

_APPS = (
    ("[FB", "Facebook"), ("FBAN/", "Facebook"), ("FBAV/", "Facebook"), ("MetaIAB", "Facebook"), ("Instagram ", "Instagram"),
    ("LinkedInApp", "LinkedIn"), ("Snapchat/", "Snapchat"), ("Pinterest/", "Pinterest"), ("MicroMessenger/", "WeChat"),
    (" Line/", "Line"), ("musical_ly", "TikTok"), ("BytedanceWebview", "TikTok"), ("TwitterAndroid", "Twitter"), ("WhatsApp/", "WhatsApp"),
    ("GSA/", "Google"),
    ("YaBrowser/", "Yandex Browser"), ("YaSearchBrowser/", "Yandex Browser"), ("YandexSearch/", "Yandex Browser"),
    ("MiuiBrowser/", "Mi Browser"), ("HuaweiBrowser/", "Huawei Browser"), ("MQQBrowser/", "QQ Browser"), ("VivoBrowser/", "vivo Browser"),
    ("baiduboxapp/", "Baidu Box App"), ("LG Browser/", "LG Browser"), ("SamsungBrowser/", "Samsung Internet"), ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"), ("Quark/", "Quark Browser"), ("UCBrowser/", "UC Browser"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("OPT/", "Opera"), ("Vivaldi/", "Vivaldi"), ("CriOS/", "Chrome"), ("FxiOS/", "Firefox"),
)  # fmt: skip
_IOS_WEBKIT = re.compile(r"\((iPhone|iPad|iPod)[^)]*\) AppleWebKit/[\d.]+ \(KHTML, like Gecko\)(?: Mobile/\w+)?$")
_MAC_WEBKIT = re.compile(r"\(Macintosh; [^)]*\) AppleWebKit/[\d.]+ \(KHTML, like Gecko\)$")
_MAC_SAFARI = re.compile(r"\(Macintosh; [^)]*\) AppleWebKit/[\d.]+ \(KHTML, like Gecko\) Version/[\d.]+ Safari/[\d.]+$")
"""What Safari says on a Mac, and on an iPad as long as nobody asks it for mobile sites."""
_TV = re.compile(
    r"(?i)smart-?tv|\bAFT[A-Z]|apple ?tv|googletv|android ?tv|bravia|hbbtv|web0s|crkey|roku|chromecast|\btv\b|_tv\b|\btv_"
    r"|\bOMI/|NETTV|InettvBrowser|CE-HTML|Android [\d.]+;[^;)]*\bbox\b"
    r"|Android [\d.]+;(?!.*Mobile)[^;)]*(?:\b|[a-z_])(?:24|32|39|40|42|43|49|50|55|58|65|75|85)[a-z]{1,3}\d"
)
_TABLET = re.compile(
    r"(?i)ipad|tablet|kindle|silk/|playbook|/apad\b|\bSM-[TXP]\d{3}|\bGT-P\d{4}|Nexus (?:7|9|10)\b|Pixel C\b|\bKF[A-Z]{2,6}\b|Lenovo (?:TB|YT|B)"
    r"|Android [\d.]+;(?: \w\w[-_]\w\w;)?[^;)]*(?:\btab|_tab|tab(?:\b|[\d_])|(?<!cool)pad(?:\b|[\d_]))"
)
"""Sizes and words that makers put into names; of 2,146 Android televisions and 6,901 tablets that people were seen with."""
_ANDROID_BROWSER = re.compile(r"Chrome/|Version/4\.0")
"""Browsers that say Mobile on phones."""
_FROZEN_IOS = re.compile(r"CPU (?:iPhone )?OS 18_[67]\b")
_CHROME = re.compile(r"Chrom(?:e|ium)/(\d+)")


def clean(text: str, most: int = MOST_CHARACTERS) -> str:
    """Text from a stranger as plain text: cut, without control and direction characters and halves of pairs."""
    return _CONTROL.sub("", text[:most])


def agent_text(text: str) -> str:
    """A program's name for itself as plain text; of one longer than any real one has, the beginning is enough."""
    return clean(text, _BEGINNING if len(text) > _ABSURD else MOST_CHARACTERS)


_HINTS = ("sec-ch-ua-platform", "sec-ch-ua-mobile", "sec-ch-ua-platform-version")


def name(agent: str | None, headers: Mapping[str, str], *, in_document: bool = False) -> Agent:
    """What `agent` and the client hints among `headers` (lower-case names) say.

    `in_document`: it fetched what stands in a document.
    """
    return _name(agent, in_document, *(headers.get(hint, "") for hint in _HINTS)) if agent else NO_AGENT


@lru_cache(10_000)
def _name(agent: str, in_document: bool, *hints: str) -> Agent:
    headers = dict(zip(_HINTS, hints, strict=True))
    parsed = parse(agent)
    family = parsed.os.family if parsed.os else None
    os: str | None = _OF_PARSER.get(family, family) if family and family != "Other" else None
    if os == "iOS" and "iPad" in agent:
        os = "iPadOS"
    if "HarmonyOS" in agent or "OpenHarmony" in agent:
        os = "HarmonyOS"
    hinted = headers.get("sec-ch-ua-platform", "").strip('"')
    if hinted:
        os = "ChromeOS" if hinted in ("Chrome OS", "Chromium OS") else hinted
    if (office := _office_program(agent, in_document=in_document)) is not None:
        return _office(office, agent, os, headers)
    if _MAC_WEBKIT.search(agent):
        return _shared("Apple Mail", "macOS", "desktop", mail=True)
    if _IOS_WEBKIT.search(agent):
        device = "tablet" if "iPad" in agent else "mobile"
        return Agent(_degraded("Apple Mail"), _known(os), _version(agent, os, headers), _known(device), mail=True)
    mail = next((m for m in _MAIL_CLIENTS if m.sign in agent), None)
    if mail:
        os = mail.os or os
        made_for = mail.device or ("desktop" if os in _DESKTOP else _device(agent, os, headers))
        if mail.sign == "Outlook-iOS/":
            return Agent(_known("Outlook"), _known(os), _SILENT, _degraded("mobile"), mail=True)
        return Agent(_known(mail.client), _known(os), _version(agent, os, headers), _known(made_for), mail=True)
    client = _client(agent, parsed.user_agent.family if parsed.user_agent else None)
    kind = _degraded("desktop") if _MAC_SAFARI.search(agent) else _known(_device(agent, os, headers))
    return Agent(client, _known(os), _version(agent, os, headers), kind)


def _office_program(agent: str, *, in_document: bool) -> str | None:
    """The program for documents that an agent names."""
    if found := _OFFICE_PROGRAM.search(agent):
        return f"Microsoft {found[1]}"
    if in_document and "Outlook" not in agent and _OFFICE.search(agent):
        return "Microsoft Office"
    return next((other for other in _OTHER_OFFICES if agent.startswith(other)), None)


def _office(client: str, agent: str, os: str | None, headers: Mapping[str, str]) -> Agent:
    if client == "Microsoft Office" and os is None:
        os = "Windows"  # elsewhere they name the system
    version, device = _version(agent, os, headers), "desktop" if os in _DESKTOP else None
    if said := _OFFICE_SYSTEM.search(agent):
        device = _OFFICE_DEVICES[said[3]]
        os = "iPadOS" if "/iPad" in agent else _OFFICE_SYSTEMS[said[1]]
        version = Field(_WINDOWS.get(said[2], said[2].removesuffix(".0")), Status.KNOWN)
        if os == "Windows" and version.value == "10":
            version = Field("10", Status.DEGRADED, Reason.VERSION_FROZEN)
    return Agent(_known(client), _known(os), version, _known(device), documents=True)


def _client(agent: str, family: str | None) -> Field:
    app = next((label for token, label in _APPS if token in agent), None)
    if app is None and "; wv)" in agent:
        return Field("Chrome Webview", Status.DEGRADED, Reason.AGENT_SILENT)
    if app is None and family and family != "Other":
        app = family.removesuffix(" UI/WKWebView").removesuffix(" iOS").replace("Mobile Safari", "Safari")
        app = "Internet Explorer" if app == "IE" else app
    return _known(app)


def _known(value: str | None) -> Field:
    return Field(value, Status.KNOWN) if value else _SILENT


def _degraded(value: str) -> Field:
    return Field(value, Status.DEGRADED, Reason.AGENT_SHARED)


def _shared(client: str, os: str, device: str, *, mail: bool) -> Agent:
    return Agent(_degraded(client), _degraded(os), _SILENT, _degraded(device), mail=mail)


def _device(agent: str, os: str | None, headers: Mapping[str, str]) -> str | None:
    hint = headers.get("sec-ch-ua-mobile", "").strip()
    if _TV.search(agent):
        return "tv"
    if os == "iPadOS" or _TABLET.search(agent):
        return "tablet"
    if "(PC;" in agent:
        return "desktop"
    if os in ("Android", "HarmonyOS"):
        small = "Mobile" in agent or hint == "?1" or not _ANDROID_BROWSER.search(agent)
        return "mobile" if small else "tablet"
    if os in ("iOS", "KaiOS", "Windows Phone") or hint == "?1" or " Mobile/" in agent:
        return "mobile"
    return "desktop" if os in _DESKTOP else None


def _version(agent: str, os: str | None, headers: Mapping[str, str]) -> Field:
    hinted = headers.get("sec-ch-ua-platform-version", "").strip('"')
    if hinted:
        if os == "Windows":
            major = hinted.partition(".")[0]
            return Field("11" if major.isdigit() and int(major) >= 13 else "10", Status.KNOWN)
        return Field(hinted.removesuffix(".0.0").removesuffix(".0"), Status.KNOWN)
    parsed = parse(agent).os if os != "HarmonyOS" else None  # its agents name an Android beside it
    parts = (parsed.major, parsed.minor) if parsed else ()
    value = ".".join(p for p in parts if p) or None
    if value is None:
        return _SILENT
    chrome = _CHROME.search(agent)
    frozen = (
        (os == "Windows" and value.startswith("10"))
        or (os == "macOS" and "10_15_7" in agent)
        or (os == "Android" and chrome is not None and int(chrome[1]) >= 90)
        or (os in ("iOS", "iPadOS") and _FROZEN_IOS.search(agent) is not None)
    )
    return Field(value, Status.DEGRADED, Reason.VERSION_FROZEN) if frozen else Field(value, Status.KNOWN)
