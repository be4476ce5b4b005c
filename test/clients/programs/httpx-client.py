import cells
import httpx

try:
    import h2  # noqa: F401

    http2 = True
except ImportError:
    http2 = False


def answered(cell, answer):
    version = answer.http_version.removeprefix("HTTP/")
    cells.answered(cell, answer.status_code, answer.read(), http=version.removesuffix(".0"))


with httpx.Client(http2=http2, timeout=20) as client:
    for cell in cells.CELLS:
        if cell == "upload":
            fields = {"Content-Type": "application/octet-stream"}
            answered(cell, client.post(f"{cells.API}/upload", content=cells.upload_body(), headers=fields))
        elif cell == "events":
            with client.stream("GET", f"{cells.API}/events") as answer:
                for line in answer.iter_lines():
                    if (event := cells.event_of(line)) is not None:
                        client.get(f"{cells.API}/ack")
                        cells.tell(cell, event=event)
        else:
            answered(cell, client.get(cells.url_of(cell)))
