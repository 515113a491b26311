"""A Django project of one file around pytracking's open view, with one ORM insert per open (the peer has no store of its own)."""

from __future__ import annotations

import os
import sys

import django
from django.conf import settings
from django.db import connection, models

settings.configure(
    DEBUG=False, SECRET_KEY="bench", ALLOWED_HOSTS=["*"], ROOT_URLCONF="peer_django", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1",
                           "PORT": os.environ.get("PEER_PORT", "5432"), "CONN_MAX_AGE": None}},
    PYTRACKING_CONFIGURATION={"base_open_tracking_url": "http://127.0.0.1/o/"},
)  # fmt: skip
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django wants its settings first
from django.urls import path  # noqa: E402
from pytracking.django import OpenTrackingView  # noqa: E402


class Open(models.Model):
    """One open."""

    token = models.TextField()
    agent = models.TextField()
    address = models.TextField()

    class Meta:
        """Where it lives."""

        app_label = "peer"

    def __str__(self) -> str:
        return self.token


class View(OpenTrackingView):
    """Stores each open before it answers."""

    def notify_tracking_event(self, tracking_result: object) -> None:
        data = tracking_result.request_data or {}
        Open.objects.create(
            token=self.kwargs["path"], agent=data.get("user_agent") or "", address=data.get("user_ip") or ""
        )

    def get_configuration(self) -> object:
        from pytracking import Configuration  # noqa: PLC0415 - as the peer's documents show

        return Configuration(base_open_tracking_url="http://127.0.0.1/o/")


urlpatterns = [path("o/<str:path>", View.as_view())]
application = get_wsgi_application()

if __name__ == "__main__":
    if sys.argv[1] == "tables":
        with connection.schema_editor() as editor:
            editor.create_model(Open)
    else:
        import pytracking

        for number in range(256):
            url = pytracking.get_open_tracking_url(metadata={"n": number}, base_open_tracking_url="http://127.0.0.1/o/")
            print(url.rsplit("/o/", 1)[1])
