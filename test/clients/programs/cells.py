"""What every Python client of the matrix has in common: arguments in, lines of JSON out."""

import hashlib
import json
import sys

API, ELSEWHERE, FILE = sys.argv[1:4]
CELLS = sys.argv[4:]


def tell(cell, **facts):
    print(json.dumps({"cell": cell, **facts}), flush=True)


def answered(cell, status, body, **facts):
    tell(cell, status=status, sha256=hashlib.sha256(body).hexdigest(), **facts)


def fingerprint(secure_socket):
    return hashlib.sha256(secure_socket.getpeercert(True)).hexdigest()


def upload_body():
    with open(FILE, "rb") as file:
        return file.read()


def event_of(line):
    """The data of a line of an event stream, None for any other."""
    return line.removeprefix("data: ").strip() if line.startswith("data: ") else None


def url_of(cell):
    return f"{ELSEWHERE}/get" if cell == "tunnel" else f"{API}/{cell}"
