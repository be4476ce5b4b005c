import { rawExchange } from './client.js'
import type { TestDaemon } from './daemon.js'
import { readExposition, type Scrape } from './exposition-reader.js'

/** What the admin side of a daemon answers to `GET /metrics`. */
export async function scrapeText({ daemon: { admin } }: TestDaemon): Promise<string> {
  if (admin?.kind !== 'tcp') throw new Error('the daemon has no admin port')
  const request = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  const raw = await rawExchange(admin.port, request)
  const [head = '', text = ''] = raw.split('\r\n\r\n')
  if (!/^HTTP\/1\.1 200 /.test(head)) throw new Error(head)
  if (!/^content-type: text\/plain; version=0\.0\.4; charset=utf-8\r?$/im.test(head)) throw new Error(head)
  return text
}

/** The same, read strictly. */
export const scrape = async (daemon: TestDaemon): Promise<Scrape> => readExposition(await scrapeText(daemon))
