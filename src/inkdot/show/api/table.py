"""Every address of the API on one page."""

from __future__ import annotations

from typing import Any

from inkdot.act.notice import Wish
from inkdot.domain import wire, wire_acting
from inkdot.domain.account import Scope
from inkdot.show.api import (
    asked,
    audiences,
    documents,
    events,
    messages,
    notices,
    people,
    session,
    sites,
    triggers,
    webhooks,
)
from inkdot.show.api.call import Endpoint, Page

READ, SEND, MANAGE, PRIVACY = Scope.READ, Scope.SEND, Scope.MANAGE, Scope.PRIVACY
_FILE, _MAIL = 100_000_000, 52_000_000

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/me", session.me, None, "Who asks, where, and what is allowed", wire.Me),
    # events
    Endpoint("GET", "/events", events.list_events, READ, "List events", Page[wire.Event], asked.Events),
    Endpoint("GET", "/events/{event}", events.explain_event, READ, "Explain an event", wire.Explanation),
    Endpoint("POST", "/events/{event}/correction", events.correct_event, MANAGE, "Correct an event", wire.Explanation,
             body=asked.Correction),
    Endpoint("DELETE", "/events/{event}/correction", events.forget_correction, MANAGE, "Take a correction back", wire.Explanation),
    Endpoint("GET", "/corrections", events.list_corrections, READ, "List corrections", Page[wire.Corrected], asked.Listed),
    # mails and links
    Endpoint("GET", "/messages", messages.list_messages, READ, "List mails", Page[wire.MailReport], asked.Mails),
    Endpoint("POST", "/messages", messages.mark_message, SEND, "Mark a mail", wire.Marked, body=asked.Mark, status=201, most=_MAIL),
    Endpoint("GET", "/messages/{message}", messages.show_message, READ, "Show a mail", wire.Message),
    Endpoint("PATCH", "/messages/{message}", messages.name_message, SEND, "Say how a mail left", wire.Message, body=asked.Left),
    Endpoint("POST", "/links", messages.make_link, SEND, "Make a tracked link", wire.Link, body=asked.NewLink, status=201),
    # people
    Endpoint("GET", "/people", people.list_people, READ, "List people", Page[wire.Person], asked.People),
    Endpoint("GET", "/people/{person}", people.show_person, READ, "Show a person", wire.KnownPerson),
    Endpoint("DELETE", "/people/{person}", people.erase_person, PRIVACY, "Erase a person", dict[str, Any]),
    Endpoint("PUT", "/people/{person}/details", people.set_details, MANAGE, "Say what you know of a person", wire.KnownPerson, body=asked.Details),
    Endpoint("GET", "/people/{person}/timeline", people.show_timeline, READ, "Show a person's timeline", wire.Timeline),
    Endpoint("GET", "/people/{person}/identities", people.show_identities, READ, "Show who a person is", dict[str, Any]),
    Endpoint("POST", "/people/{person}/merge", people.merge_person, MANAGE, "Say that two are one", dict[str, Any], body=asked.Other),
    Endpoint("POST", "/people/{person}/unmerge", people.unmerge_person, MANAGE, "Take that back", dict[str, Any], body=asked.Other),
    Endpoint("GET", "/people/{person}/consent", people.list_choices, PRIVACY, "List a person's choices", Page[wire.Choice], asked.Listed),
    Endpoint("POST", "/people/{person}/consent", people.set_consent, PRIVACY, "Write down a choice", wire.Consent, body=asked.NewConsent),
    Endpoint("POST", "/people/{person}/withdrawal", people.withdraw_consent, PRIVACY, "Withdraw consent", wire.Consent, body=asked.Withdrawal,
             or_scope=MANAGE),
    Endpoint("GET", "/consent/limits", people.list_limits, PRIVACY, "List limits of what may be kept", Page[wire.Limit], asked.Listed),
    Endpoint("POST", "/consent/limits", people.set_limit, PRIVACY, "Limit what may be kept", wire.Limit, body=asked.NewLimit),
    Endpoint("GET", "/people/{person}/export", people.export_person, PRIVACY, "Export a person", dict[str, Any]),
    # documents
    Endpoint("GET", "/documents", documents.list_documents, READ, "List documents", Page[wire.Document], asked.Listed),
    Endpoint("POST", "/documents", documents.add_document, SEND, "Take in a file", wire.Document, asked.File, bytes, 201, _FILE),
    Endpoint("GET", "/documents/{document}", documents.show_document, READ, "Show a document", wire.Document),
    Endpoint("DELETE", "/documents/{document}", documents.delete_document, SEND, "Delete a document", status=204),
    Endpoint("PUT", "/documents/{document}/file", documents.replace_document, SEND, "Put a new file behind a document's links",
             wire.Document, asked.File, bytes, most=_FILE),
    Endpoint("GET", "/documents/{document}/report", documents.report_document, READ, "Report how a document was read",
             wire.DocumentReport, asked.Reading),
    Endpoint("POST", "/documents/{document}/shares", documents.share_document, SEND, "Share a document", wire.Shared,
             body=asked.NewShare, status=201),
    Endpoint("DELETE", "/shares/{share}", documents.revoke_share, SEND, "End a link to a document", status=204),
    # websites
    Endpoint("GET", "/sites", sites.list_sites, READ, "List websites", Page[wire.Site], asked.Listed),
    Endpoint("POST", "/sites", sites.add_site, MANAGE, "Add a website", wire.Site, body=asked.NewSite, status=201),
    Endpoint("GET", "/sites/{site}", sites.show_site, READ, "Show a website", wire.Site),
    Endpoint("POST", "/sites/{site}/server-key", sites.server_key, MANAGE, "Show or revoke the key of its servers", wire.ServerKey, body=asked.ServerKey),
    Endpoint("POST", "/sites/{site}/goals", sites.set_goal, MANAGE, "Keep a goal", wire.Site, body=asked.NewGoal, status=201),
    Endpoint("DELETE", "/sites/{site}/goals/{goal}", sites.delete_goal, MANAGE, "Forget a goal", status=204),
    Endpoint("GET", "/sites/{site}/report", sites.report_site, READ, "Report a website", dict[str, Any], asked.Visits),
    Endpoint("GET", "/sites/{site}/searches", sites.list_searches, READ, "List what was searched", Page[wire.Search], asked.Searches),
    Endpoint("GET", "/leads", sites.list_leads, READ, "List leads", Page[wire.Lead], asked.Leads),
    # triggers
    Endpoint("GET", "/triggers", triggers.list_triggers, READ, "List triggers", Page[wire_acting.Trigger], asked.Listed),
    Endpoint("POST", "/triggers", triggers.keep_trigger, MANAGE, "Keep a trigger", wire_acting.Trigger, body=asked.NewTrigger, status=201),
    Endpoint("POST", "/triggers/test", triggers.test_rule, READ, "Try a rule on the past", wire_acting.Rehearsal, body=asked.Trial),
    Endpoint("GET", "/triggers/{trigger}", triggers.show_trigger, READ, "Show a trigger", wire_acting.Trigger),
    Endpoint("PATCH", "/triggers/{trigger}", triggers.switch_trigger, MANAGE, "Switch a trigger", wire_acting.Trigger, body=asked.Switch),
    Endpoint("DELETE", "/triggers/{trigger}", triggers.delete_trigger, MANAGE, "Remove a trigger", status=204),
    Endpoint("POST", "/triggers/{trigger}/test", triggers.test_trigger, READ, "Try a trigger on the past", wire_acting.Rehearsal, body=asked.Span),
    # audiences
    Endpoint("GET", "/audiences", audiences.list_audiences, READ, "List audiences", Page[wire_acting.Audience], asked.Listed),
    Endpoint("POST", "/audiences", audiences.keep_audience, MANAGE, "Keep an audience", wire_acting.Audience, body=asked.NewAudience, status=201),
    Endpoint("GET", "/audiences/{audience}", audiences.show_audience, READ, "Show an audience", wire_acting.Audience),
    Endpoint("DELETE", "/audiences/{audience}", audiences.delete_audience, MANAGE, "Remove an audience", status=204),
    Endpoint("GET", "/audiences/{audience}/members", audiences.list_members, READ, "List who is on it", Page[wire_acting.MemberOf], asked.Listed),
    Endpoint("POST", "/audiences/{audience}/members", audiences.join_audience, MANAGE, "Let somebody join", wire_acting.Audience,
             body=asked.Joining, status=201),
    Endpoint("DELETE", "/audiences/{audience}/members/{person}", audiences.leave_audience, MANAGE, "Let somebody leave", wire_acting.Audience),
    Endpoint("POST", "/audiences/{audience}/exports", audiences.export_audience, PRIVACY, "Export an audience", wire_acting.Exported,
             body=asked.Export, status=201),
    # webhooks
    Endpoint("GET", "/webhooks", webhooks.list_webhooks, READ, "List webhooks", Page[wire_acting.Webhook], asked.Listed),
    Endpoint("POST", "/webhooks", webhooks.add_webhook, MANAGE, "Add a webhook", wire_acting.Webhook, body=asked.NewWebhook, status=201),
    Endpoint("GET", "/webhooks/{webhook}", webhooks.show_webhook, READ, "Show a webhook", wire_acting.Webhook),
    Endpoint("PATCH", "/webhooks/{webhook}", webhooks.switch_webhook, MANAGE, "Switch a webhook", wire_acting.Webhook, body=asked.Switch),
    Endpoint("DELETE", "/webhooks/{webhook}", webhooks.delete_webhook, MANAGE, "Remove a webhook", status=204),
    Endpoint("POST", "/webhooks/{webhook}/rotate", webhooks.rotate_webhook, MANAGE, "Give a webhook a new secret", wire_acting.Webhook),
    Endpoint("POST", "/webhooks/{webhook}/test", webhooks.test_webhook, MANAGE, "Send a test message", Page[wire_acting.TriedDelivery],
             body=asked.TestOf),
    Endpoint("POST", "/webhooks/{webhook}/replay", webhooks.replay_webhook, MANAGE, "Deliver again", Page[wire_acting.TriedDelivery],
             body=asked.Again),
    Endpoint("GET", "/deliveries", webhooks.list_deliveries, READ, "List deliveries", Page[wire_acting.Delivery], asked.Log),
    Endpoint("GET", "/deliveries/{delivery}", webhooks.show_delivery, MANAGE, "Show a delivery", wire_acting.WholeDelivery),
    Endpoint("POST", "/deliveries/{delivery}/replay", webhooks.replay_delivery, MANAGE, "Deliver one again", wire_acting.TriedDelivery),
    # notices
    Endpoint("GET", "/notices", notices.show_notices, READ, "Show how you are told", wire_acting.Notices),
    Endpoint("PUT", "/notices", notices.set_notices, READ, "Say how you want to be told", wire_acting.Notices, body=Wish),
    Endpoint("PUT", "/people/{person}/mute", notices.mute_person, READ, "Hear nothing about a person", wire_acting.Muted),
    Endpoint("DELETE", "/people/{person}/mute", notices.unmute_person, READ, "Hear about a person again", wire_acting.Muted),
)  # fmt: skip
