"""Reads the built-in project `movies` and the user's permissions with the vendor's own client, which has no webhook operations.

The argument is the root of the CMS. The user may do everything with webhooks but delete them.
"""

import sys

from contensis_management import api_client, request_handler

HOST = "https://cms-sandbox.cloud.contensis.com"
ROOT = sys.argv[1]


class Redirected(request_handler.RequestHandler):
    """Sends to the stand-in what the client sends to the vendor's host: the client takes an alias only."""

    def get(self, url, headers=None):
        return super().get(url.replace(HOST, ROOT), headers)

    def post(self, url, headers=None, data=None):
        return super().post(url.replace(HOST, ROOT), headers, data)


def login(password="example-password"):
    return api_client.ApiClient.from_credentials("sandbox", "t.durden", password, Redirected())


def is_refused_with_a_wrong_password():
    try:
        login("wrong")
    except PermissionError as error:
        assert error.args[0]["error"] == "IncorrectUsernameorPassword", error
    else:
        raise AssertionError("logged in")


def logs_in():
    assert login().token


def gets_the_project():
    project = login().projects.get("movies")
    assert (project.id, project.primary_language) == ("movies", "en-GB"), project
    assert project.uuid and project.color, project


def lists_projects():
    assert [project.id for project in login().projects.list()] == ["movies"]


def checks_permissions():
    projects = login().projects
    allowed = projects.check_my_permissions("movies", "webhookSubscriptions", "create")
    assert (allowed.status_code, allowed.detail) == (200, {"authorized": True}), allowed
    denied = projects.check_my_permissions("movies", "webhookSubscriptions", "delete")
    assert denied.status_code == 404 and denied.detail["message"], denied
    assert projects.is_allowed("movies", "webhookSubscriptions", "update")


failed = False
for step in [is_refused_with_a_wrong_password, logs_in, gets_the_project, lists_projects, checks_permissions]:
    name = step.__name__.replace("_", " ")
    try:
        step()
        print(f"ok      {name}")
    except Exception as error:
        failed = True
        print(f"FAILED  {name}: {error!r}")
sys.exit(failed)
