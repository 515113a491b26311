"""The official Standard Webhooks library for JavaScript believes what a server of ours sent, and nothing that was changed.

The one for Python is asked in test_webhooks.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.act.conftest import Receiver, click
from tests.conftest import Server, eventually, inkdot, inkdot_json

LIBRARY = Path(__file__).parent / "official" / "standardwebhooks.js"
VERIFY = """
({ secret, body, headers }) => {
  try {
    return new official.Webhook(secret).verify(body, headers);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}
"""


def test_the_official_library_for_javascript_believes_our_messages(acting: Server, receiver: Receiver) -> None:
    hook = inkdot_json("webhook", "add", receiver.url + "/js", "--type", "mail.clicked", "--data", acting.data)
    old, fresh = hook["secret"], inkdot_json("webhook", "rotate", hook["webhook"], "--data", acting.data)["secret"]
    click(acting, "javascript@example.com", link=1)
    (heard,) = eventually(lambda: receiver.at("/js"))
    body = heard.body.decode()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.add_script_tag(path=LIBRARY)

        def verified(secret: str, body: str, **changed: str) -> Any:
            headers = heard.headers | {name.replace("_", "-"): value for name, value in changed.items()}
            return page.evaluate(VERIFY, {"secret": secret, "body": body, "headers": headers})

        for secret in (old, fresh):  # while a secret is replaced, both sign
            told = verified(secret, body)
            assert (told["type"], told["data"]["person"]) == ("mail.clicked", "javascript@example.com")
        for refused in (
            verified(fresh, body + " "),
            verified("whsec_" + "A" * 44, body),
            verified(fresh, body, webhook_id="dlv_0000000000001"),
        ):
            assert refused == "WebhookVerificationError: No matching signature found"
        late = verified(fresh, body, webhook_timestamp=str(int(heard.headers["webhook-timestamp"]) - 400))
        assert late == "WebhookVerificationError: Message timestamp too old"
        browser.close()
    inkdot("webhook", "rm", hook["webhook"], "--data", acting.data)
