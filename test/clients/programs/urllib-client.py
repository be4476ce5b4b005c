import http.client
import urllib.request

import cells

kept = []


class Kept(http.client.HTTPSConnection):
    """urllib hides its socket, and closes it early."""

    def connect(self):
        super().connect()
        kept[:] = [cells.fingerprint(self.sock)]


class KeepingHandler(urllib.request.HTTPSHandler):
    def https_open(self, request):
        return self.do_open(Kept, request)


plain = urllib.request.build_opener()
for cell in cells.CELLS:
    if cell == "upload":
        fields = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(f"{cells.API}/upload", cells.upload_body(), fields)
        with plain.open(request, timeout=20) as answer:
            cells.answered(cell, answer.status, answer.read())
    elif cell == "events":
        with plain.open(f"{cells.API}/events", timeout=20) as answer:
            for line in answer:
                if (event := cells.event_of(line.decode())) is not None:
                    plain.open(f"{cells.API}/ack", timeout=20).read()
                    cells.tell(cell, event=event)
    elif cell == "tunnel":
        with urllib.request.build_opener(KeepingHandler()).open(f"{cells.ELSEWHERE}/get", timeout=20) as answer:
            cells.answered(cell, answer.status, answer.read(), certificate=kept[0])
    else:
        with plain.open(f"{cells.API}/{cell}", timeout=20) as answer:
            cells.answered(cell, answer.status, answer.read())
