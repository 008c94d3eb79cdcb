"""Follows an execution to its end, and misses nothing: python3 watch.py URL"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

KEY = os.environ.get("MILLRACE_API_KEY")
OVER = ("completed", "failed", "cancelled")
PASSING = (429, 502, 503, 504)


def watch(url, last_id=""):
    """Yields (type, data, id) of each event, over as many connections as it takes."""
    while True:
        headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
        if last_id:
            headers["Last-Event-ID"] = last_id
        try:
            # A stream is silent for 15 seconds at most; after 45 the connection is dead.
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=45) as answer:
                if answer.status == 204:
                    return
                for kind, data, event_id in frames(answer):
                    last_id = event_id or last_id
                    yield kind, data, last_id
                    if kind == "end" and data["reason"] in OVER:
                        return
        except urllib.error.HTTPError as error:
            if error.code not in PASSING:
                raise
        except (OSError, http.client.HTTPException) as error:
            print(f"The connection broke: {error}", file=sys.stderr)
        time.sleep(1)


def frames(lines):
    """Takes a stream's lines apart; what a cut leaves unfinished is dropped."""
    fields = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name in ("event", "data", "id"):
            fields[name] = value
        elif name == "" and "data" in fields:
            yield fields.get("event", "message"), json.loads(fields["data"]), fields.get("id", "")
            fields = {}


if __name__ == "__main__":
    for kind, data, event_id in watch(sys.argv[1]):
        print(event_id, kind, data.get("route", data.get("reason", "")), flush=True)
