import asyncio

import aiohttp
import cells


async def answered(cell, request):
    async with request as answer:
        cells.answered(cell, answer.status, await answer.read())


async def main():
    # Without trust_env it looks at no variable.
    async with aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=20)) as client:
        for cell in cells.CELLS:
            if cell == "upload":
                fields = {"Content-Type": "application/octet-stream"}
                await answered(cell, client.post(f"{cells.API}/upload", data=cells.upload_body(), headers=fields))
            elif cell == "events":
                async with client.get(f"{cells.API}/events") as answer:
                    async for line in answer.content:
                        if (event := cells.event_of(line.decode())) is not None:
                            await (await client.get(f"{cells.API}/ack")).read()
                            cells.tell(cell, event=event)
            else:
                await answered(cell, client.get(cells.url_of(cell)))


asyncio.run(main())
