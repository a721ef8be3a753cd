"""A project of Django as the README of django-plausible-proxy sets it up; prints its port."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["plausible_proxy"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    PLAUSIBLE_DOMAIN="django.example",
    PLAUSIBLE_BASE_URL=sys.argv[1],
    PLAUSIBLE_SCRIPT_PREFIX="plsbl/js",
    PLAUSIBLE_REQUEST_TIMEOUT=10,
)
django.setup()

from plausible_proxy import send_custom_event  # noqa: E402  (needs the settings)

PAGE = """{% load plausible %}<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<link rel="icon" href="data:,">{% plausible script='script.js' %}</head><body><h1>Page</h1></body></html>"""


def page(request):
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


def register(request):
    send_custom_event(request, name="Register", props={"plan": "Premium"})
    return page(request)


urlpatterns = [path("", page), path("register", register), path("", include("plausible_proxy.urls"))]


class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass


with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Silent) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
