import { writeFileSync } from 'node:fs'

type Authority = { readonly key: string; readonly cert: string }
type Server = {
  readonly start: (port: number) => Promise<void>
  readonly forAnyRequest: () => { readonly thenPassThrough: (options: object) => Promise<unknown> }
}
type Library = {
  readonly generateCACertificate: () => Promise<Authority>
  readonly getLocal: (options: object) => Server
}

/** The peer, which passes everything on and keeps nothing. Its arguments: the module, the port, the roots, where its authority goes. */
const [module = '', port = '', roots = '', authority = ''] = process.argv.slice(2)
const { generateCACertificate, getLocal } = (await import(module)) as Library
const https = await generateCACertificate()
writeFileSync(authority, https.cert)
const server = getLocal({ https, recordTraffic: false, maxBodySize: 0 })
await server.forAnyRequest().thenPassThrough(roots === '' ? {} : { additionalTrustedCAs: [{ certPath: roots }] })
await server.start(Number(port))
