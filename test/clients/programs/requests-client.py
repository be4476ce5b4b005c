import cells
import requests

session = requests.Session()
for cell in cells.CELLS:
    if cell == "upload":
        with open(cells.FILE, "rb") as file:
            fields = {"Content-Type": "application/octet-stream"}
            answer = session.post(f"{cells.API}/upload", data=file, headers=fields, timeout=20)
        cells.answered(cell, answer.status_code, answer.content)
    elif cell == "events":
        with session.get(f"{cells.API}/events", stream=True, timeout=20) as answer:
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                if (event := cells.event_of(line)) is not None:
                    requests.get(f"{cells.API}/ack", timeout=20)
                    cells.tell(cell, event=event)
    elif cell == "tunnel":
        with session.get(f"{cells.ELSEWHERE}/get", stream=True, timeout=20) as answer:
            certificate = cells.fingerprint(answer.raw._connection.sock)
            cells.answered(cell, answer.status_code, answer.content, certificate=certificate)
    else:
        answer = session.get(f"{cells.API}/{cell}", timeout=20)
        cells.answered(cell, answer.status_code, answer.content)
