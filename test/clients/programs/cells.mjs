/** What every Node client of the matrix has in common: arguments in, lines of JSON out. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export const [api, elsewhere, file, ...cells] = process.argv.slice(2)

export const upload = () => readFileSync(file)

export const tell = (cell, facts) => console.log(JSON.stringify({ cell, ...facts }))

export const answered = (cell, status, body, facts = {}) =>
  tell(cell, { status, sha256: createHash('sha256').update(body).digest('hex'), ...facts })

/** SHA-256 of the certificate on the other end of a TLS socket. */
export const fingerprint = socket =>
  socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? 'none'

/** Calls `seen` with the data of each event, as soon as it is here, and waits for it. */
export async function readEvents(stream, seen) {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      await seen(text.slice('data: '.length, end))
      text = text.slice(end + 2)
    }
  }
}

/** @param client what it does for each cell; `get` stands for those that only look different at the other end */
export async function run(client) {
  for (const cell of cells) await (client[cell] ?? client.get)(cell)
}

/** Where a cell is asked for. */
export const urlOf = cell => (cell === 'tunnel' ? `${elsewhere}/get` : `${api}/${cell}`)

export const binary = { 'content-type': 'application/octet-stream' }
