"""A plugin of Airflow's: what MWAA's web server has besides, logging in by a token of CreateWebLoginToken and the CLI by one of CreateCliToken."""

import base64
import hashlib
import hmac
import os
import shlex
import subprocess
import time

from airflow.plugins_manager import AirflowPlugin
from flask import Blueprint, Response, current_app, jsonify, request
from flask_login import login_user

mwaa = Blueprint("aws_mwaa", __name__, url_prefix="/aws_mwaa")
PAGE = """<!doctype html><title>Airflow</title><script>
const form = new URLSearchParams({token: location.hash.slice(1)});
fetch("/aws_mwaa/login", {method: "POST", body: form}).then(answer => { if (answer.ok) location = "/home"; else document.body.textContent = "The token is not valid any more."; });
</script><body>Logging in</body>"""


def holds(kind, token):
    """KIND.EXPIRES.SIGNATURE"""
    parts = (token or "").split(".")
    if len(parts) != 3 or parts[0] != kind or not parts[1].isdigit() or int(parts[1]) < time.time():
        return False
    wanted = hmac.new(os.environ["WEIR_MWAA_SECRET"].encode(), f"{kind}.{parts[1]}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, parts[2])


@mwaa.route("/aws-console-sso")
def console():
    return Response(PAGE, mimetype="text/html")


@mwaa.route("/login", methods=["POST"])
def login():
    if not holds("web", request.form.get("token")):
        return Response("the token is not valid", 401)
    login_user(current_app.appbuilder.sm.find_user("admin"))
    return Response("", 200)


@mwaa.route("/cli", methods=["POST"])
def cli():
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not holds("cli", token):
        return Response("the token is not valid", 403)
    done = subprocess.run(["airflow", *shlex.split(request.get_data(as_text=True))], capture_output=True)
    return jsonify(stdout=base64.b64encode(done.stdout).decode(), stderr=base64.b64encode(done.stderr).decode()), 200 if done.returncode == 0 else 400


def exempt():
    from airflow.www.app import csrf
    csrf.exempt(mwaa)


exempt()


class MwaaWeb(AirflowPlugin):
    name = "aws_mwaa"
    flask_blueprints = [mwaa]
